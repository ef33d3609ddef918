/// The C interface between Apus and its tensor library (libtorch behind `libapus_tensor.so`).
///
/// The library exports one symbol, `apus_tensor_interface`, which returns a table of functions. Operations are not
/// listed here: `call` reaches every operator of the library by its name, so that the interface stays as it is while
/// the operations in use grow. No C++ exception and no C++ type crosses it.
#ifndef APUS_TENSOR_H
#define APUS_TENSOR_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Raised whenever a structure or the meaning of a value changes, or the table otherwise than by functions at its end.
#define APUS_TENSOR_ABI 1

/// One owned reference to a tensor; given back with `release`.
typedef struct apus_tensor *apus_tensor_ref;

/// What a value holds. New kinds are added at the end.
enum {
    /// Nothing: an absent optional.
    APUS_NONE = 0,
    /// An argument that the operator's own default fills in.
    APUS_DEFAULT = 1,
    APUS_TENSOR = 2,
    APUS_INTEGER = 3,
    APUS_NUMBER = 4,
    APUS_BOOLEAN = 5,
    /// An element type, one of `APUS_FLOAT32`….
    APUS_DTYPE = 6,
    APUS_INTEGERS = 7,
    APUS_TENSORS = 8,
    APUS_STRING = 9,
};

/// Element types.
enum {
    APUS_FLOAT32 = 0,
    APUS_FLOAT16 = 1,
    APUS_BFLOAT16 = 2,
    APUS_INT64 = 3,
    APUS_UINT8 = 4,
    APUS_BOOL = 5,
    APUS_FLOAT64 = 6,
    APUS_INT32 = 7,
};

/// How a call ended; the text is in `message`.
enum {
    APUS_OK = 0,
    /// The operator refused its arguments or failed.
    APUS_FAILED = 1,
    /// No operator has that name.
    APUS_UNKNOWN_OPERATOR = 2,
    APUS_OUT_OF_MEMORY = 3,
    /// The operator would write to memory that is only read.
    APUS_READ_ONLY = 4,
};

/// An argument or a result. Arrays and tensors of an argument are borrowed for the call; a tensor in a result is owned
/// by the caller.
typedef struct apus_value {
    int32_t kind;
    int32_t reserved;
    /// Elements of `integers` or `tensors`.
    int64_t count;
    union {
        int64_t integer;
        double number;
        apus_tensor_ref tensor;
        const int64_t *integers;
        const apus_tensor_ref *tensors;
        const char *string;
    } payload;
} apus_value;

typedef struct apus_tensor_table {
    /// `APUS_TENSOR_ABI` of the library.
    int32_t abi;
    /// Bytes of the library's table: those at its end may be missing in one that is older than its caller.
    int32_t size;
    /// Version of libtorch, for reports.
    const char *version;

    /// Why the last call on this thread did not return `APUS_OK`; valid until the next.
    const char *(*message)(void);

    /// Calls an operator, `name` or `name.overload`, with positional arguments; those missing at the end take their
    /// defaults. Lists and tuples in the result are flattened.
    int32_t (*call)(
        const char *name, const apus_value *arguments, size_t count, apus_value *results, size_t capacity,
        size_t *produced);

    /// A new tensor from `size` bytes in row-major order, which are copied.
    int32_t (*from_bytes)(
        int32_t dtype, const int64_t *shape, size_t rank, const void *bytes, size_t size, apus_tensor_ref *result);
    /// Copies the elements out in row-major order; `size` must be exactly theirs.
    int32_t (*to_bytes)(apus_tensor_ref tensor, void *bytes, size_t size);
    void (*release)(apus_tensor_ref tensor);

    size_t (*rank)(apus_tensor_ref tensor);
    /// Writes `rank` lengths.
    void (*shape)(apus_tensor_ref tensor, int64_t *lengths);
    /// One of `APUS_FLOAT32`…, or -1 for a type that has no name here.
    int32_t (*dtype)(apus_tensor_ref tensor);

    int32_t (*requires_gradient)(apus_tensor_ref tensor);
    int32_t (*set_requires_gradient)(apus_tensor_ref tensor, int32_t required);
    /// The accumulated gradient, or null.
    int32_t (*gradient)(apus_tensor_ref tensor, apus_tensor_ref *result);
    /// Replaces the accumulated gradient; null forgets it.
    int32_t (*set_gradient)(apus_tensor_ref tensor, apus_tensor_ref gradient);
    /// Accumulates gradients of Σ outputs·seeds into the leaves. A null seed is 1, for outputs of one element.
    int32_t (*backward)(const apus_tensor_ref *outputs, const apus_tensor_ref *seeds, size_t count);
    /// Gradients of Σ outputs·seeds with respect to `inputs`; null where there is no path. `keep` lets the gradient be
    /// differentiated again.
    int32_t (*differentiate)(
        const apus_tensor_ref *outputs, const apus_tensor_ref *seeds, size_t count, const apus_tensor_ref *inputs,
        size_t inputs_count, int32_t keep, apus_tensor_ref *results);

    /// Whether this thread records operations for gradients; returns what held before.
    int32_t (*set_recording)(int32_t enabled);

    /// Threads that one operation uses.
    int32_t (*threads)(void);
    int32_t (*set_threads)(int32_t count);

    /// A new tensor that reads `size` bytes where they are, in row-major order. They never change, and stay until
    /// `release` is called with the context: once, on any thread, when nothing reads them any more, also where this fails.
    /// Operators that would write to the tensor or to a view of it are refused with `APUS_READ_ONLY`.
    int32_t (*from_memory)(
        int32_t dtype, const int64_t *shape, size_t rank, const void *bytes, size_t size, void *context,
        void (*release)(void *context), apus_tensor_ref *result);
    /// Whether the tensor reads such memory.
    int32_t (*reads_memory)(apus_tensor_ref tensor);
} apus_tensor_table;

/// Opens the library and checks its interface.
///
/// Returns the table, or null with the reason in `reason` (cut at `capacity`).
const apus_tensor_table *apus_tensor_open(const char *path, char *reason, size_t capacity);

#ifdef __cplusplus
}
#endif
#endif

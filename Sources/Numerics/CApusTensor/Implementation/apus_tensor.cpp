// libtorch behind the interface of apus_tensor.h. Built by Scripts/build-tensor; the Swift package does not see it.
#include "../include/apus_tensor.h"

#include <ATen/EmptyTensor.h>
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/jit_type.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <unordered_map>

namespace {

using Handle = apus_tensor_ref;

thread_local std::string lastMessage;

/// A failure with its status; turned into a code and a text before it can reach the caller.
struct Failure {
    int32_t status;
    std::string text;
};

/// Runs the body and turns every exception into a status.
template <class Body>
int32_t guarded(Body&& body) noexcept {
    try {
        body();
        return APUS_OK;
    } catch (const Failure& failure) {
        lastMessage = failure.text;
        return failure.status;
    } catch (const c10::OutOfMemoryError& error) {
        lastMessage = error.what_without_backtrace();
        return APUS_OUT_OF_MEMORY;
    } catch (const c10::Error& error) {
        lastMessage = error.what_without_backtrace();
        // The CPU allocator reports a lack of memory as a plain error.
        return lastMessage.find("DefaultCPUAllocator") != std::string::npos ? APUS_OUT_OF_MEMORY : APUS_FAILED;
    } catch (const std::bad_alloc&) {
        lastMessage = "out of memory";
        return APUS_OUT_OF_MEMORY;
    } catch (const std::exception& error) {
        lastMessage = error.what();
        return APUS_FAILED;
    } catch (...) {
        lastMessage = "an unknown exception";
        return APUS_FAILED;
    }
}

/// The tensor of a borrowed handle, with a reference of its own.
at::Tensor borrow(Handle handle) {
    if (!handle) return at::Tensor();
    return at::Tensor(c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>::unsafe_reclaim_from_nonowning(
        reinterpret_cast<at::TensorImpl*>(handle)));
}

/// A handle that owns one reference; null for the undefined tensor.
Handle own(at::Tensor tensor) {
    if (!tensor.defined()) return nullptr;
    return reinterpret_cast<Handle>(tensor.unsafeReleaseTensorImpl());
}

at::TensorImpl* implementation(Handle handle) { return reinterpret_cast<at::TensorImpl*>(handle); }

constexpr at::ScalarType scalarTypes[] = {
    at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kByte, at::kBool, at::kDouble, at::kInt,
};

at::ScalarType scalarType(int64_t code) {
    if (code < 0 || code >= static_cast<int64_t>(std::size(scalarTypes)))
        throw Failure{APUS_FAILED, "no element type has the code " + std::to_string(code)};
    return scalarTypes[code];
}

int32_t typeCode(at::ScalarType type) {
    for (size_t code = 0; code < std::size(scalarTypes); ++code)
        if (scalarTypes[code] == type) return static_cast<int32_t>(code);
    return -1;
}

/// Memory that somebody else owns.
struct Foreign {
    void* context;
    void (*release)(void* context);
};

void releaseForeign(void* owner) {
    auto* foreign = static_cast<Foreign*>(owner);
    foreign->release(foreign->context);
    delete foreign;
}

/// Whether the tensor lies in memory that somebody else owns, and never changes; so do all views of it.
bool isReadOnly(const at::Tensor& tensor) {
    return tensor.defined() && tensor.has_storage() && tensor.storage().data_ptr().get_deleter() == &releaseForeign;
}

/// Whether an operator's schema says that it writes to what it is given, or to the members of a list.
bool isWritten(const c10::AliasInfo& alias) {
    if (alias.isWrite()) return true;
    for (const auto& member : alias.containedTypes())
        if (isWritten(member)) return true;
    return false;
}

bool isWritten(const c10::Argument& argument) {
    // Normalisation in training updates these without saying so in its schema.
    if (argument.name() == "running_mean" || argument.name() == "running_var") return true;
    return argument.alias_info() && isWritten(*argument.alias_info());
}

struct Operator {
    c10::OperatorHandle handle;
    /// Whether any of its arguments is written to.
    bool writes;

    explicit Operator(const c10::OperatorHandle& operatorHandle) : handle(operatorHandle), writes(false) {
        for (const auto& argument : handle.schema().arguments()) writes = writes || isWritten(argument);
    }
};

/// Memory of others may be mapped for reading alone: a write to it would end the process.
void refuseWrites(const c10::FunctionSchema& schema, const torch::jit::Stack& stack) {
    for (size_t i = 0; i < stack.size(); ++i) {
        const c10::Argument& argument = schema.arguments()[i];
        if (!isWritten(argument)) continue;
        bool found = false;
        if (stack[i].isTensor()) {
            found = isReadOnly(stack[i].toTensor());
        } else if (stack[i].isTensorList()) {
            for (const at::Tensor& tensor : stack[i].toTensorList()) found = found || isReadOnly(tensor);
        }
        if (found) throw Failure{APUS_READ_ONLY, "argument " + argument.name() + " is memory that is only read"};
    }
}

/// Operators by name. One table per thread: looked up once, then without a lock.
const Operator& operatorNamed(const char* name) {
    thread_local std::unordered_map<std::string, Operator> known;
    thread_local std::string key;
    key.assign(name);
    if (auto found = known.find(key); found != known.end()) return found->second;
    const auto dot = key.find('.');
    const std::string base = "aten::" + key.substr(0, dot);
    const std::string overload = dot == std::string::npos ? "" : key.substr(dot + 1);
    auto handle = c10::Dispatcher::singleton().findSchema({base, overload});
    if (!handle) throw Failure{APUS_UNKNOWN_OPERATOR, "libtorch " TORCH_VERSION " has no operator " + key};
    return known.emplace(key, Operator(*handle)).first->second;
}

/// The type of an argument, without the optional around it.
c10::TypePtr bareType(const c10::Argument& argument) {
    auto type = argument.type();
    if (auto optional = type->cast<c10::OptionalType>()) return optional->getElementType();
    return type;
}

bool isFloat(const c10::Argument& argument) { return bareType(argument)->kind() == c10::TypeKind::FloatType; }

/// Whether the argument is a list whose elements may be absent (`Tensor?[]`).
bool takesOptionalTensors(const c10::Argument& argument) {
    auto list = bareType(argument)->cast<c10::ListType>();
    return list && list->getElementType()->kind() == c10::TypeKind::OptionalType;
}

c10::IValue boxed(const apus_value& value, const c10::Argument& argument) {
    switch (value.kind) {
    case APUS_NONE: return c10::IValue();
    case APUS_DEFAULT:
        if (!argument.default_value()) throw Failure{APUS_FAILED, "argument " + argument.name() + " has no default"};
        return *argument.default_value();
    case APUS_TENSOR: return borrow(value.payload.tensor);
    case APUS_INTEGER:
        if (isFloat(argument)) return static_cast<double>(value.payload.integer);
        return value.payload.integer;
    case APUS_NUMBER: return value.payload.number;
    case APUS_BOOLEAN: return value.payload.integer != 0;
    case APUS_DTYPE: return static_cast<int64_t>(scalarType(value.payload.integer));
    case APUS_INTEGERS: {
        c10::List<int64_t> list;
        list.reserve(value.count);
        for (int64_t i = 0; i < value.count; ++i) list.push_back(value.payload.integers[i]);
        return list;
    }
    case APUS_TENSORS:
        if (takesOptionalTensors(argument)) {
            c10::List<std::optional<at::Tensor>> list;
            list.reserve(value.count);
            for (int64_t i = 0; i < value.count; ++i) {
                auto tensor = borrow(value.payload.tensors[i]);
                list.push_back(tensor.defined() ? std::optional<at::Tensor>(tensor) : std::nullopt);
            }
            return list;
        } else {
            c10::List<at::Tensor> list;
            list.reserve(value.count);
            for (int64_t i = 0; i < value.count; ++i) list.push_back(borrow(value.payload.tensors[i]));
            return list;
        }
    case APUS_STRING: return std::string(value.payload.string);
    default: throw Failure{APUS_FAILED, "an argument of unknown kind " + std::to_string(value.kind)};
    }
}

/// Results in the caller's array. Tensors written before a failure are given back.
class Results {
public:
    Results(apus_value* values, size_t capacity) : values_(values), capacity_(capacity) {}
    ~Results() {
        if (done_) return;
        for (size_t i = 0; i < count_; ++i)
            if (values_[i].kind == APUS_TENSOR) implementationRelease(values_[i].payload.tensor);
    }

    void add(const c10::IValue& value) {
        if (value.isTensorList()) {
            for (const at::Tensor& tensor : value.toTensorList()) addTensor(tensor);
        } else if (value.isTuple()) {
            for (const auto& element : value.toTupleRef().elements()) add(element);
        } else if (value.isTensor()) {
            addTensor(value.toTensor());
        } else if (value.isInt()) {
            next(APUS_INTEGER).payload.integer = value.toInt();
        } else if (value.isDouble()) {
            next(APUS_NUMBER).payload.number = value.toDouble();
        } else if (value.isBool()) {
            next(APUS_BOOLEAN).payload.integer = value.toBool();
        } else if (value.isNone()) {
            next(APUS_NONE);
        } else {
            throw Failure{APUS_FAILED, "the result is a " + value.tagKind() + ", which has no form here"};
        }
    }

    size_t finish() {
        done_ = true;
        return count_;
    }

private:
    static void implementationRelease(Handle handle) {
        if (handle) c10::raw::intrusive_ptr::decref(implementation(handle));
    }

    apus_value& next(int32_t kind) {
        if (count_ == capacity_) throw Failure{APUS_FAILED, "more results than the caller has room for"};
        apus_value& value = values_[count_++];
        value = apus_value{};
        value.kind = kind;
        return value;
    }

    void addTensor(const at::Tensor& tensor) {
        if (tensor.defined()) next(APUS_TENSOR).payload.tensor = own(tensor);
        else next(APUS_NONE);
    }

    apus_value* values_;
    size_t capacity_;
    size_t count_ = 0;
    bool done_ = false;
};

int32_t call(
    const char* name, const apus_value* arguments, size_t count, apus_value* results, size_t capacity,
    size_t* produced) {
    return guarded([&] {
        const Operator& known = operatorNamed(name);
        const auto& expected = known.handle.schema().arguments();
        if (count > expected.size())
            throw Failure{
                APUS_FAILED, "takes " + std::to_string(expected.size()) + " arguments, got " + std::to_string(count)};
        torch::jit::Stack stack;
        stack.reserve(expected.size());
        const apus_value absent{APUS_DEFAULT, 0, 0, {0}};
        for (size_t i = 0; i < expected.size(); ++i)
            stack.push_back(boxed(i < count ? arguments[i] : absent, expected[i]));
        if (known.writes) refuseWrites(known.handle.schema(), stack);
        known.handle.callBoxed(&stack);
        Results output(results, capacity);
        for (const auto& value : stack) output.add(value);
        *produced = output.finish();
    });
}

int32_t fromBytes(
    int32_t dtype, const int64_t* shape, size_t rank, const void* bytes, size_t size, apus_tensor_ref* result) {
    return guarded([&] {
        auto tensor = at::detail::empty_cpu(at::IntArrayRef(shape, rank), scalarType(dtype));
        if (tensor.nbytes() != size)
            throw Failure{
                APUS_FAILED, "the shape needs " + std::to_string(tensor.nbytes()) + " bytes, got " + std::to_string(size)};
        if (size > 0) std::memcpy(tensor.mutable_data_ptr(), bytes, size);
        *result = own(at::Tensor(std::move(tensor)));
    });
}

int32_t fromMemory(
    int32_t dtype, const int64_t* shape, size_t rank, const void* bytes, size_t size, void* context,
    void (*release)(void* context), apus_tensor_ref* result) {
    return guarded([&] {
        // From here on the context is let go of exactly once, whatever fails.
        auto* foreign = new (std::nothrow) Foreign{context, release};
        if (!foreign) {
            release(context);
            throw std::bad_alloc();
        }
        std::unique_ptr<Foreign, void (*)(Foreign*)> owner(foreign, [](Foreign* pointer) { releaseForeign(pointer); });
        const auto type = scalarType(dtype);
        // libtorch has no read-only memory: what would write is refused in `call`.
        auto maker = at::for_blob(const_cast<void*>(bytes), at::IntArrayRef(shape, rank));
        maker.context(owner.release(), &releaseForeign).options(at::TensorOptions().dtype(type).device(at::kCPU));
        auto tensor = maker.make_tensor();
        if (tensor.nbytes() != size)
            throw Failure{
                APUS_FAILED, "the shape needs " + std::to_string(tensor.nbytes()) + " bytes, got " + std::to_string(size)};
        *result = own(std::move(tensor));
    });
}

int32_t readsMemory(apus_tensor_ref handle) { return isReadOnly(borrow(handle)); }

int32_t toBytes(apus_tensor_ref handle, void* bytes, size_t size) {
    return guarded([&] {
        c10::AutoGradMode recording(false);
        auto tensor = borrow(handle).cpu().contiguous();
        if (tensor.nbytes() != size)
            throw Failure{
                APUS_FAILED, "the tensor has " + std::to_string(tensor.nbytes()) + " bytes, asked for " + std::to_string(size)};
        if (size > 0) std::memcpy(bytes, tensor.const_data_ptr(), size);
    });
}

void releaseTensor(apus_tensor_ref handle) {
    if (handle) c10::raw::intrusive_ptr::decref(implementation(handle));
}

size_t rank(apus_tensor_ref handle) { return implementation(handle)->dim(); }

void shape(apus_tensor_ref handle, int64_t* lengths) {
    const auto sizes = implementation(handle)->sizes();
    std::copy(sizes.begin(), sizes.end(), lengths);
}

int32_t dtype(apus_tensor_ref handle) {
    return typeCode(c10::typeMetaToScalarType(implementation(handle)->dtype()));
}

int32_t requiresGradient(apus_tensor_ref handle) { return borrow(handle).requires_grad(); }

int32_t setRequiresGradient(apus_tensor_ref handle, int32_t required) {
    return guarded([&] { borrow(handle).requires_grad_(required != 0); });
}

int32_t gradient(apus_tensor_ref handle, apus_tensor_ref* result) {
    return guarded([&] { *result = own(borrow(handle).grad()); });
}

int32_t setGradient(apus_tensor_ref handle, apus_tensor_ref value) {
    return guarded([&] {
        auto gradient = borrow(value);
        // Backward adds to a gradient in place.
        borrow(handle).mutable_grad() = isReadOnly(gradient) ? gradient.clone() : gradient;
    });
}

std::vector<at::Tensor> tensors(const apus_tensor_ref* handles, size_t count) {
    std::vector<at::Tensor> list;
    list.reserve(count);
    for (size_t i = 0; i < count; ++i) list.push_back(borrow(handles[i]));
    return list;
}

/// Seeds become gradients, which are added to in place: those in read-only memory are copied.
std::vector<at::Tensor> seedTensors(const apus_tensor_ref* handles, size_t count) {
    auto seeds = tensors(handles, count);
    for (auto& seed : seeds)
        if (isReadOnly(seed)) seed = seed.clone();
    return seeds;
}

int32_t backward(const apus_tensor_ref* outputs, const apus_tensor_ref* seeds, size_t count) {
    return guarded([&] { torch::autograd::backward(tensors(outputs, count), seedTensors(seeds, count)); });
}

int32_t differentiate(
    const apus_tensor_ref* outputs, const apus_tensor_ref* seeds, size_t count, const apus_tensor_ref* inputs,
    size_t inputsCount, int32_t keep, apus_tensor_ref* results) {
    return guarded([&] {
        auto gradients = torch::autograd::grad(
            tensors(outputs, count), tensors(inputs, inputsCount), seedTensors(seeds, count), std::nullopt, keep != 0, true);
        for (size_t i = 0; i < inputsCount; ++i) results[i] = own(std::move(gradients[i]));
    });
}

int32_t setRecording(int32_t enabled) {
    const bool before = c10::GradMode::is_enabled();
    c10::GradMode::set_enabled(enabled != 0);
    return before;
}

int32_t threads() { return at::get_num_threads(); }

int32_t setThreads(int32_t count) {
    return guarded([&] { at::set_num_threads(count); });
}

const char* message() { return lastMessage.c_str(); }

const apus_tensor_table table = {
    APUS_TENSOR_ABI, sizeof(apus_tensor_table), TORCH_VERSION,       message,  call,        fromBytes, toBytes,
    releaseTensor,   rank,        shape,               dtype,    requiresGradient,
    setRequiresGradient, gradient, setGradient, backward, differentiate, setRecording, threads, setThreads,
    fromMemory, readsMemory,
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const apus_tensor_table* apus_tensor_interface() { return &table; }

// System calls that Swift cannot spell: variadic ones, ones behind macros, and ones newer than the C library's headers.
// Every function returns -1 (or NULL) and sets errno where it fails, unless its comment says otherwise.
#ifndef CAPUS_SYSTEM_H
#define CAPUS_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

// MARK: Memory that processes share and no name refers to

/// A descriptor of new, empty, nameless memory; closed on exec.
int apus_memory_create(const char *label);
/// Fixes the size of a memory for good, so that no process can cut it off under another's mapping.
int apus_memory_seal_size(int descriptor);
/// Whether memory keeps its size for ever, so that what is mapped can be read.
bool apus_memory_is_sealed(int descriptor);
/// Takes the pages of a range from a memory or file: they read as zero and take no room.
int apus_memory_punch(int descriptor, int64_t offset, int64_t length);
/// Reserves room for a range, so that writing to it cannot fail for want of memory or disk.
int apus_memory_reserve(int descriptor, int64_t offset, int64_t length);
/// Maps all pages that a range touches for writing at once, which takes half the time of as many faults.
int apus_memory_populate(void *start, size_t length);
/// Copies bytes past the caches, for more of them than caches hold: what is written is not read from memory first, and
/// four pages at a time keep more of the memory's banks busy than one.
void apus_copy_streaming(void *to, const void *from, size_t length);
/// A nameless file in a folder, open for reading and writing; closed on exec.
int apus_file_create_nameless(const char *folder);

// MARK: Waiting for a word in shared memory

/// Sleeps while `*word` is `expected`, at most `nanoseconds` (negative: for ever). 0 when woken, else -1 with errno
/// EAGAIN (the word differed), ETIMEDOUT or EINTR.
int apus_futex_wait(const uint32_t *word, uint32_t expected, int64_t nanoseconds);
/// Wakes at most `count` sleepers, in all processes that map the word.
int apus_futex_wake(const uint32_t *word, int32_t count);

/// Tells the processor that this is a loop that waits.
static inline void apus_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/// Ticks of a counter that runs at a constant rate on all processors, for events; the reader of events relates them to a clock.
static inline uint64_t apus_ticks(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t value;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
#else
    return 0;
#endif
}

// MARK: Atomic words in shared memory

static inline uint32_t apus_load32(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
static inline void apus_store32(uint32_t *word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }
static inline uint32_t apus_load32_acquire(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void apus_store32_release(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline uint64_t apus_load64_relaxed(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }
static inline uint64_t apus_load64_acquire(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline uint64_t apus_load64(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }
static inline void apus_store64(uint64_t *word, uint64_t value) { __atomic_store_n(word, value, __ATOMIC_SEQ_CST); }
static inline void apus_store64_release(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}
static inline uint64_t apus_exchange64(uint64_t *word, uint64_t value) {
    return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}
static inline uint64_t apus_or64(uint64_t *word, uint64_t bits) {
    return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}
static inline uint64_t apus_add64(uint64_t *word, uint64_t amount) {
    return __atomic_fetch_add(word, amount, __ATOMIC_RELAXED);
}
/// Adds to a number of 64 bits that is kept as its bit pattern.
static inline void apus_add_double(uint64_t *word, double amount) {
    uint64_t old = __atomic_load_n(word, __ATOMIC_RELAXED), sum;
    do {
        double value;
        __builtin_memcpy(&value, &old, sizeof value);
        value += amount;
        __builtin_memcpy(&sum, &value, sizeof sum);
    } while (!__atomic_compare_exchange_n(word, &old, sum, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}
static inline uint32_t apus_exchange32(uint32_t *word, uint32_t value) {
    return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);
}
/// Sets `*word` to `desired` if it is `expected`.
static inline bool apus_swap32(uint32_t *word, uint32_t expected, uint32_t desired) {
    return __atomic_compare_exchange_n(word, &expected, desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}
static inline void apus_fence(void) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

// MARK: Sockets

/// A connected pair of stream sockets; closed on exec.
int apus_socket_pair(int descriptors[2]);
/// Listens on a name in the abstract namespace, which ends with the process; closed on exec, non-blocking.
int apus_socket_listen(const char *name);
/// Connects to a name in the abstract namespace.
int apus_socket_connect(const char *name);
/// Accepts a connection; closed on exec, non-blocking.
int apus_socket_accept(int listener);
/// The user and process on the other side.
int apus_socket_peer(int descriptor, uint32_t *user, int32_t *process);
/// Sends bytes, and descriptors with them. Never raises SIGPIPE. The bytes sent, or -1.
ssize_t apus_socket_send(int descriptor, const void *bytes, size_t length, const int *passed, int32_t count);
/// Receives bytes, and at most 8 descriptors that came with them, closed on exec; `*count` says how many. More are
/// closed. The bytes received, 0 at the end, or -1.
ssize_t apus_socket_receive(int descriptor, void *bytes, size_t length, int passed[8], int32_t *count);

/// A pipe, closed on exec; the reading end is non-blocking.
int apus_pipe(int ends[2]);

// MARK: Processes

/// Starts an executable as a new process whose descriptors are those of `kept` (as 3, 4, …), `input`, `output` and
/// `errors` (as 0, 1, 2). If `dies_with_parent` it gets SIGKILL when the thread that calls this ends, else it leads a
/// session of its own, which no terminal interrupts. `folder` may be NULL. Only async-signal-safe calls are made in the child before exec.
///
/// Returns the process, or -1 with errno of what failed, exec and chdir included.
pid_t apus_process_start(
    const char *path, char *const arguments[], char *const environment[], const char *folder, int input, int output,
    int errors, const int *kept, int32_t count, bool dies_with_parent);
/// A descriptor that becomes readable when the process ends; closed on exec.
int apus_process_descriptor(pid_t process);
/// Whether the process ended; `*status` is as of waitpid. 1 ended, 0 runs, -1 failed.
int apus_process_reap(pid_t process, int *status);
/// As `apus_process_reap`; `*peak` becomes the bytes that the process had in memory at most.
int apus_process_reap_peak(pid_t process, int *status, int64_t *peak);
bool apus_status_exited(int status, int *code);
bool apus_status_signalled(int status, int *signal);
/// Makes the calling process end when its parent's thread does.
int apus_die_with_parent(void);

/// The largest number of open descriptors; raises the soft limit to the hard one.
int64_t apus_descriptor_limit_raise(void);

// MARK: Polling descriptors

int apus_poll_create(void);
/// Watches a descriptor for input (and output where asked); `tag` comes back with its events.
int apus_poll_set(int poll, int descriptor, uint64_t tag, bool output);
int apus_poll_remove(int poll, int descriptor);
typedef struct {
    uint64_t tag;
    bool readable, writable, ended;
} apus_poll_event;
/// Waits at most `milliseconds` (negative: for ever) for events of the watched descriptors; their number, 0 on a
/// signal.
int apus_poll_wait(int poll, apus_poll_event *events, int32_t capacity, int32_t milliseconds);
/// A descriptor that `apus_event_raise` makes readable, closed on exec, non-blocking.
int apus_event_create(void);
void apus_event_raise(int event);
void apus_event_clear(int event);

#ifdef __cplusplus
}
#endif
#endif

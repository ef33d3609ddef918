#define _GNU_SOURCE
#include "CApusSystem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

int apus_memory_create(const char *label) { return memfd_create(label, MFD_CLOEXEC | MFD_ALLOW_SEALING); }

int apus_memory_seal_size(int descriptor) {
    return fcntl(descriptor, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL);
}

bool apus_memory_is_sealed(int descriptor) {
    int seals = fcntl(descriptor, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_SHRINK) != 0;
}

int apus_memory_punch(int descriptor, int64_t offset, int64_t length) {
    return fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
}

int apus_memory_reserve(int descriptor, int64_t offset, int64_t length) {
    int result;
    do {
        result = fallocate(descriptor, FALLOC_FL_KEEP_SIZE, offset, length);
    } while (result < 0 && errno == EINTR);
    return result;
}

int apus_memory_populate(void *start, size_t length) {
    const uintptr_t page = 4096;
    uintptr_t first = (uintptr_t)start & ~(page - 1);
    uintptr_t end = ((uintptr_t)start + length + page - 1) & ~(page - 1);
    // MADV_POPULATE_WRITE, which older headers lack.
    return madvise((void *)first, end - first, 23);
}

void apus_copy_streaming(void *to, const void *from, size_t length) {
#if defined(__SSE2__)
    enum { page = 4096, pages = 4, line = 64, lane = 16 };
    char *target = to;
    const char *source = from;
    size_t head = -(uintptr_t)target & (lane - 1);
    if (head > length) head = length;
    memcpy(target, source, head);
    size_t done = head;
    for (; length - done >= pages * page; done += pages * page) {
        for (size_t offset = 0; offset < page; offset += line) {
            for (size_t number = 0; number < pages; number++) {
                const char *from_line = source + done + number * page + offset;
                char *to_line = target + done + number * page + offset;
                __m128i a = _mm_loadu_si128((const __m128i *)from_line);
                __m128i b = _mm_loadu_si128((const __m128i *)(from_line + lane));
                __m128i c = _mm_loadu_si128((const __m128i *)(from_line + 2 * lane));
                __m128i d = _mm_loadu_si128((const __m128i *)(from_line + 3 * lane));
                _mm_stream_si128((__m128i *)to_line, a);
                _mm_stream_si128((__m128i *)(to_line + lane), b);
                _mm_stream_si128((__m128i *)(to_line + 2 * lane), c);
                _mm_stream_si128((__m128i *)(to_line + 3 * lane), d);
            }
        }
    }
    // Others may read as soon as they are told.
    _mm_sfence();
    memcpy(target + done, source + done, length - done);
#else
    memcpy(to, from, length);
#endif
}

int apus_file_create_nameless(const char *folder) {
    int descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (descriptor >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return descriptor;
    // The file system has no nameless files: a name for a moment.
    char path[PATH_MAX];
    const char suffix[] = "/apus-XXXXXX";
    size_t length = strlen(folder);
    if (length + sizeof suffix > sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(path, folder, length);
    memcpy(path + length, suffix, sizeof suffix);
    descriptor = mkostemp(path, O_CLOEXEC);
    if (descriptor >= 0) unlink(path);
    return descriptor;
}

int apus_futex_wait(const uint32_t *word, uint32_t expected, int64_t nanoseconds) {
    struct timespec time = {nanoseconds / 1000000000, nanoseconds % 1000000000};
    return (int)syscall(SYS_futex, word, FUTEX_WAIT, expected, nanoseconds < 0 ? NULL : &time, NULL, 0);
}

int apus_futex_wake(const uint32_t *word, int32_t count) {
    return (int)syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

int apus_socket_pair(int descriptors[2]) { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, descriptors); }

static socklen_t abstract_address(const char *name, struct sockaddr_un *address) {
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    size_t length = strlen(name);
    if (length == 0 || length > sizeof address->sun_path - 1) {
        errno = ENAMETOOLONG;
        return 0;
    }
    memcpy(address->sun_path + 1, name, length);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
}

int apus_socket_listen(const char *name) {
    struct sockaddr_un address;
    socklen_t length = abstract_address(name, &address);
    if (length == 0) return -1;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) return -1;
    if (bind(descriptor, (struct sockaddr *)&address, length) < 0 || listen(descriptor, 128) < 0) {
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

int apus_socket_connect(const char *name) {
    struct sockaddr_un address;
    socklen_t length = abstract_address(name, &address);
    if (length == 0) return -1;
    int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return -1;
    if (connect(descriptor, (struct sockaddr *)&address, length) < 0) {
        int error = errno;
        close(descriptor);
        errno = error;
        return -1;
    }
    return descriptor;
}

int apus_socket_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK); }

int apus_socket_peer(int descriptor, uint32_t *user, int32_t *process) {
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) < 0) return -1;
    *user = credentials.uid;
    *process = credentials.pid;
    return 0;
}

int apus_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -1;
    return fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

enum { descriptor_limit = 8 };

ssize_t apus_socket_send(int descriptor, const void *bytes, size_t length, const int *passed, int32_t count) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(descriptor_limit * sizeof(int))];
    } control;
    struct iovec part = {(void *)bytes, length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        if (count > descriptor_limit) {
            errno = EINVAL;
            return -1;
        }
        memset(&control, 0, sizeof control);
        message.msg_control = control.space;
        message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
        memcpy(CMSG_DATA(header), passed, (size_t)count * sizeof(int));
    }
    ssize_t sent;
    do {
        sent = sendmsg(descriptor, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent;
}

ssize_t apus_socket_receive(int descriptor, void *bytes, size_t length, int passed[8], int32_t *count) {
    union {
        struct cmsghdr header;
        char space[CMSG_SPACE(descriptor_limit * sizeof(int))];
    } control;
    struct iovec part = {bytes, length};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    *count = 0;
    ssize_t received;
    do {
        received = recvmsg(descriptor, &message, MSG_CMSG_CLOEXEC);
    } while (received < 0 && errno == EINTR);
    if (received < 0) return received;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        size_t found = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < found; i++) {
            int value;
            memcpy(&value, CMSG_DATA(header) + i * sizeof(int), sizeof value);
            if (*count < descriptor_limit) passed[(*count)++] = value; else close(value);
        }
    }
    return received;
}

/// Runs in the child between fork and exec: only async-signal-safe calls. Never returns.
static void become(
    const char *path, char *const arguments[], char *const environment[], const char *folder, const int *wanted,
    int32_t count, int report, bool dies_with_parent, pid_t parent) {
    // All signals as in a fresh process.
    sigset_t none;
    sigemptyset(&none);
    for (int number = 1; number < NSIG; number++) signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dies_with_parent) {
        if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0) goto failed;
        if (getppid() != parent) _exit(127);
    } else {
        // A process that outlives its parent is not for the parent's terminal to interrupt.
        setsid();
    }
    // Out of the way first, so that no wanted descriptor is overwritten before it was copied.
    int lowest = count;
    if (report < lowest && (report = fcntl(report, F_DUPFD_CLOEXEC, lowest)) < 0) _exit(127);
    int moved[3 + 64];
    for (int32_t i = 0; i < count; i++) {
        moved[i] = wanted[i] < 0 ? -1 : fcntl(wanted[i], F_DUPFD_CLOEXEC, lowest);
        if (wanted[i] >= 0 && moved[i] < 0) goto failed;
    }
    for (int32_t i = 0; i < count; i++) {
        if (moved[i] >= 0 && dup2(moved[i], i) < 0) goto failed;
    }
    if (folder && chdir(folder) < 0) goto failed;
    // What the program's other libraries left open for all children is not for this one: the end of a pipe would be held
    // open by it. Where the kernel lacks the call, only that is lost.
    syscall(SYS_close_range, (unsigned)count, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
    execve(path, arguments, environment);
failed:;
    int error = errno;
    ssize_t ignored = write(report, &error, sizeof error);
    (void)ignored;
    _exit(127);
}

pid_t apus_process_start(
    const char *path, char *const arguments[], char *const environment[], const char *folder, int input, int output,
    int errors, const int *kept, int32_t count, bool dies_with_parent) {
    if (count < 0 || count > 64) {
        errno = EINVAL;
        return -1;
    }
    int wanted[3 + 64] = {input, output, errors};
    for (int32_t i = 0; i < count; i++) wanted[3 + i] = kept[i];
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0) return -1;
    pid_t parent = getpid();
    // No handler of this process may run in the child, whose memory it shares until exec.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t process = fork();
    if (process == 0) {
        become(path, arguments, environment, folder, wanted, 3 + count, report[1], dies_with_parent, parent);
        _exit(127);
    }
    int forked = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(report[1]);
    if (process < 0) {
        close(report[0]);
        errno = forked;
        return -1;
    }
    int failure = 0;
    ssize_t got;
    do {
        got = read(report[0], &failure, sizeof failure);
    } while (got < 0 && errno == EINTR);
    close(report[0]);
    if (got == sizeof failure) {
        int status;
        while (waitpid(process, &status, 0) < 0 && errno == EINTR) {}
        errno = failure;
        return -1;
    }
    return process;
}

int apus_process_descriptor(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int apus_process_reap(pid_t process, int *status) {
    pid_t result;
    do {
        result = waitpid(process, status, WNOHANG);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -1 : result == process;
}

int apus_process_reap_peak(pid_t process, int *status, int64_t *peak) {
    struct rusage usage;
    pid_t result;
    do {
        result = wait4(process, status, WNOHANG, &usage);
    } while (result < 0 && errno == EINTR);
    if (result == process) *peak = (int64_t)usage.ru_maxrss * 1024;
    return result < 0 ? -1 : result == process;
}

bool apus_status_exited(int status, int *code) {
    if (!WIFEXITED(status)) return false;
    *code = WEXITSTATUS(status);
    return true;
}

bool apus_status_signalled(int status, int *number) {
    if (!WIFSIGNALED(status)) return false;
    *number = WTERMSIG(status);
    return true;
}

int apus_die_with_parent(void) { return prctl(PR_SET_PDEATHSIG, SIGKILL); }

int64_t apus_descriptor_limit_raise(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return -1;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {limit.rlim_max, limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    return limit.rlim_cur > INT64_MAX ? INT64_MAX : (int64_t)limit.rlim_cur;
}

int apus_poll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int apus_poll_set(int poll, int descriptor, uint64_t tag, bool output) {
    struct epoll_event event = {.events = EPOLLIN | (output ? EPOLLOUT : 0), .data.u64 = tag};
    if (epoll_ctl(poll, EPOLL_CTL_MOD, descriptor, &event) == 0) return 0;
    if (errno != ENOENT) return -1;
    return epoll_ctl(poll, EPOLL_CTL_ADD, descriptor, &event);
}

int apus_poll_remove(int poll, int descriptor) { return epoll_ctl(poll, EPOLL_CTL_DEL, descriptor, NULL); }

int apus_poll_wait(int poll, apus_poll_event *events, int32_t capacity, int32_t milliseconds) {
    struct epoll_event found[64];
    if (capacity > 64) capacity = 64;
    int count = epoll_wait(poll, found, capacity, milliseconds);
    if (count < 0) return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        events[i].tag = found[i].data.u64;
        events[i].readable = found[i].events & EPOLLIN;
        events[i].writable = found[i].events & EPOLLOUT;
        events[i].ended = found[i].events & (EPOLLHUP | EPOLLERR);
    }
    return count;
}

int apus_event_create(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

void apus_event_raise(int event) {
    uint64_t one = 1;
    ssize_t ignored = write(event, &one, sizeof one);
    (void)ignored;
}

void apus_event_clear(int event) {
    uint64_t count;
    ssize_t ignored = read(event, &count, sizeof count);
    (void)ignored;
}

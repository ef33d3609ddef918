#include "CApusEntry.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// libdispatch's way of letting a program's own loop serve the main queue.
extern int _dispatch_get_main_queue_handle_4CF(void);
extern void _dispatch_main_queue_callback_4CF(void *);

int apus_main_queue_descriptor(void) { return _dispatch_get_main_queue_handle_4CF(); }

void apus_main_queue_run(void) {
    uint64_t count;
    ssize_t ignored = read(_dispatch_get_main_queue_handle_4CF(), &count, sizeof count);
    (void)ignored;
    _dispatch_main_queue_callback_4CF(NULL);
}

void apus_print_lines(void) { setvbuf(stdout, NULL, _IOLBF, 0); }

void apus_exit(int code) {
    fflush(NULL);
    _exit(code);
}

void apus_entry_link(void) {}

/// The Swift side; never returns where `mode` is one of its own.
extern void apus_process_enter(const char *mode);

__attribute__((constructor)) static void apus_enter(void) {
    const char *mode = getenv("APUS_PROCESS");
    if (mode) apus_process_enter(mode);
}

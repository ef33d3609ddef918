// How a process of an Apus program becomes a worker or a node daemon instead of running the program's `main`.
#ifndef CAPUS_ENTRY_H
#define CAPUS_ENTRY_H

#include "CApusCancellation.h"

/// A descriptor that is readable when the main dispatch queue has something to do, which `apus_main_queue_run` then does.
/// Only for a main thread that never reaches `main`, where nothing else serves that queue.
int apus_main_queue_descriptor(void);
void apus_main_queue_run(void);

/// What is printed goes out line by line, although no terminal is at the other end.
void apus_print_lines(void);

/// Ends this process at once, without the program's exit handlers: its `main` never ran.
_Noreturn void apus_exit(int code);

/// Keeps this file's constructor in the program.
void apus_entry_link(void);

#endif

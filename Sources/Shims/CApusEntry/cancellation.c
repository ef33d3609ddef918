#include "CApusCancellation.h"

#define SWIFT_CALL __attribute__((swiftcall))
#define SWIFT_CONTEXT __attribute__((swift_context))

// The runtime's own functions, which the concurrency library exports; a handler is a Swift closure: a function and its
// context.
typedef SWIFT_CALL void (*cancellation_handler)(SWIFT_CONTEXT void *context);
extern SWIFT_CALL void *swift_task_addCancellationHandler(cancellation_handler handler, void *context);
extern SWIFT_CALL void swift_task_removeCancellationHandler(void *record);

/// The Swift side.
extern void apus_waiter_cancelled(void *waiter);

static SWIFT_CALL void cancelled(SWIFT_CONTEXT void *waiter) { apus_waiter_cancelled(waiter); }

void *apus_cancellation_handler_add(void *waiter) { return swift_task_addCancellationHandler(cancelled, waiter); }

void apus_cancellation_handler_remove(void *record) { swift_task_removeCancellationHandler(record); }

// Being told when a Swift task is cancelled, without a closure and the two switches between executors that Swift's own
// `withTaskCancellationHandler` costs.
#ifndef CAPUS_CANCELLATION_H
#define CAPUS_CANCELLATION_H

/// Has `apus_waiter_cancelled(waiter)` called once when the running Swift task is cancelled, at once where it was.
/// The record is memory of the Swift task: it must be given back before any that was taken earlier.
void *_Nonnull apus_cancellation_handler_add(void *_Nonnull waiter);
/// Gives the record back; the handler is not called any more when this returns.
void apus_cancellation_handler_remove(void *_Nonnull record);

#endif

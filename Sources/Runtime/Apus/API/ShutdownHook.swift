import Distributed

/// An actor that has something to do before it is stopped: to write what it holds, or to tell others.
///
/// `cluster.stop` lets the calls that wait run, then calls the hook, and ends the actor when it returns or time is up.
/// `kill`, a crash and the end of the cluster do not call it.
public protocol ShutdownHook: DistributedActor where ActorSystem == ApusActorSystem {
    /// Called once, after the last call. What it throws is ignored: the actor ends.
    func willStop() async throws
}

extension ShutdownHook {
    nonisolated func callHook() async {
        do {
            _ = try await whenLocal { try await $0.willStop() }
        } catch {
            // The actor ends, whatever its last words.
        }
    }
}

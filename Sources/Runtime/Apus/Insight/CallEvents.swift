import ApusInsight
import Distributed

/// How events name a call, in the caller's process.
struct CallEvent: Sendable {
    var name: UInt16 = 0
    /// The actor's process.
    var host: UInt64 = 0
    var flight: UInt64 = 0
}

extension EventRecorder {
    @inline(__always)
    func record(_ kind: EventKind, _ call: CallEvent) {
        record(kind, name: call.name, other: call.host, flight: call.flight)
    }
}

extension ActorCall.Sender {
    /// Records what happens to a call in the actor's process.
    @inline(__always)
    func record(_ kind: EventKind) {
        peer.backend.recorder.record(
            kind, name: eventName, other: peer.id, flight: EventRecord.flight(call: number, of: actor))
    }
}

extension EventRecord {
    static func flight(call number: UInt64, of actor: ActorIdentifier) -> UInt64 {
        flight(call: number, of: actor.owner &* 0x9E37_79B9 &+ actor.number)
    }
}

/// Methods' names among the events' of a process.
enum MethodNames {
    /// The type and the method, without the module and the labels: `Counter.add`.
    ///
    /// - Complexity: to demangle takes as long as some calls.
    static func text(_ method: String) -> String {
        "\(RemoteCallTarget(method))".prefix { $0 != "(" }.split(separator: ".").suffix(2).joined(separator: ".")
    }
}

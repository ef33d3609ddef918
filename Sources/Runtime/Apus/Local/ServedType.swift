import ApusCore
import ApusInsight
import ApusTransport

/// A type of task as a worker knows it: found by its name once per owner, and run without looking at it again.
final class ServedType: Sendable {
    let name: String
    enum Kind: Sendable {
        case task(any RemoteTask.Type)
        case stream(any StreamingTask.Type)
        /// The program lacks it, or it is none of these.
        case unknown(CodingError)
    }
    let kind: Kind
    /// Of the type, for the names of events; 0 where there is none.
    private let key: UInt
    /// The type's name as a person writes it.
    let label: String

    func eventName(in recorder: EventRecorder) -> UInt16 {
        key == 0 ? recorder.name(label) : recorder.name(of: key) { label }
    }

    init(name: String) {
        self.name = name
        do throws(CodingError) {
            let type = try TypeNames.type(named: name, expected: "RemoteTask")
            key = UInt(bitPattern: ObjectIdentifier(type))
            label = String(describing: type)
            if let task = type as? any RemoteTask.Type {
                kind = .task(task)
            } else if let stream = type as? any StreamingTask.Type {
                kind = .stream(stream)
            } else {
                kind = .unknown(.unknownType(name: name, expected: "RemoteTask"))
            }
        } catch {
            key = 0
            label = name
            kind = .unknown(error)
        }
    }
}

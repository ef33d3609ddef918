/// A number that names one thing of a kind, given out by whoever creates such things and never given again.
public struct SerialNumber<Subject>: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let number: UInt64

    public init(_ number: UInt64) { self.number = number }

    public static func < (left: Self, right: Self) -> Bool { left.number < right.number }

    public var description: String { "\(Subject.self) \(number)" }
}

extension SerialNumber: Codable {
    public init(from decoder: any Decoder) throws { number = try decoder.singleValueContainer().decode(UInt64.self) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }
}

/// The kinds of things that have serial numbers.
public enum Subjects {
    package enum Process {}
    package enum Worker {}
    public enum Lease {}
    package enum Job {}
    package enum Group {}
}

/// A driver or a worker: whoever submits tasks. The number is the `owner` of the objects that it owns.
package typealias ProcessID = SerialNumber<Subjects.Process>
/// A worker process from the decision to start it to its end.
package typealias WorkerID = SerialNumber<Subjects.Worker>
/// The right of one process to send tasks of one class to one worker.
public typealias LeaseID = SerialNumber<Subjects.Lease>
/// A program that was submitted: one driver and all that it started.
package typealias JobID = SerialNumber<Subjects.Job>
/// A placement group.
package typealias GroupID = SerialNumber<Subjects.Group>

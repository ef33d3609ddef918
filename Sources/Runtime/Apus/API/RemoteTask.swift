import ApusCore

/// A unit of work as a value: its stored properties are its arguments, its type is its name.
///
/// ```swift
/// struct Add: RemoteTask {
///     @Input var left: Int
///     @Input var right: Int
///     func run() async throws -> Int { left + right }
/// }
/// ```
/// A property of type `ObjectRef`, written `@Input var x: X` or `var x: ObjectRef<X>`, is a dependency: the task starts
/// when the object exists. References inside arrays, optionals or other structures travel as references; wrap an array
/// in `@Inputs` to wait for all its elements.
///
/// A task should have no effects other than its result: it may run more than once, in another process. Its type must
/// be found by its name there, so declare it outside functions and not `private`.
public protocol RemoteTask: Sendable, Codable {
    associatedtype Output: Sendable & Codable

    /// Computes the result. Swift task cancellation tells when the result is no longer wanted.
    func run() async throws -> Output
}

/// A task whose results come one after the other.
public protocol StreamingTask: Sendable, Codable {
    associatedtype Element: Sendable & Codable

    /// Computes the results and passes each to `output`, which suspends while the consumer is behind.
    ///
    /// When an attempt fails and the task is retried, the new attempt must yield the same elements again; those that
    /// the consumer has had are skipped.
    func run(into output: StreamOutput<Element>) async throws
}

/// The result of a task that has none to give.
public struct Unit: Sendable, Codable, Hashable {
    public init() {}
}

/// The several results of one task, each with a reference of its own.
///
/// ```swift
/// struct Split: RemoteTask {
///     @Input var text: String
///     func run() async throws -> Results<String, Int> { Results(text, text.utf8.count) }
/// }
/// let (text, count) = try cluster.submit(Split(text: .value("…")))
/// ```
public struct Results<each Value: Sendable & Codable>: Sendable, Codable {
    public let values: (repeat each Value)

    public init(_ values: repeat each Value) { self.values = (repeat each values) }

    public init(from decoder: any Decoder) throws {
        var container = try decoder.unkeyedContainer()
        func next<Part: Codable>(_ type: Part.Type) throws -> Part { try container.decode(type) }
        values = (repeat try next((each Value).self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.unkeyedContainer()
        repeat try container.encode(each values)
    }
}

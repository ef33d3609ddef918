import ApusCore

/// A reference to an immutable object: a task's result, now or in future, or a value that was put.
///
/// The reference keeps the object alive; when the last one goes, the value is freed. As a property wrapper, spelled
/// `@Input` in tasks, it reads as the value itself; that is for tasks that run, whose inputs exist.
@propertyWrapper
public struct ObjectRef<Value: Sendable & Codable>: Sendable {
    package let cell: ValueCell<Value>

    package init(cell: ValueCell<Value>) { self.cell = cell }

    /// A reference to a value in this process that travels as a reference.
    package init(stored value: Value) { cell = ValueCell(value: value) }

    /// A reference that holds the value itself, which travels inside the task it is given to.
    public static func value(_ value: Value) -> ObjectRef { ObjectRef(cell: InlineCell(value: value)) }

    /// As `value(_:)`.
    public init(_ value: Value) { self = .value(value) }

    /// The value of an object that exists. Inside a running task its inputs do.
    ///
    /// - Precondition: the object is complete and has a value. Elsewhere than in a task, use `value`.
    public var wrappedValue: Value {
        guard cell.isComplete, let value = try? cell.result() else {
            preconditionFailure(
                "An input was read that has no value yet (object of \(cell.taskName), \(cell.origin)). "
                    + "Inside tasks inputs always have one; elsewhere use `try await ref.value`.")
        }
        return value
    }

    public var projectedValue: ObjectRef { self }

    /// The value, once the object exists. Inside a task, the task's processor is lent to others meanwhile.
    ///
    /// - Throws: `TaskError` where the task that computes it failed, `CancellationError` where the caller is cancelled.
    public var value: Value {
        get async throws {
            if !cell.isComplete { try await RunContext.wait(for: cell) }
            return cell.parcel == nil ? try cell.result() : try await cell.load()
        }
    }

    /// Whether the object exists or never will: `value` answers at once.
    public var isReady: Bool { cell.isComplete }

    /// Where the object was submitted or put.
    public var origin: Origin { cell.origin }
}

/// `@Input` marks an argument of a task, given as a value or a reference, that is a value when the task runs.
public typealias Input<Value: Sendable & Codable> = ObjectRef<Value>

extension ObjectRef: ExpressibleByIntegerLiteral where Value: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Value.IntegerLiteralType) { self = .value(Value(integerLiteral: value)) }
}

extension ObjectRef: ExpressibleByFloatLiteral where Value: ExpressibleByFloatLiteral {
    public init(floatLiteral value: Value.FloatLiteralType) { self = .value(Value(floatLiteral: value)) }
}

extension ObjectRef: ExpressibleByBooleanLiteral where Value: ExpressibleByBooleanLiteral {
    public init(booleanLiteral value: Value.BooleanLiteralType) { self = .value(Value(booleanLiteral: value)) }
}

extension ObjectRef: ExpressibleByUnicodeScalarLiteral where Value == String {
    public init(unicodeScalarLiteral value: String) { self = .value(value) }
}

extension ObjectRef: ExpressibleByExtendedGraphemeClusterLiteral where Value == String {
    public init(extendedGraphemeClusterLiteral value: String) { self = .value(value) }
}

extension ObjectRef: ExpressibleByStringLiteral where Value == String {
    public init(stringLiteral value: String) { self = .value(value) }
}

extension ObjectRef: Equatable, Hashable {
    /// Whether both refer to the same object.
    public static func == (left: ObjectRef, right: ObjectRef) -> Bool { left.cell === right.cell }
    public func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(cell)) }
}

/// Many arguments of a task, given as references, that are an array of values when the task runs.
///
/// ```swift
/// struct Sum: RemoteTask {
///     @Inputs var parts: [Int]
///     func run() async throws -> Int { parts.reduce(0, +) }
/// }
/// try cluster.submit(Sum(parts: Inputs(refs)))
/// ```
@propertyWrapper
public struct Inputs<Element: Sendable & Codable>: Sendable, Codable, ExpressibleByArrayLiteral {
    public var projectedValue: [ObjectRef<Element>]

    public init(_ references: [ObjectRef<Element>]) { projectedValue = references }
    public init(arrayLiteral elements: ObjectRef<Element>...) { projectedValue = elements }

    /// The values, inside a running task. Complexity: O(count) each time; read it once.
    public var wrappedValue: [Element] { projectedValue.map(\.wrappedValue) }

    public init(from decoder: any Decoder) throws { projectedValue = try [ObjectRef<Element>](from: decoder) }
    public func encode(to encoder: any Encoder) throws { try projectedValue.encode(to: encoder) }
}

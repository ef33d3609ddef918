/// An amount of a resource, in steps of 0.0001, so that sums of fractions are exact.
public struct Quantity: Hashable, Sendable, Codable, Comparable, ExpressibleByIntegerLiteral,
    ExpressibleByFloatLiteral, CustomStringConvertible
{
    /// Ten-thousandths.
    package var units: Int64

    package init(units: Int64) { self.units = units }

    /// The nearest amount; anything positive is at least 0.0001. Not-a-number and negative amounts are zero, amounts
    /// beyond 10¹² are 10¹².
    public init(_ value: Double) {
        guard value > 0 else {
            units = 0
            return
        }
        units = Int64(max(1, (min(value, 1e12) * 10_000).rounded()))
    }

    public init(_ value: Int) { units = Int64(min(max(value, 0), 1_000_000_000_000)) * 10_000 }
    public init(integerLiteral value: Int) { self.init(value) }
    public init(floatLiteral value: Double) { self.init(value) }

    public static let zero = Quantity(units: 0)
    public static func < (left: Quantity, right: Quantity) -> Bool { left.units < right.units }
    public static func + (left: Quantity, right: Quantity) -> Quantity { Quantity(units: left.units + right.units) }
    public static func - (left: Quantity, right: Quantity) -> Quantity { Quantity(units: left.units - right.units) }

    /// As a floating-point number.
    public var value: Double { Double(units) / 10_000 }

    public var description: String {
        units % 10_000 == 0 ? "\(units / 10_000)" : "\(value)"
    }
}

/// What a task or actor needs, or what a node has. Admission by these is by count only: nothing is confined to its share.
public struct Resources: Hashable, Sendable, Codable, CustomStringConvertible {
    /// Processors; fractions share one.
    public var cpus: Quantity
    /// Graphics processors; fractions share one, more than one must be whole.
    public var gpus: Quantity
    /// Memory in bytes.
    public var memory: Int64
    /// Resources that the program names.
    public var custom: [String: Quantity]

    public init(cpus: Quantity = 0, gpus: Quantity = 0, memory: Int64 = 0, custom: [String: Quantity] = [:]) {
        self.cpus = cpus
        self.gpus = gpus
        self.memory = max(0, memory)
        self.custom = custom.filter { $0.value > .zero }
    }

    public var isEmpty: Bool { cpus == .zero && gpus == .zero && memory == 0 && custom.isEmpty }

    /// Whether a demand can be met from these.
    public func covers(_ demand: Resources) -> Bool {
        cpus >= demand.cpus && gpus >= demand.gpus && memory >= demand.memory
            && demand.custom.allSatisfy { custom[$0.key, default: .zero] >= $0.value }
    }

    package mutating func subtract(_ other: Resources) {
        cpus = cpus - other.cpus
        gpus = gpus - other.gpus
        memory -= other.memory
        for (name, quantity) in other.custom { custom[name] = custom[name, default: .zero] - quantity }
    }

    package mutating func add(_ other: Resources) {
        cpus = cpus + other.cpus
        gpus = gpus + other.gpus
        memory += other.memory
        for (name, quantity) in other.custom { custom[name] = custom[name, default: .zero] + quantity }
    }

    public var description: String {
        var parts: [String] = []
        if cpus != .zero { parts.append("\(cpus) cpus") }
        if gpus != .zero { parts.append("\(gpus) gpus") }
        if memory != 0 { parts.append("\(memory) bytes of memory") }
        for (name, quantity) in custom.sorted(by: { $0.key < $1.key }) { parts.append("\(quantity) \(name)") }
        return parts.isEmpty ? "nothing" : parts.joined(separator: ", ")
    }
}

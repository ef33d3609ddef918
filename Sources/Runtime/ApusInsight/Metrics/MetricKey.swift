/// What a metric is, and how its values are kept. The numbers are those of the shared memory.
package enum MetricKind: UInt8, Sendable, CaseIterable {
    case counter = 1
    /// A counter of fractions.
    case amount = 2
    case gauge = 3
    /// A histogram of seconds.
    case durations = 4
    /// A histogram of numbers without a unit.
    case values = 5

    /// Upper bounds of a histogram's buckets; a last bucket takes what is above. None of other metrics.
    ///
    /// They are the same in all processes and for ever, so that histograms can be added up.
    package var bounds: [Double] {
        switch self {
        case .counter, .amount, .gauge: []
        case .durations: Self.durationBounds
        case .values: Self.valueBounds
        }
    }

    private static let durationBounds = [
        1e-6, 1e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
        300, 1800,
    ]
    private static let valueBounds = [
        1e-3, 1e-2, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 1e5, 1e6, 1e7, 1e9,
    ]

    /// Words of 64 bits that hold the value.
    var words: Int {
        switch self {
        case .counter, .amount: 1
        case .gauge: 2
        case .durations, .values: bounds.count + 2
        }
    }

    /// What its names end with, by the conventions of Prometheus.
    fileprivate var suffix: String {
        switch self {
        case .counter, .amount: "_total"
        case .durations: "_seconds"
        case .gauge, .values: ""
        }
    }

    /// Labels that a metric of this kind gets from Apus or from the format.
    fileprivate var takenLabels: [String] {
        switch self {
        case .counter, .amount: ["overflow"]
        case .gauge: ["overflow", "process"]
        case .durations, .values: ["overflow", "le"]
        }
    }
}

/// A metric's name and labels as Prometheus takes them, whatever the program called them.
///
/// Names and labels keep ASCII letters, digits and `_`; all else becomes `_`. Lengths and numbers are bounded.
package struct MetricKey: Hashable, Sendable {
    package struct Label: Hashable, Sendable, Comparable {
        package var name: String
        package var value: String
        package init(_ name: String, _ value: String) { (self.name, self.value) = (name, value) }
        package static func < (one: Label, other: Label) -> Bool { (one.name, one.value) < (other.name, other.value) }
    }

    package var name: String
    /// By name, each name once, none with an empty value.
    package var labels: [Label]

    package static let nameLimit = 200
    package static let labelLimit = 16
    package static let valueLimit = 256

    package init(_ kind: MetricKind, _ label: String, _ dimensions: [(String, String)]) {
        name = Self.word(label)
        if !kind.suffix.isEmpty, !name.hasSuffix(kind.suffix) { name += kind.suffix }
        labels = []
        for (given, value) in dimensions where !value.isEmpty && labels.count < Self.labelLimit {
            var name = Self.word(given)
            // Two underscores in front are Prometheus's own.
            while name.hasPrefix("__") { name.removeFirst() }
            if kind.takenLabels.contains(name) { name = "exported_\(name)" }
            guard !labels.contains(where: { $0.name == name }) else { continue }
            labels.append(Label(name, Self.cut(value)))
        }
        labels.sort()
    }

    /// The series that takes what goes beyond the limit of label values.
    package var overflow: MetricKey {
        var key = self
        key.labels = [Label("overflow", "true")]
        return key
    }

    private static func word(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8.prefix(nameLimit) {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): bytes.append(byte)
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                if bytes.isEmpty { bytes.append(UInt8(ascii: "_")) }
                bytes.append(byte)
            // One `_` for a character, however many bytes it has.
            case 0x80...0xBF: break
            default: bytes.append(UInt8(ascii: "_"))
            }
        }
        return bytes.isEmpty ? "unnamed" : String(decoding: bytes, as: UTF8.self)
    }

    private static func cut(_ value: String) -> String {
        guard value.utf8.count > valueLimit else { return value }
        var count = 0
        let scalars = value.unicodeScalars.prefix { scalar in
            count += UTF8.width(scalar)
            return count <= valueLimit
        }
        return String(scalars)
    }

    // MARK: Bytes

    /// The name, then each label's name and value, each after its length.
    var bytes: [UInt8] {
        var bytes: [UInt8] = []
        func append(_ text: String) {
            let count = text.utf8.count
            bytes.append(UInt8(truncatingIfNeeded: count))
            bytes.append(UInt8(truncatingIfNeeded: count >> 8))
            bytes.append(contentsOf: text.utf8)
        }
        append(name)
        for label in labels {
            append(label.name)
            append(label.value)
        }
        return bytes
    }

    /// Reads what any process may have written.
    ///
    /// - Returns: nil where it is no key as `bytes` writes it.
    init?(_ kind: MetricKind, bytes: UnsafeRawBufferPointer) {
        var place = 0
        var words: [String] = []
        while place < bytes.count {
            guard bytes.count - place >= 2 else { return nil }
            let count = Int(bytes[place]) | Int(bytes[place + 1]) << 8
            place += 2
            guard bytes.count - place >= count, words.count <= 2 * Self.labelLimit else { return nil }
            words.append(String(decoding: bytes[place..<place + count], as: UTF8.self))
            place += count
        }
        guard let name = words.first, words.count % 2 == 1 else { return nil }
        let labels = stride(from: 1, to: words.count, by: 2).map { Label(words[$0], words[$0 + 1]) }
        let isOverflow = labels == [Label("overflow", "true")]
        let whole = MetricKey(kind, name, isOverflow ? [] : labels.map { ($0.name, $0.value) })
        guard whole.name == name, isOverflow || whole.labels == labels else { return nil }
        self = isOverflow ? whole.overflow : whole
    }
}

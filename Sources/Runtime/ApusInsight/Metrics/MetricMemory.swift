import ApusTransport
import CApusSystem

/// The layout of the memory in which a process keeps its program's metrics, and which its node reads.
///
/// A header, then entries one after the other: their length, kind and key, and their values in words of 64 bits, to
/// which the process adds atomically. Entries are never moved or freed. The memory is nameless and its size sealed, so
/// that reading it is safe whatever the process does.
package enum MetricMemory {
    static let magic: UInt64 = 0x3154_454D_5550_4101
    /// Pages take room when they are first touched.
    package static let length = 4 << 20

    enum Header {
        static let magic = 0
        /// Bytes in use, the header's included.
        static let used = 8
        /// Metrics that found no room.
        static let refused = 16
        static let bytes = 64
    }

    enum Entry {
        static let length = 0
        static let kind = 4
        static let keyLength = 6
        static let values = 8
    }
}

/// The values of one metric at one moment.
package struct MetricSample: Sendable, Equatable {
    package var kind: MetricKind
    package var key: MetricKey
    package var value: Value

    package enum Value: Sendable, Equatable {
        case whole(UInt64)
        case number(Double)
        /// By bucket, the last one for what is above all bounds.
        case histogram(sum: Double, buckets: [UInt64])
    }

    package init(_ kind: MetricKind, _ key: MetricKey, _ value: Value) {
        self.kind = kind
        self.key = key
        self.value = value
    }
}

/// Reads the metrics of a process, which may write anything at any time: every number is checked.
package struct MetricReader: Sendable {
    private let mapping: SharedMapping
    private var base: UnsafeMutableRawPointer { mapping.base }

    /// - Parameter descriptor: of memory that a `MetricRecorder` made; not closed.
    package init(descriptor: Int32) throws(TransportError) {
        guard apus_memory_is_sealed(descriptor) else {
            throw .malformed(reason: "the memory for metrics could shrink while it is read")
        }
        mapping = try SharedMapping(descriptor: descriptor, length: MetricMemory.length)
    }

    init(mapping: SharedMapping) { self.mapping = mapping }

    /// Metrics that found no room.
    package var refused: UInt64 { apus_load64_relaxed(base.word64(MetricMemory.Header.refused)) }

    /// The metrics in the order of their making; gauges that were never set are left out.
    ///
    /// - Complexity: O(metrics).
    package func samples() -> [MetricSample] {
        guard apus_load64(base.word64(MetricMemory.Header.magic)) == MetricMemory.magic else { return [] }
        let end = Int(
            clamping: min(
                apus_load64_acquire(base.word64(MetricMemory.Header.used)), UInt64(MetricMemory.length)))
        var samples: [MetricSample] = []
        var place = MetricMemory.Header.bytes
        while place + MetricMemory.Entry.values <= end {
            let entry = base + place
            let length = Int(apus_load32(entry.word32(MetricMemory.Entry.length)))
            guard length >= MetricMemory.Entry.values, length % 8 == 0, place + length <= end else { break }
            if let sample = Self.sample(entry, length) { samples.append(sample) }
            place += length
        }
        return samples
    }

    private static func sample(_ entry: UnsafeMutableRawPointer, _ length: Int) -> MetricSample? {
        let code = entry.load(fromByteOffset: MetricMemory.Entry.kind, as: UInt8.self)
        let keyLength = Int(entry.load(fromByteOffset: MetricMemory.Entry.keyLength, as: UInt16.self))
        guard let kind = MetricKind(rawValue: code),
            MetricMemory.Entry.values + kind.words * 8 + keyLength <= length,
            let key = MetricKey(
                kind,
                bytes: UnsafeRawBufferPointer(
                    start: entry + MetricMemory.Entry.values + kind.words * 8, count: keyLength))
        else { return nil }
        func word(_ index: Int) -> UInt64 { apus_load64_relaxed(entry.word64(MetricMemory.Entry.values + index * 8)) }
        func number(_ index: Int) -> Double { Double(bitPattern: word(index)) }
        switch kind {
        case .counter: return MetricSample(kind, key, .whole(word(0)))
        case .amount: return MetricSample(kind, key, .number(number(0)))
        case .gauge: return word(1) == 0 ? nil : MetricSample(kind, key, .number(number(0)))
        case .durations, .values:
            return MetricSample(
                kind, key, .histogram(sum: number(0), buckets: (1...kind.bounds.count + 1).map { word($0) }))
        }
    }
}

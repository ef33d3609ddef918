import ApusTransport
import CApusSystem
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Keeps the metrics that a program makes in this process, in memory that its nodes read. See `MetricMemory`.
package final class MetricRecorder: Sendable {
    /// Of the memory, to be copied for whoever reads it.
    package let descriptor: Int32
    private let mapping: SharedMapping

    private struct Place: Hashable {
        let kind: MetricKind
        let key: MetricKey
    }
    private struct Known {
        var handlers: [Place: MetricHandler] = [:]
        /// How many label values a name has.
        var counts: [String: Int] = [:]
    }
    private let known = Mutex(Known())

    /// Series of one name in one process; what is beyond shares one series.
    package static let seriesLimit = 1000

    package init() throws(TransportError) {
        let descriptor = try SharedMapping.create(label: "apus-metrics", length: MetricMemory.length)
        do throws(TransportError) {
            guard apus_memory_seal_size(descriptor) == 0 else { throw .last("sealing the memory for metrics") }
            mapping = try SharedMapping(descriptor: descriptor, length: MetricMemory.length)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        apus_store64(mapping.base.word64(MetricMemory.Header.used), UInt64(MetricMemory.Header.bytes))
        apus_store64(mapping.base.word64(MetricMemory.Header.magic), MetricMemory.magic)
    }

    deinit { close(descriptor) }

    /// What is kept here.
    package var reader: MetricReader { MetricReader(mapping: mapping) }

    /// The handler of a metric, always the same one for the same kind, name and labels.
    ///
    /// - Returns: nil where the memory is full.
    package func handler(
        _ kind: MetricKind, _ label: String, _ dimensions: [(String, String)]
    ) -> MetricHandler? {
        var place = Place(kind: kind, key: MetricKey(kind, label, dimensions))
        return known.withLock { known in
            if let handler = known.handlers[place] { return handler }
            let count = known.counts[place.key.name, default: 0]
            if count >= Self.seriesLimit {
                place = Place(kind: kind, key: place.key.overflow)
                if let handler = known.handlers[place] { return handler }
            }
            guard let values = append(place) else {
                _ = apus_add64(mapping.base.word64(MetricMemory.Header.refused), 1)
                return nil
            }
            known.counts[place.key.name] = count + 1
            let handler = MetricHandler(kind, values, in: mapping)
            known.handlers[place] = handler
            return handler
        }
    }

    /// Where the values of a new entry are.
    private func append(_ place: Place) -> UnsafeMutableRawPointer? {
        let key = place.key.bytes
        let values = MetricMemory.Entry.values
        let length = (values + place.kind.words * 8 + key.count + 7) & ~7
        let used = Int(apus_load64(mapping.base.word64(MetricMemory.Header.used)))
        guard key.count <= Int(UInt16.max), used + length <= MetricMemory.length else { return nil }
        let entry = mapping.base + used
        entry.storeBytes(of: place.kind.rawValue, toByteOffset: MetricMemory.Entry.kind, as: UInt8.self)
        entry.storeBytes(of: UInt16(key.count), toByteOffset: MetricMemory.Entry.keyLength, as: UInt16.self)
        (entry + values + place.kind.words * 8).copyMemory(from: key, byteCount: key.count)
        apus_store32(entry.word32(MetricMemory.Entry.length), UInt32(length))
        // A reader sees the whole entry or none.
        apus_store64_release(mapping.base.word64(MetricMemory.Header.used), UInt64(used + length))
        return entry + values
    }
}

/// Adds to one metric. Every call is an atomic addition or two, from any thread.
package final class MetricHandler: @unchecked Sendable {
    // The words are only touched atomically; the mapping lives as long as this instance.
    private let words: UnsafeMutablePointer<UInt64>
    private let mapping: SharedMapping
    private let kind: MetricKind
    private let bounds: [Double]

    fileprivate init(_ kind: MetricKind, _ values: UnsafeMutableRawPointer, in mapping: SharedMapping) {
        words = values.assumingMemoryBound(to: UInt64.self)
        bounds = kind.bounds
        self.mapping = mapping
        self.kind = kind
    }

    func count(_ amount: Int64) {
        if amount > 0 { _ = apus_add64(words, UInt64(amount)) }
    }

    /// Adds to an amount; what is no finite number above zero is left out, as the metrics API wants.
    func add(_ amount: Double) {
        if amount > 0, amount.isFinite { apus_add_double(words, amount) }
    }

    func shift(_ amount: Double) {
        guard amount.isFinite else { return }
        apus_add_double(words, amount)
        apus_store64_release(words + 1, 1)
    }

    func set(_ value: Double) {
        apus_store64_release(words, value.bitPattern)
        apus_store64_release(words + 1, 1)
    }

    /// Puts a value into its bucket. Complexity: O(log buckets).
    func observe(_ value: Double) {
        guard !value.isNaN else { return }
        var low = 0
        var high = bounds.count
        while low < high {
            let middle = (low + high) / 2
            if value <= bounds[middle] { high = middle } else { low = middle + 1 }
        }
        if value.isFinite { apus_add_double(words, value) }
        _ = apus_add64(words + 1 + low, 1)
    }

    func clear() { for index in 0..<kind.words { apus_store64_release(words + index, 0) } }

    /// A gauge that is destroyed is no longer shown; what was counted stays counted.
    func destroy() { if kind == .gauge { clear() } }
}

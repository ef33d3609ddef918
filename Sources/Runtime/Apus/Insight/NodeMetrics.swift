import ApusInsight
import ApusTransport

/// The metrics that the program's processes keep, as their node sees them.
struct NodeMetrics {
    private var readers: [UInt64: (reader: MetricReader, label: String)] = [:]
    /// What processes counted that have ended.
    private var past = MetricTotals()

    /// A process made its first metric.
    ///
    /// - Parameter descriptor: of its memory; not closed.
    /// - Throws: `TransportError`, where the memory is not as ours make it.
    mutating func appeared(_ process: UInt64, label: String, descriptor: Int32) throws(TransportError) {
        guard readers[process] == nil else { return }
        readers[process] = (try MetricReader(descriptor: descriptor), label)
    }

    mutating func ended(_ process: UInt64) {
        if let (reader, _) = readers.removeValue(forKey: process) { past.add(reader, process: nil) }
    }

    var totals: MetricTotals {
        var totals = past
        for (reader, label) in readers.values { totals.add(reader, process: label) }
        return totals
    }
}

extension LocalBackend: MetricListener {
    func metricsAppeared(_ descriptor: Int32) {
        node.send(.metricsAppeared, [ChildProcess.copy(descriptor)])
    }
}

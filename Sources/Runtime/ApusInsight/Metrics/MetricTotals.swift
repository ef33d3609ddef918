/// Adds up the metrics of several processes. Pure.
///
/// Counters and histograms of the same name and labels are added; a gauge is a process's own, and gets its label
/// `process`. A process that ended leaves what it counted, and no gauges.
package struct MetricTotals: Sendable {
    private struct Family: Hashable {
        let name: String
        /// `counter` for both kinds of them.
        let kind: MetricKind
    }
    private var families: [Family: [[MetricKey.Label]: MetricSample.Value]] = [:]
    /// Metrics and samples that found no room.
    package private(set) var refused: UInt64 = 0

    package static let familyLimit = 2000
    /// Series of one name; what is beyond shares one series.
    package static let seriesLimit = 10_000

    package init() {}

    /// - Parameter process: what its gauges are labelled with; nil for one that ended.
    /// - Complexity: O(metrics).
    package mutating func add(_ reader: MetricReader, process: String?) {
        add(reader.samples(), refused: reader.refused, process: process)
    }

    package mutating func add(_ samples: [MetricSample], refused: UInt64 = 0, process: String?) {
        self.refused = self.refused.addingSaturated(refused)
        for sample in samples {
            var labels = sample.key.labels
            if sample.kind == .gauge {
                guard let process else { continue }
                labels.append(MetricKey.Label("process", process))
                labels.sort()
            }
            add(
                sample.value, labels,
                to: Family(name: sample.key.name, kind: sample.kind == .amount ? .counter : sample.kind))
        }
    }

    package mutating func add(_ other: MetricTotals) {
        refused = refused.addingSaturated(other.refused)
        for (family, series) in other.families {
            for (labels, value) in series { add(value, labels, to: family) }
        }
    }

    private mutating func add(_ value: MetricSample.Value, _ labels: [MetricKey.Label], to family: Family) {
        guard families[family] != nil || families.count < Self.familyLimit else {
            refused = refused.addingSaturated(1)
            return
        }
        var labels = labels
        if let series = families[family], series.count >= Self.seriesLimit, series[labels] == nil {
            labels = [MetricKey.Label("overflow", "true")]
        }
        families[family, default: [:]][labels, default: .whole(0)].add(value)
    }

    /// Writes the metrics by name.
    package func write(into text: inout MetricsText) {
        let sorted = families.sorted { ($0.key.name, $0.key.kind.rawValue) < ($1.key.name, $1.key.kind.rawValue) }
        var refused = refused
        for (family, series) in sorted {
            let samples = series.sorted { $0.key.lexicographicallyPrecedes($1.key) }
                .map { (labels: $0.key.map { ($0.name, $0.value) }, value: $0.value) }
            // Two kinds of one name would be two metrics of one name, which the format has not.
            guard
                let name = [family.name, "\(family.name)_\(family.kind.word)"].first(where: {
                    text.hasRoom(for: $0, isHistogram: !family.kind.bounds.isEmpty)
                })
            else {
                refused = refused.addingSaturated(UInt64(samples.count))
                continue
            }
            switch family.kind {
            case .counter, .amount: text.metric(name, .counter, samples)
            case .gauge: text.metric(name, .gauge, samples)
            case .durations, .values: text.histogram(name, family.kind.bounds, samples)
            }
        }
        if refused > 0 {
            text.metric(
                "apus_metrics_refused_total", .counter,
                "The program's metrics that found no room, or whose name was taken.",
                Double(refused))
        }
    }
}

extension MetricKind {
    fileprivate var word: String {
        switch self {
        case .counter, .amount: "counter_total"
        case .gauge: "gauge"
        case .durations, .values: "histogram"
        }
    }
}

extension MetricSample.Value {
    /// Adds what another process, or the same one before, counted.
    fileprivate mutating func add(_ other: Self) {
        switch (self, other) {
        case (.histogram(let sum, let buckets), .histogram(let more, let others)):
            self = .histogram(sum: sum + more, buckets: zip(buckets, others).map { $0.addingSaturated($1) })
        case (.whole(0), _): self = other
        case (.whole(let one), .whole(let other)): self = .whole(one.addingSaturated(other))
        default: self = .number(number + other.number)
        }
    }

    package var number: Double {
        switch self {
        case .whole(let count): Double(count)
        case .number(let value): value
        case .histogram(let sum, _): sum
        }
    }
}

extension UInt64 {
    /// A process may have written any number: the sum stops at the largest one.
    func addingSaturated(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}

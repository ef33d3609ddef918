import ApusCore
import Glibc

/// Chooses from each batch of a stream within a fixed time of its arrival.
///
/// Batches arrive at a given rate, whether or not the last one is done, and wait in a bounded queue; a latency counts from
/// the arrival. The choice is greedy as far as the time allows (`AnytimeGreedy`) and always of full size: a batch whose
/// time was used up in the queue gets a random one at once. What was chosen before is remembered as a few centres, so
/// that what has been seen is not chosen again.
public struct RealTimeLoop: Sendable, Codable {
    public enum Goal: String, Sendable, CaseIterable, Codable {
        case facilityLocation = "facility-location"
        case logDeterminant = "log-determinant"
    }

    /// Picks of each batch.
    public var count: Int
    /// Rows of a batch.
    public var batch: Int
    /// Rows a second.
    public var rate: Double
    /// Seconds from a batch's arrival to its picks.
    public var within: Double
    public var batches: Int
    public var goal = Goal.facilityLocation
    /// A similarity that does not depend on the greatest distance, which a stream does not know.
    public var metric: Similarity
    /// Centres by which earlier picks are remembered; none where 0.
    public var memory = 64
    public var queue = 4
    public var policy = ArrivalQueue<Int>.Policy.dropOldest
    public var seed: UInt64 = 0
    /// Picks at random, at once: what any other choice is to be compared with.
    public var isRandom = false

    public init(
        count: Int, batch: Int, rate: Double, within: Double, batches: Int, metric: Similarity
    ) {
        self.count = count
        self.batch = batch
        self.rate = rate
        self.within = within
        self.batches = batches
        self.metric = metric
    }

    /// What happened to one batch.
    public struct Record: Sendable, Hashable {
        public var number: Int
        /// Seconds from the arrival to the picks.
        public var latency: Double
        /// Seconds of it that it was worked on.
        public var service: Double
        /// Rows of the batch.
        public var picks: [Int]
        /// Picks that greedy made; the others were filled up.
        public var greedy: Int
        public var evaluations: Int
        /// `AnytimeGreedy.guarantee`.
        public var guarantee: Double
        public var isLate: Bool
        /// The share of the batch whose label the model knew before it learnt from any of it; nil without labels, and for
        /// most batches of a long stream.
        public var accuracy: Double?
    }

    /// Runs the loop on rows of the features, in a circle.
    ///
    /// - Parameters:
    ///   - now: seconds from any origin.
    ///   - wait: returns at a time, or soon after.
    /// - Throws: `CoresetError`.
    public func run(
        _ features: Matrix<Float>, now: () -> Double, wait: (Double) -> Void
    ) throws(CoresetError) -> RealTimeOutcome {
        try run(features, now: now, wait: wait, shortlist: { _ in nil }, afterwards: { _, _ throws(CoresetError) in })
    }

    /// The same with a model that learns: the labels of a batch's picks come back when they are made, and what is learnt
    /// from them decides what is chosen of the next batch.
    ///
    /// Time for learning is none of a batch's latency, but a batch that arrives meanwhile waits. How good the model was is
    /// found out when the stream has ended, from the models before batches spread over it, of which at most
    /// `ModelHistory.limit` are kept.
    ///
    /// - Parameter labels: of all rows; those that were not picked serve to tell how good the model is.
    /// - Throws: `CoresetError`.
    public func run<Model: ActiveModel>(
        _ features: Matrix<Float>, labels: [Int], learner: inout RealTimeLearner<Model>, now: () -> Double,
        wait: (Double) -> Void
    ) throws(CoresetError) -> RealTimeOutcome {
        guard labels.count == features.rows else {
            throw .dimensions(expected: features.rows, found: labels.count, what: "labels")
        }
        var own = learner
        defer { learner = own }
        var before = ModelHistory<Model>()
        let outcome = try run(
            features, now: now, wait: wait, shortlist: { isRandom ? nil : own.shortlist($0, count: count) },
            afterwards: { rows, picks throws(CoresetError) in
                before.add(own.rounds > 0 ? own.model : nil)
                try own.learn(
                    features.select(picks.map { rows[$0] }), labels: picks.map { labels[rows[$0]] },
                    until: now() + own.within, now: now)
            })
        var accuracies = [Double?](repeating: nil, count: outcome.records.count)
        for (index, model) in before.models {
            let rows = rows(of: outcome.records[index].number, in: features)
            accuracies[index] = model.accuracy(features.select(rows), labels: rows.map { labels[$0] })
        }
        return outcome.with(accuracies: accuracies)
    }

    func rows(of number: Int, in features: Matrix<Float>) -> [Int] {
        (0..<batch).map { (number * batch + $0) % features.rows }
    }

    private func run(
        _ features: Matrix<Float>, now: () -> Double, wait: (Double) -> Void, shortlist: (Matrix<Float>) -> [Int]?,
        afterwards: (_ rows: [Int], _ picks: [Int]) throws(CoresetError) -> Void
    ) throws(CoresetError) -> RealTimeOutcome {
        try check(features)
        let columns = features.columns
        var waiting = try ArrivalQueue<Int>(limit: queue, policy: policy)
        var centres = memory > 0 ? try DoublingCenters(capacity: memory, dimensions: columns) : nil
        var records: [Record] = []
        records.reserveCapacity(batches)
        var samples: [RealTimeOutcome.Sample] = []
        let sampled = max(1, batches / RealTimeOutcome.sampleSize)
        let origin = now()
        let apart = Double(batch) / rate
        var arrived = 0
        // What finishing has cost beyond the deadline lately.
        var reserve = 0.0
        while true {
            let present = now()
            while arrived < batches, origin + Double(arrived + 1) * apart <= present,
                waiting.arrive(arrived, at: origin + Double(arrived + 1) * apart)
            {
                arrived += 1
            }
            guard let job = waiting.next() else {
                if arrived == batches { break }
                wait(origin + Double(arrived + 1) * apart)
                continue
            }
            let rows = rows(of: job.element, in: features)
            let target = job.time + within - reserve
            var record = Record(
                number: job.element, latency: 0, service: 0, picks: [], greedy: 0, evaluations: 0,
                guarantee: 0,
                isLate: false)
            let context = centres?.points
            if present < target, !isRandom {
                let all = features.select(rows)
                let places = shortlist(all)
                try choose(
                    places.map { all.select($0) } ?? all, context: context, until: target, now: now, into: &record)
                if let places { record.picks = record.picks.map { places[$0] } }
            } else {
                var generator = SeededGenerator(seed: seed, stream: UInt64(job.element))
                record.picks = Self.random(batch, count, &generator)
            }
            let finish = now()
            record.latency = finish - job.time
            record.service = finish - present
            record.isLate = record.latency > within
            let over = finish - target
            // A time slice of another program is no cost of finishing, so one outlier must not take half of the time.
            reserve = max(0.98 * reserve, present < target ? min(1.5 * over, within / 4) : 0)
            try afterwards(rows, record.picks)
            for pick in record.picks { centres?.observe(Array(features[row: rows[pick]])) }
            if job.element % sampled == 0 {
                samples.append(.init(record: records.count, context: context))
            }
            records.append(record)
        }
        return RealTimeOutcome(loop: self, records: records, dropped: waiting.dropped, samples: samples)
    }

    private func choose(
        _ rows: Matrix<Float>, context: Matrix<Float>?, until deadline: Double, now: () -> Double,
        into record: inout Record
    ) throws(CoresetError) {
        func run(_ objective: some Objective) throws(CoresetError) {
            var greedy = try AnytimeGreedy(
                objective, count: count, initial: Array(rows.rows..<objective.count),
                seed: seed &+ UInt64(record.number))
            greedy.run(until: deadline, now: now)
            record.picks = greedy.filled
            record.greedy = greedy.picks.count
            record.evaluations = greedy.evaluations
            record.guarantee = greedy.guarantee
        }
        switch goal {
        case .facilityLocation: try run(try location(rows, context))
        case .logDeterminant: try run(try determinant(rows, context))
        }
    }

    private static func joined(_ rows: Matrix<Float>, _ context: Matrix<Float>?) -> Matrix<Float> {
        guard let context, context.rows > 0 else { return rows }
        return Matrix(
            finite: rows.storage + context.storage, rows: rows.rows + context.rows, columns: rows.columns)
    }

    func location(_ rows: Matrix<Float>, _ context: Matrix<Float>?) throws(CoresetError)
        -> FacilityLocation
    {
        FacilityLocation(
            try Similarities(
                Self.joined(rows, context), representing: rows, metric: metric, storage: .computed,
                threads: 1))
    }

    func determinant(_ rows: Matrix<Float>, _ context: Matrix<Float>?) throws(CoresetError)
        -> LogDeterminant
    {
        try LogDeterminant(
            try Similarities(Self.joined(rows, context), metric: metric, storage: .computed, threads: 1))
    }

    static func random(_ rows: Int, _ count: Int, _ generator: inout SeededGenerator) -> [Int] {
        var order = Array(0..<rows)
        let count = min(rows, count)
        for index in 0..<count { order.swapAt(index, index + generator.below(rows - index)) }
        return Array(order.prefix(count))
    }

    private func check(_ features: Matrix<Float>) throws(CoresetError) {
        guard count > 0, batch > 0, batches > 0 else {
            throw .invalidParameter(
                name: "one of picks, rows of a batch and batches", value: "\(count), \(batch), \(batches)",
                expected: "positive")
        }
        guard count <= batch else { throw .tooMany(count: count, rows: batch) }
        guard rate > 0, rate.isFinite, within > 0, within.isFinite else {
            throw .invalidParameter(
                name: "the rate or the time", value: "\(rate) rows/s, \(within) s", expected: "positive")
        }
        guard features.rows > 0 else {
            throw .invalidParameter(name: "the features", value: "empty", expected: "at least one row")
        }
        guard !metric.needsMaximum else {
            throw .unsupported(
                what: "On a stream the greatest distance is not known, which \(metric.name) needs",
                remedy: "Use exp-distance, inverse-distance or gaussian:GAMMA.")
        }
    }

    /// The machine's clock, in seconds.
    public static func systemTime() -> Double { SelectionRequest.now }

    /// Sleeps until a time of `systemTime`.
    public static func systemWait(until time: Double) {
        let left = time - SelectionRequest.now
        guard left > 0 else { return }
        var request = timespec(
            tv_sec: Int(left), tv_nsec: Int((left - left.rounded(.down)) * 1e9))
        nanosleep(&request, nil)
    }
}

import ArgumentParser
import Coresets
import Files
import Foundation
import JSON

/// `apus select stream`: picks from each batch of a stream, in time.
struct SelectStreamCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stream", abstract: "Chooses from each arriving batch within a fixed time, at given rates.",
        discussion: """
            Rows of the file, in a circle, arrive in batches at each of --rates, whether or not the last batch is done. From
            each, --count rows are chosen within --within milliseconds of its arrival: greedily as far as the time allows,
            and always as many as were asked for. Prints JSON: for each rate latencies, late and dropped batches, and the
            share of greedy's gain that was reached, random picks beside it. Results depend on the machine's speed.

            With --labels the picks' labels come back, and a soft-max regression learns from them before the next batch: rows
            are chosen from those of the smallest margins. The accuracy is that on batches the model had not learnt from, found
            out when the stream has ended; with random picks beside it, over --seeds seeds, with 95 % intervals.

            EXAMPLE: apus select stream sensors.npy --standardise --count 20 --batch 1000 --within 10 --rates 10000 100000
            """)

    @OptionGroup var input: FeatureOptions
    @Option(name: [.long, .customShort("k")], help: "Rows to choose from each batch.") var count = 20
    @Option(help: "Rows of a batch.") var batch = 1000
    @Option(parsing: .upToNextOption, help: "Rows a second.") var rates: [Double] = [10_000, 30_000, 100_000, 300_000]
    @Option(help: "Milliseconds from a batch's arrival to its picks.") var within = 10.0
    @Option(help: "Batches at each rate.") var batches = 200
    @Option(help: "facility-location or log-determinant.") var objective = "facility-location"
    @Option(help: "How alike two rows are; gaussian with γ = 1/columns where not given.") var metric: String?
    @Option(help: "Centres by which earlier picks are remembered.") var memory = 64
    @Option(help: "Batches that may wait.") var queue = 4
    @Option(help: "When the queue is full: block, drop-newest or drop-oldest.") var policy = "drop-oldest"
    @Option(help: "The rows' classes (NPY), which come back for what is picked.", completion: .file()) var labels:
        String?
    @Option(help: "Milliseconds for learning after each batch.") var learning = 5.0
    @Option(help: "Decides whatever is left to chance.") var seed: UInt64 = 0
    @Option(help: "Runs with labels, each with a seed of its own from --seed on.") var seeds = 5
    @Option(help: "Write a page with curves to this HTML file.", completion: .file()) var report: String?
    @Option(help: "Write latencies against rates to this SVG file.", completion: .file()) var plot: String?
    @Flag(help: "Print JSON to a terminal too.") var json = false

    func run() throws {
        let features = try input.read(as: Float.self).features
        guard let goal = RealTimeLoop.Goal(rawValue: objective) else {
            throw CoresetError.unknownName(
                what: "objective on a stream", name: objective, known: RealTimeLoop.Goal.allCases.map(\.rawValue))
        }
        guard let policy = ArrivalQueue<Int>.Policy(rawValue: policy) else {
            throw CoresetError.unknownName(
                what: "policy", name: policy, known: ArrivalQueue<Int>.Policy.allCases.map(\.rawValue))
        }
        let metric =
            try metric.map { try Similarity(named: $0) } ?? .gaussian(gamma: 1 / Double(max(1, features.columns)))
        let classes = try labels.map { try input.integers(of: $0, rows: features.rows, least: 0) }
        var rows: [RealTimeReport.Row] = []
        for rate in rates {
            var loop = RealTimeLoop(
                count: count, batch: batch, rate: rate, within: within / 1e3, batches: batches, metric: metric)
            loop.goal = goal
            loop.memory = memory
            loop.queue = queue
            loop.policy = policy
            loop.seed = seed
            if let classes {
                let learning = try learn(loop, features, classes)
                rows.append((learning.outcome, nil, learning))
            } else {
                let outcome = try loop.run(
                    features, now: RealTimeLoop.systemTime, wait: RealTimeLoop.systemWait(until:))
                rows.append((outcome, try outcome.quality(features), nil))
            }
        }
        let page = RealTimeReport(source: URL(fileURLWithPath: input.file).lastPathComponent, rows: rows)
        if let report { try AtomicFile.write(page.html, to: report) }
        if let plot { try AtomicFile.write(page.files.latencies, to: plot) }
        guard json || isatty(STDOUT_FILENO) == 0 else {
            print(
                "rows/s    batches  late  dropped  p50 ms  p99 ms  "
                    + (classes == nil ? "quality" : "accuracy") + "  random")
            for row in rows {
                let one = row.outcome
                let cells = [
                    "\(Int(one.loop.rate))", "\(one.records.count)", "\(one.late)", "\(one.dropped)",
                    String(format: "%.2f", one.latency(0.5) * 1e3), String(format: "%.2f", one.latency(0.99) * 1e3),
                    (row.quality?.chosen.mean ?? row.learning?.chosen.mean).map { String(format: "%.3f", $0) } ?? "",
                    (row.quality?.random.mean).map { String(format: "%.3f", $0) }
                        ?? row.learning.map {
                            String(
                                format: "%.3f (%+.3f ± %.3f)", $0.random.mean, $0.difference.mean,
                                $0.difference.halfWidth)
                        } ?? "",
                ]
                print(
                    zip(cells, [10, 9, 6, 9, 8, 8, 9, 0]).map {
                        $0.padding(toLength: max($1, $0.count), withPad: " ", startingAt: 0)
                    }.joined())
            }
            return
        }
        print(page.json.text())
    }

    private func learn(
        _ loop: RealTimeLoop, _ features: Matrix<Float>, _ labels: [Int]
    ) throws -> RealTimeComparison {
        guard labels.allSatisfy({ $0 >= 0 && $0 < 10_000 }) else {
            throw ValidationError("--labels must be classes from 0 to 9,999.")
        }
        let model = try SoftmaxRegression(dimensions: features.columns, classes: (labels.max() ?? 0) + 1)
        let learner = try RealTimeLearner(model: model, dimensions: features.columns, within: learning / 1e3)
        return try RealTimeComparison(
            loop, features, labels: labels, learner: learner, seeds: (0..<max(0, seeds)).map { seed &+ UInt64($0) },
            now: RealTimeLoop.systemTime, wait: RealTimeLoop.systemWait(until:))
    }
}

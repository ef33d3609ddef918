import Evaluation

/// What the measurements say: intervals for every data set, comparisons of every pair, and one sentence.
///
/// The unit of the bootstrap is the held-out document: its tokens and its questions are not independent of one another.
/// Where a data set trained several models (seeds), models are drawn as well as documents.
struct Findings {
    /// The measurements of the models of one data set.
    struct Measured {
        var dataset: String
        var models: [ScoreStep.Product]
    }

    var evaluations: [EvaluationResult] = []
    var comparisons: [ComparisonResult] = []
    var verdict = ""

    /// - Parameters:
    ///   - choices: of a cloze question.
    ///   - samples: of the bootstrap.
    init(_ measured: [Measured], choices: Int, samples: Int, seed: UInt64) {
        let tables = measured.map { Table($0.models) }
        let bootstrap = Bootstrap(samples: samples, seed: seed)
        for (one, table) in zip(measured, tables) {
            evaluations.append(
                EvaluationResult(
                    dataset: one.dataset,
                    bitsPerByte: IntervalResult(bootstrap.ratio(of: table.bits, to: table.bytes)),
                    clozeAccuracy: IntervalResult(bootstrap.ratio(of: table.correct, to: table.questions)),
                    clozeBaseline: 1 / Double(choices)))
        }
        for first in measured.indices {
            for second in measured.indices.dropFirst(first + 1) {
                let (left, right) = (tables[first], tables[second])
                compare(
                    "bits per byte", measured[first].dataset, measured[second].dataset, lowerIsBetter: true,
                    IntervalResult(
                        bootstrap.ratioDifference(left.bits, left.bytes, minus: right.bits, right.bytes)))
                compare(
                    "cloze accuracy", measured[first].dataset, measured[second].dataset, lowerIsBetter: false,
                    IntervalResult(
                        bootstrap.ratioDifference(left.correct, left.questions, minus: right.correct, right.questions)))
            }
        }
        verdict = sentence(measured.map(\.dataset))
    }

    private mutating func compare(
        _ metric: String, _ first: String, _ second: String, lowerIsBetter: Bool, _ difference: IntervalResult
    ) {
        var better: String?
        if difference.excludesZero { better = (difference.value < 0) == lowerIsBetter ? first : second }
        comparisons.append(
            ComparisonResult(metric: metric, first: first, second: second, difference: difference, better: better))
    }

    /// Claims no more than the intervals do.
    private func sentence(_ datasets: [String]) -> String {
        guard datasets.count > 1 else { return "One data set was measured; there is nothing to compare it with." }
        let ranked = evaluations.sorted { $0.bitsPerByte.value < $1.bitsPerByte.value }.map(\.dataset)
        let best = ranked[0]
        func wins(_ metric: String) -> Bool {
            comparisons.filter { $0.metric == metric && ($0.first == best || $0.second == best) }.allSatisfy {
                $0.better == best
            }
        }
        let others = datasets.count == 2 ? ranked[1] : "every other data set"
        switch (wins("bits per byte"), wins("cloze accuracy")) {
        case (true, true):
            return
                "Training on \(best) was better than training on \(others): fewer bits per byte of unseen text, and more "
                + "cloze questions answered."
        case (true, false):
            return
                "Training on \(best) was better than training on \(others) in bits per byte of unseen text; the cloze "
                + "questions show no clear difference."
        case (false, true):
            return
                "Models trained on \(best) answer more cloze questions than those trained on \(others); bits per byte "
                + "show no clear difference."
        case (false, false):
            return "The intervals of the differences contain zero: this experiment shows no data set to be better."
        }
    }
}

/// By model, sums over each held-out document; what the models share, once.
private struct Table {
    let bits: [[Double]]
    let bytes: [Double]
    let correct: [[Double]]
    let questions: [Double]

    init(_ models: [ScoreStep.Product]) {
        bits = models.map(\.bits)
        bytes = models.first?.bytes.map(Double.init) ?? []
        let count = bytes.count
        correct = models.map { model in
            var sums = [Double](repeating: 0, count: count)
            for (document, isCorrect) in zip(model.questionDocuments, model.isCorrect) where isCorrect {
                sums[document] += 1
            }
            return sums
        }
        var questions = [Double](repeating: 0, count: count)
        for document in models.first?.questionDocuments ?? [] { questions[document] += 1 }
        self.questions = questions
    }
}

extension IntervalResult {
    init(_ interval: Interval) {
        self.init(value: interval.value, lower: interval.lower, upper: interval.upper)
    }
}

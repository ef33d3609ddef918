import Reports

/// The report of an experiment: one HTML file that needs nothing else, for people with a browser.
///
/// ```swift
/// try AtomicFile.write(Report(result).html, to: "demo/report.html")
/// ```
public struct Report: Sendable {
    private let result: ExperimentResult

    public init(_ result: ExperimentResult) { self.result = result }

    /// The page, with its style and drawings inside; it loads nothing and runs no script.
    public var html: String {
        var page = HTMLWriter()
        page.document(title: "\(result.name) – Apus experiment", style: ReportStyle.css) { page in
            page.reportHeader(kind: "Apus dataset experiment", subject: result.name, verdict: result.verdict)
            page.element("main") { page in
                leaderboard(&page)
                evaluation(&page)
                losses(&page)
                funnels(&page)
                samples(&page)
                settings(&page)
            }
            page.element("footer") { page in
                page.text(
                    "Apus \(result.versions.first { $0.key == "apus" }?.value ?? ""). Intervals are 95 % bootstrap ")
                page.text(
                    "intervals over held-out documents; a difference is claimed only where its interval excludes zero.")
            }
        }
        return page.html
    }

    // MARK: Sections

    private func leaderboard(_ page: inout HTMLWriter) {
        page.section("Leaderboard", id: "leaderboard") { page in
            let best = result.comparisons.compactMap(\.better)
            page.table(
                head: ["data set", "pages", "text", "tokens", "bits per byte ↓", "cloze ↑"],
                numeric: [1, 2, 3, 4, 5],
                rows: ranked.map { evaluation in
                    let dataset = result.datasets.first { $0.name == evaluation.dataset }
                    return [
                        .name(
                            evaluation.dataset, swatch: colour(of: evaluation.dataset),
                            isBest: best.contains(evaluation.dataset)),
                        .text(Format.count(dataset?.documents ?? 0)), .text(Format.bytes(dataset?.bytes ?? 0)),
                        .text(Format.count(dataset?.tokens ?? 0)),
                        .text(Format.interval(evaluation.bitsPerByte, digits: 3)),
                        .text(Format.percent(evaluation.clozeAccuracy)),
                    ]
                })
            if let baseline = result.evaluations.first?.clozeBaseline {
                page.element("p", class: "note") {
                    $0.text(
                        "Every model had the same budget. Guessing answers \(Format.decimal(baseline * 100, digits: 0)) % "
                    )
                    $0.text("of the cloze questions.")
                }
            }
        }
    }

    private func evaluation(_ page: inout HTMLWriter) {
        page.section("On text no model saw", id: "evaluation") { page in
            page.element("p") { page in
                page.text(
                    "\(Format.count(result.heldOut.documents)) documents, \(Format.bytes(result.heldOut.bytes)), kept aside "
                )
                page.text("before training and cleaned with \(result.heldOut.recipe); ")
                page.text("\(Format.count(result.heldOut.clozeQuestions)) cloze questions are made from them. ")
                let seeds = Set(result.models.map(\.seed)).count
                page.text(
                    seeds > 1
                        ? "The intervals cover the choice of these documents and of \(seeds) seeds of training."
                        : "The intervals cover the choice of these documents; with one seed, not the chance of training itself."
                )
            }
            page.element("div", class: "pair") { page in
                page.figure("Bits per byte (lower is better)") { page in
                    page.raw(
                        IntervalPlot(
                            rows: ranked.map { ($0.dataset, $0.bitsPerByte, colour(of: $0.dataset)) }, digits: 2
                        ).svg)
                }
                page.figure("Cloze accuracy, % (higher is better)") { page in
                    page.raw(
                        IntervalPlot(
                            rows: ranked.map { ($0.dataset, $0.clozeAccuracy.scaled(by: 100), colour(of: $0.dataset)) },
                            digits: 1, reference: result.evaluations.first.map { $0.clozeBaseline * 100 }
                        ).svg)
                }
            }
            page.table(
                head: ["metric", "compared", "difference", "reading"], numeric: [2],
                rows: result.comparisons.map { comparison in
                    [
                        .text(comparison.metric), .text("\(comparison.first) − \(comparison.second)"),
                        .text(Format.interval(comparison.difference, digits: 3)),
                        .text(comparison.better.map { "\($0) is better" } ?? "no difference shown"),
                    ]
                })
        }
    }

    private func losses(_ page: inout HTMLWriter) {
        page.section("Training", id: "training") { page in
            page.figure("Training loss, nats a token") { page in
                let plot = LossPlot(
                    curves: result.models.map {
                        .init(colour: colour(of: $0.dataset), points: $0.losses)
                    })
                page.element("div", class: "scroll wide") { $0.raw(plot.svg) }
            }
            page.element("p", class: "legend") { page in
                for dataset in result.datasets {
                    page.element("span") { page in
                        page.swatch(colour(of: dataset.name))
                        page.text(dataset.name)
                    }
                }
                page.text("one curve a seed")
            }
            page.element("p", class: "note") {
                $0.text(
                    "Losses are on each model's own data, so they do not compare data sets: plain boilerplate is easy to predict."
                )
            }
            page.table(
                head: ["data set", "seed", "parameters", "steps", "tokens seen", "passes", "final loss", "time"],
                numeric: [1, 2, 3, 4, 5, 6, 7],
                rows: result.models.map { model in
                    [
                        .name(model.dataset, swatch: colour(of: model.dataset), isBest: false), .text("\(model.seed)"),
                        .text(Format.count(model.parameters)), .text(Format.count(model.steps)),
                        .text(Format.count(model.tokens)), .text(Format.decimal(model.epochs, digits: 2)),
                        .text(Format.decimal(model.finalLoss, digits: 3)), .text(Format.seconds(model.seconds)),
                    ]
                })
        }
    }

    private func funnels(_ page: inout HTMLWriter) {
        page.section("Where the pages went", id: "funnel") { page in
            for dataset in result.datasets {
                let funnel = dataset.funnel
                page.element("h3") { page in
                    page.swatch(colour(of: dataset.name))
                    page.text(dataset.name)
                }
                page.element("p") { page in
                    let dropped = funnel.dropped.reduce(0) { $0 + $1.count }
                    let failed = funnel.failed.reduce(0) { $0 + $1.count }
                    page.text("\(Format.count(funnel.read)) read = \(Format.count(funnel.kept)) kept + ")
                    page.text("\(Format.count(dropped)) dropped + \(Format.count(failed)) failed")
                    page.text(funnel.isBalanced ? "." : " – this does not add up.")
                    if dataset.decontaminated > 0 {
                        page.text(
                            " Of those kept, \(Format.count(dataset.decontaminated)) were left out of training: they ")
                        page.text("are held out, or overlap what is.")
                    }
                }
                page.raw(FunnelView(funnel: funnel, colour: colour(of: dataset.name)).html)
            }
        }
    }

    private func samples(_ page: inout HTMLWriter) {
        page.section("Samples", id: "samples") { page in
            for dataset in result.datasets {
                page.element("h3") { page in
                    page.swatch(colour(of: dataset.name))
                    page.text(dataset.name)
                }
                page.details("Kept: \(dataset.keptSamples.count) pages, drawn by seed", isOpen: true) { page in
                    page.element("div", class: "samples") { page in dataset.keptSamples.forEach { sample(&page, $0) } }
                }
                if !dataset.droppedSamples.isEmpty {
                    page.details("Dropped: a few of each rule", isOpen: false) { page in
                        page.element("div", class: "samples") { page in
                            dataset.droppedSamples.forEach { sample(&page, $0) }
                        }
                    }
                }
            }
        }
    }

    private func sample(_ page: inout HTMLWriter, _ sample: SampleResult) {
        page.element("article", class: sample.rule == nil ? "sample" : "sample dropped") { page in
            page.element("p", class: "source") { page in
                if let rule = sample.rule { page.element("strong") { $0.text(rule) } }
                page.text(sample.url ?? "")
            }
            page.element("pre") { $0.text(sample.text) }
        }
    }

    private func settings(_ page: inout HTMLWriter) {
        page.section("How to repeat it", id: "settings") { page in
            page.element("p") { page in
                page.text("The same settings and pool give the same digests and losses. Vocabulary: ")
                page.text("\(Format.count(result.tokenizer.vocabularySize)) tokens, ")
                page.text(
                    "\(Format.decimal(result.tokenizer.bytesPerToken, digits: 2)) bytes a token on the held-out text.")
            }
            page.details("Settings", isOpen: false) { page in
                page.table(
                    head: ["key", "value"], numeric: [], rows: result.settings.map { [.code($0.key), .code($0.value)] })
            }
            page.details("Versions", isOpen: false) { page in
                page.table(
                    head: ["what", "version"], numeric: [],
                    rows: result.versions.map { [.text($0.key), .code($0.value)] })
            }
            page.details("Steps and their content addresses", isOpen: false) { page in
                page.table(
                    head: ["step", "address", "time", ""], numeric: [2],
                    rows: result.steps.map {
                        [
                            .text($0.name), .code(String($0.key.prefix(16))), .text(Format.seconds($0.seconds)),
                            .text($0.reused ? "reused" : ""),
                        ]
                    })
            }
            page.details("Digests of token shards (SHA-256)", isOpen: false) { page in
                page.table(
                    head: ["data set", "shard", "digest"], numeric: [],
                    rows: result.datasets.flatMap { dataset in
                        dataset.shardDigests.enumerated().map { [.text(dataset.name), .text("\($0)"), .code($1)] }
                    })
            }
        }
    }

    // MARK: Order and colour

    /// Evaluations, the best data set first.
    private var ranked: [EvaluationResult] { result.evaluations.sorted { $0.bitsPerByte.value < $1.bitsPerByte.value } }

    /// The colour class of a data set, by its place in the experiment.
    private func colour(of dataset: String) -> Int {
        (result.datasets.firstIndex { $0.name == dataset } ?? 0) % ReportStyle.colours
    }
}

extension IntervalResult {
    func scaled(by factor: Double) -> IntervalResult {
        IntervalResult(value: value * factor, lower: lower * factor, upper: upper * factor)
    }
}

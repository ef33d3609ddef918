import Reports

/// A result as a few lines for a terminal.
public struct ResultSummary: Sendable {
    private let result: ExperimentResult

    public init(_ result: ExperimentResult) { self.result = result }

    public var text: String {
        var rows = [["data set", "read", "kept", "dropped", "failed", "tokens", "bits per byte", "cloze %"]]
        for dataset in result.datasets {
            let evaluation = result.evaluations.first { $0.dataset == dataset.name }
            rows.append([
                dataset.name, Format.count(dataset.funnel.read), Format.count(dataset.funnel.kept),
                Format.count(dataset.funnel.dropped.reduce(0) { $0 + $1.count }),
                Format.count(dataset.funnel.failed.reduce(0) { $0 + $1.count }), Format.count(dataset.tokens),
                evaluation.map { Format.interval($0.bitsPerByte, digits: 3) } ?? "",
                evaluation.map { Format.interval($0.clozeAccuracy.scaled(by: 100), digits: 1) } ?? "",
            ])
        }
        let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
        let lines = rows.map { row in
            zip(row, widths).enumerated().map { column, cell in
                let pad = String(repeating: " ", count: cell.1 - cell.0.count)
                return column == 0 ? cell.0 + pad : pad + cell.0
            }.joined(separator: "  ")
        }
        return (lines + ["", result.verdict]).joined(separator: "\n")
    }
}

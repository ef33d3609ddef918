import JSON
import Reports

/// The page that shows a selection: how the objective grows, whom the picks stand for, and how it was made.
public struct SelectionReport: Sendable {
    public let source: String
    public let request: SelectionRequest
    public let outcome: SelectionRequest.Outcome
    private let map: [(x: Double, y: Double)]

    /// - Parameter features: the rows that were chosen from; they are drawn by their first two principal components.
    public init(
        source: String, request: SelectionRequest, outcome: SelectionRequest.Outcome, features: Matrix<Double>
    ) {
        self.source = source
        self.request = request
        self.outcome = outcome
        map = PrincipalComponents(features).projected(features)
    }

    /// The result as one JSON object, with the keys of `apus select`.
    public var json: JSONValue {
        let selection = outcome.selection
        var object: JSONObject = [
            "indices": .array(selection.picks.map { JSONValue($0) }),
            "gains": .array(selection.gains.map { JSONValue($0) }),
            "weights": .array(outcome.weights.map { JSONValue(Int($0)) }),
            "objective": JSONValue(selection.value),
            "seconds": JSONValue((outcome.seconds * 1e6).rounded() / 1e6),
            "selectionSeconds": JSONValue((outcome.selectionSeconds * 1e6).rounded() / 1e6),
            "processorSeconds": JSONValue((outcome.processorSeconds * 1e6).rounded() / 1e6),
            "function": JSONValue(selection.objective), "metric": JSONValue(outcome.metric),
            "optimizer": JSONValue(selection.optimizer), "stop": JSONValue(selection.stop.rawValue),
            "evaluations": JSONValue(selection.evaluations), "seed": JSONValue(Int(truncatingIfNeeded: selection.seed)),
            "precision": JSONValue(outcome.isDouble ? "double" : "single"), "bytes": JSONValue(outcome.bytes),
            "cost": JSONValue(outcome.representation.cost), "radius": JSONValue(outcome.representation.radius),
        ]
        if let guarantee = selection.guarantee { object["guarantee"] = JSONValue(guarantee) }
        return .object(object)
    }

    /// The curve of the objective as an SVG file.
    public var growthFile: String { growth.file }

    /// The objective after each pick.
    package var growth: Plot {
        let selection = outcome.selection
        var values: [(x: Double, y: Double)] = []
        if selection.objective == "k-center" {
            values = selection.gains.enumerated().map { (Double($0.offset + 1), $0.element) }
        } else {
            var value = selection.value - selection.gains.reduce(0, +)
            for (index, gain) in selection.gains.enumerated() {
                value += gain
                values.append((Double(index + 1), value))
            }
        }
        var series = [Plot.Series(selection.objective, points: values, colour: 1)]
        if let guarantee = selection.guarantee, guarantee > 0.5, selection.value > 0 {
            series.append(
                Plot.Series(
                    "what the optimum is at most",
                    points: values.map { ($0.x, $0.y / guarantee) }, mark: .dashed, colour: 5))
        }
        return Plot(
            "objective against size", horizontal: "picks",
            vertical: selection.objective == "k-center" ? "covering radius" : "objective", series: series)
    }

    /// Points and picks, a pick as large as what it represents.
    package var coverage: Plot {
        let limit = 4000
        let step = max(1, map.count / limit)
        let points = stride(from: 0, to: map.count, by: step).map { map[$0] }
        let most = (outcome.weights.max() ?? 1).squareRoot()
        let radii = outcome.weights.map { 1.5 + 5.5 * $0.squareRoot() / max(1, most) }
        return Plot(
            "points and picks", horizontal: "first principal component", vertical: "second",
            series: [
                Plot.Series("points", points: points, mark: .points(1.5), colour: 5),
                Plot.Series(
                    "picks, by points represented", points: outcome.selection.picks.map { map[$0] }, mark: .points(4),
                    colour: 0, radii: radii),
            ], isMap: true)
    }

    /// The map of points and picks as an SVG file.
    public var coverageFile: String { coverage.file }

    /// The map of points and picks as a PNG file, two pixels for each unit of the SVG.
    public func coverageImage() throws -> [UInt8] {
        let (width, height, margin) = (1280.0, 1040.0, 30.0)
        var image = PointImage(width: Int(width), height: Int(height))
        guard let first = map.first else { return try image.png() }
        var (left, right, low, high) = (first.x, first.x, first.y, first.y)
        for point in map {
            (left, right) = (min(left, point.x), max(right, point.x))
            (low, high) = (min(low, point.y), max(high, point.y))
        }
        let unit = max((right - left) / (width - 2 * margin), (high - low) / (height - 2 * margin), 1e-12)
        func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
            (
                width / 2 + (point.x - (left + right) / 2) / unit,
                height / 2 - (point.y - (low + high) / 2) / unit
            )
        }
        for (index, series) in coverage.series.enumerated() {
            for (number, point) in series.points.enumerated() {
                let (x, y) = place(point)
                let own = series.radii.isEmpty ? 1.5 : series.radii[min(number, series.radii.count - 1)]
                image.disc(
                    x: x, y: y, radius: 2 * own, colour: index == 0 ? (0x5B, 0x65, 0x70) : (0xC2, 0x57, 0x1A),
                    opacity: index == 0 ? 0.35 : 0.85)
            }
        }
        return try image.png()
    }

    public var html: String {
        let selection = outcome.selection
        var page = HTMLWriter()
        page.document(title: "Selection from \(source)", style: ReportStyle.css) { page in
            page.reportHeader(
                kind: "Apus · selection", subject: source,
                verdict: "\(Format.count(selection.picks.count)) of \(Format.count(map.count)) rows by "
                    + "\(selection.objective) in \(Format.seconds(outcome.seconds)).")
            page.element("main") { page in
                page.section("What was reached", id: "reached") { page in
                    page.table(
                        head: ["", ""], numeric: [1],
                        rows: facts.map { [.text($0.0), .text($0.1)] })
                }
                page.section("Objective against size", id: "growth") { $0.raw(growth.svg) }
                page.section("Whom the picks stand for", id: "coverage") { $0.raw(coverage.svg) }
                page.section("Picks", id: "picks") { page in
                    page.table(
                        head: ["order", "row", "gain", "represents"], numeric: [0, 1, 2, 3],
                        rows: selection.picks.indices.prefix(200).map { index in
                            [
                                .text("\(index + 1)"), .text("\(selection.picks[index])"),
                                .text(Self.number(selection.gains[index])),
                                .text(Format.count(Int(outcome.weights[index]))),
                            ]
                        })
                    if selection.picks.count > 200 {
                        page.element("p", class: "note") {
                            $0.text("The first 200 of \(Format.count(selection.picks.count)).")
                        }
                    }
                }
            }
        }
        return page.html
    }

    private var facts: [(String, String)] {
        let selection = outcome.selection
        var facts = [
            ("objective", Self.number(selection.value)),
            ("mean distance to the pick", Self.number(outcome.representation.cost / Double(max(1, map.count)))),
            ("greatest distance to the pick", Self.number(outcome.representation.radius)),
            ("metric", outcome.metric), ("optimizer", selection.optimizer),
            ("gains computed", Format.count(selection.evaluations)),
            ("memory beyond the input", Format.bytes(outcome.bytes)),
            ("precision", outcome.isDouble ? "64-bit" : "32-bit"),
        ]
        if let guarantee = selection.guarantee {
            facts.append(("at least this share of the optimum", Format.decimal(guarantee, digits: 3)))
        }
        return facts
    }

    private static func number(_ value: Double) -> String {
        abs(value) >= 1e5 ? Format.count(Int(value.rounded())) : Format.decimal(value, digits: abs(value) < 10 ? 4 : 2)
    }
}

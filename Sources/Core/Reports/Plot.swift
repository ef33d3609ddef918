import Foundation

/// Curves and points over two axes, drawn as SVG.
package struct Plot: Sendable {
    /// Values of one kind, drawn in one colour.
    package struct Series: Sendable {
        package enum Mark: Sendable {
            case line
            case dashed
            /// Points of a radius.
            case points(Double)
        }

        package var name: String
        package var points: [(x: Double, y: Double)]
        package var mark: Mark
        /// A colour of the report's style sheet, from 0.
        package var colour: Int
        /// Radii of single points, where they differ.
        package var radii: [Double]
        /// How sure each point is, drawn as an upright bar; of the first points where there are fewer.
        package var intervals: [ClosedRange<Double>]

        package init(
            _ name: String, points: [(x: Double, y: Double)], mark: Mark = .line, colour: Int = 0,
            radii: [Double] = [], intervals: [ClosedRange<Double>] = []
        ) {
            self.name = name
            self.points = points
            self.mark = mark
            self.colour = colour
            self.radii = radii
            self.intervals = intervals
        }
    }

    package enum Scale: Sendable { case linear, logarithmic }

    package var title: String
    package var horizontal: String
    package var vertical: String
    package var series: [Series]
    package var horizontalScale = Scale.linear
    package var verticalScale = Scale.linear
    /// Whether a step is as long across as up, and axes have no numbers: for projections.
    package var isMap = false

    package init(
        _ title: String, horizontal: String, vertical: String, series: [Series], horizontalScale: Scale = .linear,
        verticalScale: Scale = .linear, isMap: Bool = false
    ) {
        self.title = title
        self.horizontal = horizontal
        self.vertical = vertical
        self.series = series
        self.horizontalScale = horizontalScale
        self.verticalScale = verticalScale
        self.isMap = isMap
    }

    private static let width = 640.0
    private static let margin = (left: 62.0, right: 20.0, top: 14.0, bottom: 44.0)
    private static let legendLine = 18.0
    private var height: Double { (isMap ? 520 : 340) + Self.legendLine * Double(max(1, legendPlaces.lines) - 1) }
    private var bottom: Double { (isMap ? 520 : 340) - Self.margin.bottom }

    /// The drawing alone, to stand in a page with the report's style sheet.
    package var svg: String { draw(standalone: false) }

    /// The drawing as a file of its own.
    package var file: String {
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + draw(standalone: true) + "\n"
    }

    private func draw(standalone: Bool) -> String {
        func usable(_ value: Double, _ scale: Scale) -> Bool { value.isFinite && (scale == .linear || value > 0) }
        let ends = series.flatMap { one in
            zip(one.points, one.intervals).flatMap { [($0.x, $1.lowerBound), ($0.x, $1.upperBound)] }
        }
        let all = (series.flatMap(\.points) + ends.map { (x: $0.0, y: $0.1) }).filter {
            usable($0.x, horizontalScale) && usable($0.y, verticalScale)
        }
        guard let first = all.first else { return "<p class=\"note\">Nothing to draw.</p>" }
        func range(_ key: (((x: Double, y: Double)) -> Double)) -> ClosedRange<Double> {
            var (low, high) = (key(first), key(first))
            for point in all { (low, high) = (min(low, key(point)), max(high, key(point))) }
            return low...high
        }
        var across = range { $0.x }
        var up = range { $0.y }
        if isMap { Self.square(&across, &up, width: Self.width, height: bottom + Self.margin.bottom) }
        let x = Ruler(across, horizontalScale, from: Self.margin.left, to: Self.width - Self.margin.right)
        let y = Ruler(up, verticalScale, from: bottom, to: Self.margin.top)
        let size = standalone ? " width=\"\(Int(Self.width))\" height=\"\(Int(height))\"" : ""
        var svg =
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(Self.width)) \(Int(height))\"\(size) "
            + "role=\"img\" aria-label=\"\(HTMLWriter.escaped(title))\">"
        if standalone { svg += Self.style }
        svg += axes(x, y)
        for one in series { svg += marks(one, x, y) }
        svg += legend
        return svg + "</svg>"
    }

    private func axes(_ x: Ruler, _ y: Ruler) -> String {
        let right = Self.width - Self.margin.right
        var svg = ""
        if !isMap {
            for (value, label) in y.ticks {
                let at = Self.short(y(value))
                svg += "<line class=\"grid\" x1=\"\(Self.margin.left)\" x2=\"\(right)\" y1=\"\(at)\" y2=\"\(at)\"/>"
                svg += "<text class=\"tick\" x=\"\(Self.margin.left - 6)\" y=\"\(Self.short(y(value) + 4))\" "
                svg += "text-anchor=\"end\">\(label)</text>"
            }
            for (value, label) in x.ticks {
                svg += "<text class=\"tick\" x=\"\(Self.short(x(value)))\" y=\"\(bottom + 16)\" text-anchor=\"middle\">"
                svg += "\(label)</text>"
            }
        }
        svg += "<text class=\"tick\" x=\"\(right)\" y=\"\(bottom - 6)\" text-anchor=\"end\">"
        svg += "\(HTMLWriter.escaped(horizontal))</text>"
        svg += "<text class=\"tick\" x=\"14\" y=\"\(Self.margin.top)\" text-anchor=\"end\" transform=\"rotate(-90 14 "
        svg += "\(Self.margin.top))\">\(HTMLWriter.escaped(vertical))</text>"
        return svg
    }

    private func marks(_ one: Series, _ x: Ruler, _ y: Ruler) -> String {
        let colour = one.colour % ReportStyle.colours
        let places = one.points.filter { x.holds($0.x) && y.holds($0.y) }.map { (x($0.x), y($0.y)) }
        switch one.mark {
        case .line, .dashed:
            let dash = if case .dashed = one.mark { " stroke-dasharray=\"5 4\"" } else { "" }
            let text = places.map { "\(Self.short($0.0)),\(Self.short($0.1))" }.joined(separator: " ")
            var svg = "<polyline class=\"curve s\(colour)\"\(dash) points=\"\(text)\"/>"
            for (point, interval) in zip(one.points, one.intervals) where x.holds(point.x) {
                guard y.holds(interval.lowerBound), y.holds(interval.upperBound) else { continue }
                let at = Self.short(x(point.x))
                svg += "<line class=\"curve s\(colour)\" stroke-opacity=\"0.45\" x1=\"\(at)\" x2=\"\(at)\" "
                svg += "y1=\"\(Self.short(y(interval.lowerBound)))\" y2=\"\(Self.short(y(interval.upperBound)))\"/>"
            }
            return svg
        case .points(let radius):
            var svg = "<g class=\"f\(colour)\" fill-opacity=\"\(radius < 2 ? 0.35 : 0.85)\">"
            for (index, place) in places.enumerated() {
                let own = one.radii.isEmpty ? radius : one.radii[min(index, one.radii.count - 1)]
                svg += "<circle cx=\"\(Self.short(place.0))\" cy=\"\(Self.short(place.1))\" r=\"\(Self.short(own))\"/>"
            }
            return svg + "</g>"
        }
    }

    /// Where each named series stands in the legend, which has as many lines as it needs.
    private var legendPlaces: (lines: Int, places: [(series: Series, x: Double, line: Int)]) {
        var places: [(series: Series, x: Double, line: Int)] = []
        var (x, line) = (Self.margin.left, 0)
        for one in series where !one.name.isEmpty {
            let size = 36 + 6 * Double(one.name.count)
            if x + size > Self.width, x > Self.margin.left { (x, line) = (Self.margin.left, line + 1) }
            places.append((one, x, line))
            x += size
        }
        return (line + 1, places)
    }

    private var legend: String {
        var svg = ""
        for (one, x, line) in legendPlaces.places {
            let colour = one.colour % ReportStyle.colours
            let y = bottom + Self.margin.bottom - 12 + Self.legendLine * Double(line)
            let (left, middle) = (Self.short(x), Self.short(y - 4))
            switch one.mark {
            case .points:
                svg += "<circle class=\"f\(colour)\" cx=\"\(Self.short(x + 9))\" cy=\"\(middle)\" r=\"4\"/>"
            case .line, .dashed:
                let dash = if case .dashed = one.mark { " stroke-dasharray=\"5 3\"" } else { "" }
                svg += "<line class=\"curve s\(colour)\"\(dash) x1=\"\(left)\" x2=\"\(Self.short(x + 18))\" "
                svg += "y1=\"\(middle)\" y2=\"\(middle)\"/>"
            }
            svg += "<text class=\"tick\" x=\"\(Self.short(x + 23))\" y=\"\(Self.short(y))\">"
            svg += "\(HTMLWriter.escaped(one.name))</text>"
        }
        return svg
    }

    private static func square(
        _ across: inout ClosedRange<Double>, _ up: inout ClosedRange<Double>, width: Double, height: Double
    ) {
        let inner = (width - margin.left - margin.right, height - margin.top - margin.bottom)
        let unit = max(
            (across.upperBound - across.lowerBound) / inner.0, (up.upperBound - up.lowerBound) / inner.1, 1e-12)
        func widen(_ range: inout ClosedRange<Double>, _ span: Double) {
            let middle = (range.lowerBound + range.upperBound) / 2
            range = (middle - span / 2)...(middle + span / 2)
        }
        widen(&across, unit * inner.0)
        widen(&up, unit * inner.1)
    }

    private static func short(_ value: Double) -> String {
        let rounded = (value * 10).rounded() / 10
        return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
    }

    private static let style = """
        <style>svg{font:12px system-ui,sans-serif;background:#fff}.grid{stroke:#dfe3e8}.tick{fill:#5b6570;font-size:11px}\
        .curve{fill:none;stroke-width:2;stroke-linejoin:round}\
        .s0{stroke:#c2571a}.s1{stroke:#0b6fa4}.s2{stroke:#0a8f6a}.s3{stroke:#9b4f88}.s4{stroke:#8a6d00}.s5{stroke:#5b6570}\
        .f0{fill:#c2571a}.f1{fill:#0b6fa4}.f2{fill:#0a8f6a}.f3{fill:#9b4f88}.f4{fill:#8a6d00}.f5{fill:#5b6570}</style>
        """
}

/// From values to places on the page.
private struct Ruler {
    private let scale: Plot.Scale
    private let lower: Double
    private let upper: Double
    private let start: Double
    private let end: Double
    let ticks: [(Double, String)]

    init(_ range: ClosedRange<Double>, _ scale: Plot.Scale, from start: Double, to end: Double) {
        self.scale = scale
        self.start = start
        self.end = end
        switch scale {
        case .linear:
            let axis = Axis(covering: range)
            (lower, upper) = (axis.lower, axis.upper)
            ticks = axis.ticks.map { ($0, Self.label($0, digits: axis.digits)) }
        case .logarithmic:
            let first = log10(range.lowerBound).rounded(.down)
            let last = max(first + 1, log10(range.upperBound).rounded(.up))
            (lower, upper) = (first, last)
            let step = max(1, ((last - first) / 8).rounded(.up))
            ticks = stride(from: first, through: last, by: step).map {
                (pow(10, $0), Self.label(pow(10, $0), digits: max(0, Int(-$0))))
            }
        }
    }

    func holds(_ value: Double) -> Bool { value.isFinite && (scale == .linear || value > 0) }

    func callAsFunction(_ value: Double) -> Double {
        let position = scale == .linear ? value : log10(value)
        return start + (position - lower) / (upper - lower) * (end - start)
    }

    private static func label(_ value: Double, digits: Int) -> String {
        switch abs(value) {
        case 1e9...: Format.decimal(value / 1e9, digits: value.truncatingRemainder(dividingBy: 1e9) == 0 ? 0 : 1) + " G"
        case 1e6...: Format.decimal(value / 1e6, digits: value.truncatingRemainder(dividingBy: 1e6) == 0 ? 0 : 1) + " M"
        case 1e4...: Format.decimal(value / 1e3, digits: value.truncatingRemainder(dividingBy: 1e3) == 0 ? 0 : 1) + " k"
        default: Format.decimal(value, digits: digits)
        }
    }
}

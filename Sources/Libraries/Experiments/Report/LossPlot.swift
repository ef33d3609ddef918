import Reports

/// Training loss against tokens, drawn as SVG. Curves are smoothed over a window and drawn over their raw values.
struct LossPlot {
    struct Curve {
        var colour: Int
        var points: [ModelResult.LossPoint]
    }

    let curves: [Curve]
    private static let width = 720.0
    private static let height = 320.0
    private static let margin = (left: 48.0, right: 24.0, top: 12.0, bottom: 40.0)

    var svg: String {
        let points = curves.flatMap(\.points).filter { $0.loss.isFinite }
        guard let most = points.map(\.tokens).max(), let least = points.map(\.loss).min() else {
            return "<p class=\"note\">No losses were logged.</p>"
        }
        // The first steps fall from ln(vocabulary); the axis starts where nine tenths of the points lie.
        let sorted = points.map(\.loss).sorted()
        let high = sorted[min(sorted.count - 1, sorted.count * 97 / 100)]
        let across = Axis(covering: 0...Double(most))
        let up = Axis(covering: least...max(high, least + 0.1))
        var svg =
            "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" aria-label=\"training loss\">"
        grid(&svg, across, up)
        svg += "<clipPath id=\"plot\"><rect x=\"\(Self.margin.left)\" y=\"\(Self.margin.top)\" "
        svg += "width=\"\(Self.width - Self.margin.left - Self.margin.right)\" "
        svg +=
            "height=\"\(Self.height - Self.margin.top - Self.margin.bottom)\"/></clipPath><g clip-path=\"url(#plot)\">"
        for curve in curves {
            svg += line(curve.points, across, up, class: "raw s\(curve.colour)")
            svg += line(Self.smoothed(curve.points), across, up, class: "curve s\(curve.colour)")
        }
        svg += "</g>"
        return svg + "</svg>"
    }

    private func grid(_ svg: inout String, _ across: Axis, _ up: Axis) {
        let bottom = Self.height - Self.margin.bottom
        for tick in up.ticks {
            let y = vertical(tick, up)
            svg +=
                "<line class=\"grid\" x1=\"\(Self.margin.left)\" x2=\"\(Self.width - Self.margin.right)\" y1=\"\(y)\" y2=\"\(y)\"/>"
            svg += "<text class=\"tick\" x=\"\(Self.margin.left - 6)\" y=\"\(y + 4)\" text-anchor=\"end\">"
            svg += "\(Format.decimal(tick, digits: up.digits))</text>"
        }
        for tick in across.ticks {
            let x = horizontal(tick, across)
            svg +=
                "<text class=\"tick\" x=\"\(x)\" y=\"\(bottom + 16)\" text-anchor=\"middle\">\(Self.tokens(tick))</text>"
        }
        svg +=
            "<text class=\"tick\" x=\"\(Self.width - Self.margin.right)\" y=\"\(bottom + 30)\" text-anchor=\"end\">tokens seen</text>"
    }

    private func line(_ points: [ModelResult.LossPoint], _ across: Axis, _ up: Axis, class name: String) -> String {
        let places = points.filter { $0.loss.isFinite }.map {
            "\(Self.short(horizontal(Double($0.tokens), across))),\(Self.short(vertical($0.loss, up)))"
        }
        return "<polyline class=\"\(name)\" points=\"\(places.joined(separator: " "))\"/>"
    }

    private func horizontal(_ value: Double, _ axis: Axis) -> Double {
        Self.margin.left + axis.position(of: value) * (Self.width - Self.margin.left - Self.margin.right)
    }

    private func vertical(_ value: Double, _ axis: Axis) -> Double {
        Self.height - Self.margin.bottom - axis.position(of: value)
            * (Self.height - Self.margin.top - Self.margin.bottom)
    }

    /// A running mean over one twentieth of the curve.
    private static func smoothed(_ points: [ModelResult.LossPoint]) -> [ModelResult.LossPoint] {
        let reach = max(1, points.count / 40)
        return points.indices.map { index in
            let window = points[max(0, index - reach)...min(points.count - 1, index + reach)]
            return .init(tokens: points[index].tokens, loss: window.reduce(0) { $0 + $1.loss } / Double(window.count))
        }
    }

    private static func tokens(_ value: Double) -> String {
        switch value {
        case 1e6...: Format.decimal(value / 1e6, digits: value.truncatingRemainder(dividingBy: 1e6) == 0 ? 0 : 1) + " M"
        case 1e3...: Format.decimal(value / 1e3, digits: 0) + " k"
        default: Format.decimal(value, digits: 0)
        }
    }

    private static func short(_ value: Double) -> String { Format.decimal(value, digits: 1).replacing("−", with: "-") }
}

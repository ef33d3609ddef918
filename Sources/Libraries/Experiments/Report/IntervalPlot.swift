import Reports

/// Estimates with their intervals on one axis, drawn as SVG, a row each.
struct IntervalPlot {
    let rows: [(name: String, interval: IntervalResult, colour: Int)]
    let digits: Int
    /// A value to compare with, drawn as a dashed line.
    var reference: Double?

    private static let width = 360.0
    private static let rowHeight = 42.0
    private static let sides = 28.0

    var svg: String {
        var values = rows.flatMap { [$0.interval.lower, $0.interval.upper, $0.interval.value] }.filter(\.isFinite)
        if let reference { values.append(reference) }
        guard let least = values.min(), let most = values.max() else { return "" }
        let axis = Axis(covering: least...most, count: 4)
        let bottom = Double(rows.count) * Self.rowHeight + 8
        var svg =
            "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(bottom + 24))\" role=\"img\" aria-label=\"estimates with intervals\">"
        for tick in axis.ticks {
            let x = place(tick, axis)
            svg += "<line class=\"grid\" x1=\"\(x)\" x2=\"\(x)\" y1=\"0\" y2=\"\(bottom)\"/>"
            svg += "<text class=\"tick\" x=\"\(x)\" y=\"\(bottom + 16)\" text-anchor=\"middle\">"
            svg += "\(Format.decimal(tick, digits: axis.digits))</text>"
        }
        if let reference {
            let x = place(reference, axis)
            svg += "<line class=\"reference\" x1=\"\(x)\" x2=\"\(x)\" y1=\"0\" y2=\"\(bottom)\"/>"
        }
        for (index, row) in rows.enumerated() {
            let y = Double(index) * Self.rowHeight + 30
            let value = place(row.interval.value, axis)
            svg += "<text class=\"label\" x=\"\(Self.sides)\" y=\"\(y - 12)\">\(HTMLWriter.escaped(row.name)) "
            svg += "<tspan class=\"value\">\(Format.decimal(row.interval.value, digits: digits))</tspan></text>"
            svg += "<line class=\"curve s\(row.colour)\" x1=\"\(place(row.interval.lower, axis))\" "
            svg += "x2=\"\(place(row.interval.upper, axis))\" y1=\"\(y)\" y2=\"\(y)\"/>"
            svg += "<circle class=\"f\(row.colour)\" cx=\"\(value)\" cy=\"\(y)\" r=\"5\"/>"
        }
        return svg + "</svg>"
    }

    private func place(_ value: Double, _ axis: Axis) -> Double {
        let x = Self.sides + axis.position(of: value) * (Self.width - 2 * Self.sides)
        return (x * 10).rounded() / 10
    }
}

import Foundation

/// A linear axis with round ticks.
package struct Axis {
    package let lower: Double
    package let upper: Double
    package let ticks: [Double]
    /// Decimals that tell the ticks apart.
    package let digits: Int

    /// An axis that holds a range, with about `count` ticks at 1, 2 or 5 times a power of ten.
    package init(covering range: ClosedRange<Double>, count: Int = 5) {
        let span = max(range.upperBound - range.lowerBound, abs(range.upperBound) * 1e-6, 1e-9)
        let raw = span / Double(count)
        let power = pow(10, (log10(raw)).rounded(.down))
        let step = power * ([1, 2, 5, 10].first { $0 * power >= raw } ?? 10)
        let first = (range.lowerBound / step).rounded(.down)
        let last = (range.upperBound / step).rounded(.up)
        let start = first * step
        let steps = max(1, Int(last - first + 0.5))
        lower = start
        upper = start + Double(steps) * step
        ticks = (0...steps).map { start + Double($0) * step }
        digits = max(0, Int((-log10(step)).rounded(.up)))
    }

    /// Where a value lies: 0 at the lower end, 1 at the upper.
    package func position(of value: Double) -> Double { (value - lower) / (upper - lower) }
}

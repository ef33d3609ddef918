import Glibc

/// Linear warm-up, then half a cosine down to a final rate.
///
/// For step s of S with W of warm-up: lr·(s+1)/W while s < W, then final + ½(1 + cos(π(s−W)/(S−W)))·(lr − final).
public struct LearningRateSchedule: Hashable, Sendable {
    public let peak: Double
    public let final: Double
    public let warmUpSteps: Int
    public let steps: Int

    public init(peak: Double, final: Double, warmUpSteps: Int, steps: Int) {
        self.peak = peak
        self.final = final
        self.warmUpSteps = warmUpSteps
        self.steps = steps
    }

    /// The rate of a step, counted from 0.
    public func rate(at step: Int) -> Double {
        if step < warmUpSteps { return peak * Double(step + 1) / Double(warmUpSteps) }
        let progress = Double(step - warmUpSteps) / Double(max(1, steps - warmUpSteps))
        return final + 0.5 * (1 + cos(.pi * progress)) * (peak - final)
    }
}

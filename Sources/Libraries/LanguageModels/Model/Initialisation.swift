import Glibc

/// Random numbers that are a pure function of a seed (SplitMix64).
///
/// - Source: Steele, Lea and Flood 2014.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    /// A stream of its own for each purpose, so that a change of one part leaves the others' numbers.
    init(seed: UInt64, stream: UInt64) { state = Self.mix(seed &+ 0x9E37_79B9_7F4A_7C15 &* (stream &+ 1)) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        return Self.mix(state)
    }

    /// Uniform in 0 ..< 1, 53 bits.
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

    static func mix(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The normal distribution cut off at ±3σ.
enum TruncatedNormal {
    static let bound = 3.0

    /// Numbers with σ that of the normal distribution before it is cut.
    ///
    /// - Complexity: O(count); one uniform number and one inverse each.
    static func numbers(_ count: Int, deviation: Double, using generator: inout SeededNumbers) -> [Float] {
        let low = 0.5 * erfc(bound / 2.0.squareRoot())
        let span = 1 - 2 * low
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            for index in 0..<count {
                let value = quantile(low + span * generator.unit())
                buffer[index] = Float(min(max(value, -bound), bound) * deviation)
            }
            initialized = count
        }
    }

    /// The number that a standard normal variable stays below with probability p, to about 1e-9 relative after one step of
    /// refinement of a rational approximation.
    ///
    /// - Source: P. J. Acklam's approximation (2003), refined by Halley's method.
    static func quantile(_ p: Double) -> Double {
        let tail = 0.02425
        func ratio(_ top: [6 of Double], _ bottom: [5 of Double], _ x: Double) -> Double {
            var numerator = top[0]
            for index in 1..<6 { numerator = numerator * x + top[index] }
            var denominator = bottom[0]
            for index in 1..<5 { denominator = denominator * x + bottom[index] }
            return numerator / (denominator * x + 1)
        }
        func tailRatio(_ q: Double) -> Double {
            let top: [6 of Double] = [
                -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00,
                4.374664141464968e+00, 2.938163982698783e+00,
            ]
            let bottom: [4 of Double] = [
                7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00,
            ]
            var numerator = top[0]
            for index in 1..<6 { numerator = numerator * q + top[index] }
            var denominator = bottom[0]
            for index in 1..<4 { denominator = denominator * q + bottom[index] }
            return numerator / (denominator * q + 1)
        }
        var x: Double
        if p < tail {
            x = tailRatio((-2 * log(p)).squareRoot())
        } else if p > 1 - tail {
            x = -tailRatio((-2 * log(1 - p)).squareRoot())
        } else {
            let q = p - 0.5
            x =
                q
                * ratio(
                    [
                        -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02,
                        -3.066479806614716e+01, 2.506628277459239e+00,
                    ],
                    [
                        -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
                        -1.328068155288572e+01,
                    ], q * q)
        }
        let error = 0.5 * erfc(-x / 2.0.squareRoot()) - p
        let step = error * (2 * Double.pi).squareRoot() * exp(x * x / 2)
        return x - step / (1 + x * step / 2)
    }
}

import Glibc

/// Python's random numbers: MT19937, seeded and drawn from as its `random` module does.
///
/// Source: Matsumoto and Nishimura 1998, with their initialisation by an array of 2002.
struct MersenneTwister {
    private var state = [UInt32](repeating: 0, count: 624)
    private var index = 624
    private var nextGaussian: Double?

    /// `random.seed(seed)`, with the seed's absolute value as Python takes it.
    init(seed: Int) {
        let magnitude = UInt64(seed.magnitude)
        let key =
            magnitude >> 32 == 0
            ? [UInt32(truncatingIfNeeded: magnitude)]
            : [UInt32(truncatingIfNeeded: magnitude), UInt32(truncatingIfNeeded: magnitude >> 32)]
        state[0] = 19_650_218
        for i in 1..<624 { state[i] = 1_812_433_253 &* (state[i - 1] ^ state[i - 1] >> 30) &+ UInt32(i) }
        var (i, j) = (1, 0)
        for _ in 0..<624 {
            state[i] = (state[i] ^ (state[i - 1] ^ state[i - 1] >> 30) &* 1_664_525) &+ key[j] &+ UInt32(j)
            i += 1
            j = (j + 1) % key.count
            if i == 624 {
                state[0] = state[623]
                i = 1
            }
        }
        for _ in 0..<623 {
            state[i] = (state[i] ^ (state[i - 1] ^ state[i - 1] >> 30) &* 1_566_083_941) &- UInt32(i)
            i += 1
            if i == 624 {
                state[0] = state[623]
                i = 1
            }
        }
        state[0] = 0x8000_0000
    }

    private mutating func next() -> UInt32 {
        if index == 624 {
            for i in 0..<624 {
                let mixed = state[i] & 0x8000_0000 | state[(i + 1) % 624] & 0x7FFF_FFFF
                state[i] = state[(i + 397) % 624] ^ mixed >> 1 ^ (mixed & 1 == 0 ? 0 : 0x9908_B0DF)
            }
            index = 0
        }
        var value = state[index]
        index += 1
        value ^= value >> 11
        value ^= value << 7 & 0x9D2C_5680
        value ^= value << 15 & 0xEFC6_0000
        return value ^ value >> 18
    }

    /// `random.random()`: 53 bits.
    mutating func unit() -> Double {
        let (high, low) = (next() >> 5, next() >> 6)
        return (Double(high) * 67_108_864 + Double(low)) / 9_007_199_254_740_992
    }

    /// `random.gauss(0, 1)`.
    mutating func gaussian() -> Double {
        if let value = nextGaussian {
            nextGaussian = nil
            return value
        }
        let angle = unit() * 2 * Double.pi
        let radius = (-2 * log(1 - unit())).squareRoot()
        nextGaussian = sin(angle) * radius
        return cos(angle) * radius
    }

    /// The index that `random.choice` takes; `count` is from 1 to 2³² − 1.
    mutating func choice(of count: Int) -> Int {
        let bits = Int.bitWidth - count.leadingZeroBitCount
        while true {
            let value = Int(next() >> UInt32(32 - bits))
            if value < count { return value }
        }
    }
}

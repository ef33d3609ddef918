import ApusCore
import Evaluation
import Testing

@Suite("Bootstrap") struct BootstrapTests {
    @Test("the interval of a mean is that of the normal law where there are many units")
    func analytic() {
        // Sums of 12 uniform numbers have mean 6 and variance 1.
        var generator = SeededGenerator(seed: 7)
        let values = (0..<4000).map { _ in (0..<12).reduce(0.0) { sum, _ in sum + generator.unit() } }
        let mean = values.reduce(0, +) / 4000
        let deviation = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 4000).squareRoot()
        let interval = Bootstrap(samples: 4000, seed: 1).mean(values)
        let half = 1.959964 * deviation / 4000.0.squareRoot()
        #expect(abs(interval.value - mean) < 1e-12)
        #expect(abs(interval.lower - (mean - half)) < 0.1 * half)
        #expect(abs(interval.upper - (mean + half)) < 0.1 * half)
    }

    @Test("95 % intervals hold the truth about 95 times in 100")
    func coverage() {
        var hits = 0
        for trial in 0..<400 {
            var generator = SeededGenerator(seed: 11, stream: UInt64(trial))
            let bytes = (0..<80).map { _ in 100 + 900 * generator.unit() }
            // Bits are two a byte on average, whatever the length.
            let bits = bytes.map { $0 * (1.5 + generator.unit()) }
            let interval = Bootstrap(samples: 400, seed: UInt64(trial)).ratio(of: bits, to: bytes)
            if interval.lower <= 2, interval.upper >= 2 { hits += 1 }
        }
        print("bootstrap coverage of 95 % intervals: \(hits) of 400")
        // Four standard deviations of 400 draws at 0.95 are 17; 80 units cost the percentile method about a point.
        #expect((358...398).contains(hits))
    }

    @Test("a paired difference sees through what both sides share")
    func paired() {
        var generator = SeededGenerator(seed: 3)
        let hardness = (0..<100).map { _ in 10 * generator.unit() }
        let better = hardness.map { $0 + 0.1 * generator.unit() }
        let worse = hardness.map { $0 + 0.2 + 0.1 * generator.unit() }
        let ones = Array(repeating: 1.0, count: 100)
        let bootstrap = Bootstrap(samples: 1000, seed: 1)
        #expect(bootstrap.mean(better).upper > bootstrap.mean(worse).lower)
        let difference = bootstrap.ratioDifference(better, ones, minus: worse, ones)
        #expect(difference.upper < -0.15 && difference.lower > -0.25)
        let none = bootstrap.ratioDifference(better, ones, minus: better, ones)
        #expect(none.lower == 0 && none.upper == 0)
    }

    @Test("the same seed gives the same interval, another seed another")
    func seeds() {
        let values = (0..<50).map { Double($0 * $0 % 17) }
        #expect(Bootstrap(samples: 500, seed: 1).mean(values) == Bootstrap(samples: 500, seed: 1).mean(values))
        #expect(Bootstrap(samples: 500, seed: 1).mean(values) != Bootstrap(samples: 500, seed: 2).mean(values))
    }

    @Test("models drawn with the documents give their mean the variance that it has")
    func models() {
        // Three models whose levels differ by chance, over documents that do not: only the models vary.
        let levels = [1.0, 2.0, 4.0]
        let mean = levels.reduce(0, +) / 3
        let variance = levels.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 2 / 3
        let values = levels.map { Array(repeating: $0, count: 50) }
        let ones = Array(repeating: 1.0, count: 50)
        let interval = Bootstrap(samples: 4000, seed: 1, confidence: 0.6827).ratio(of: values, to: ones)
        #expect(abs(interval.value - mean) < 1e-12)
        // The draws are of few values, so that the quantiles are coarse: within half of one standard deviation each way.
        let half = (interval.upper - interval.lower) / 2
        #expect(abs(half - variance.squareRoot()) < 0.5 * variance.squareRoot())
    }
}

import ApusCore
import Coresets
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The laws that times are fitted by, on times of which the law is known.
@Suite struct GrowthLawTests {
    private let sizes = [500, 1000, 2000, 4000, 8000].flatMap { n in [5, 10, 20, 40].map { k in (n, k) } }

    private func times(_ law: (Double, Double) -> Double) -> [GrowthLaw.Measurement] {
        sizes.map { n, k in .init(points: n, kept: k, seconds: law(Double(n), Double(k))) }
    }

    @Test func powerLawIsFound() {
        let law = GrowthLaw.best(for: times { n, k in 3e-7 * pow(n, 1.25) * pow(k, 0.7) })
        #expect(law.form == .power)
        #expect(abs(law.pointsExponent - 1.25) < 1e-9 && abs(law.keptExponent - 0.7) < 1e-9)
        #expect(abs(law.constant - log(3e-7)) < 1e-8 && abs(law.determination - 1) < 1e-9)
        #expect(law.text == "n^1.25 · k^0.7")
    }

    @Test(arguments: [(GrowthLaw.Form.fixedStart, 0.0, 600.0), (.startOfKept, 1, 40), (.startOfPairs, 2, 1.5)])
    func startIsFound(_ form: GrowthLaw.Form, _ exponent: Double, _ start: Double) {
        let all = times { n, k in 2e-8 * (n + start * pow(k, exponent)) * pow(k, 0.5) }
        let law = GrowthLaw.best(for: all)
        #expect(law.form == form)
        #expect(abs(log(law.start / start)) < 0.1)
        let truth = 2e-8 * (50_000 + start * pow(40, exponent)) * pow(40, 0.5)
        #expect(abs(law.seconds(points: 50_000, kept: 40) / truth - 1) < 0.03)
        // What the start makes of a power law, which is then none to go on with.
        #expect(GrowthLaw.fit(.power, to: all).pointsExponent < 1)
    }

    /// Times that other programs lengthen at random still give the continuation within a third.
    @Test(arguments: 0..<50) func noiseIsAveraged(_ seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        let start = Double(1 + generator.below(2000))
        let all = times { n, k in 1e-8 * (n + start) * pow(k, 0.6) * (1 + 0.2 * generator.unit()) }
        let truth = 1.1e-8 * (50_000 + start) * pow(40, 0.6)
        let ratio = GrowthLaw.best(for: all).seconds(points: 50_000, kept: 40) / truth
        #expect(ratio > 0.75 && ratio < 1.33, "seed \(seed), start \(start): \(ratio)")
    }

    /// Least squares: no nearby law errs less.
    @Test func fitIsLeast() {
        var generator = SeededGenerator(seed: 7)
        let all = times { n, k in 1e-7 * n * k * exp(generator.unit()) }
        func error(_ law: GrowthLaw) -> Double {
            all.reduce(0) { $0 + pow(log($1.seconds) - log(law.seconds(points: $1.points, kept: $1.kept)), 2) }
        }
        let law = GrowthLaw.fit(.power, to: all)
        for step in [-0.01, 0.01] {
            var (a, b, c) = (law, law, law)
            a.constant += step
            b.pointsExponent += step
            c.keptExponent += step
            for other in [a, b, c] { #expect(error(other) > error(law)) }
        }
    }

    @Test func studyMeasuresAllAlgorithms() throws {
        var generator = SeededGenerator(seed: 3)
        let features = try Matrix<Float>(
            rows: 100, columns: 4, storage: (0..<400).map { _ in Float(generator.unit()) })
        var study = RuntimeStudy()
        (study.points, study.kept, study.repeats, study.target) = ([40, 80, 160, 320], [3, 6], 1, 640)
        study.shortest = 0
        let growths = try study.run(features)
        #expect(growths.map(\.algorithm) == RuntimeStudy.Algorithm.allCases)
        for growth in growths {
            #expect(growth.measurements.count == 8 && growth.measurements.allSatisfy { $0.seconds > 0 })
            #expect(growth.measured.points == 640 && growth.measured.kept == 6)
            #expect(growth.ratio >= 1 && growth.ratio.isFinite)
        }
    }
}

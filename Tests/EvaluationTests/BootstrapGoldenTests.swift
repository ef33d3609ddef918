import Evaluation
import Files
import Foundation
import JSON
import Testing

/// Figures of `Tests/Golden/bootstrap_cases.py`.
@Suite("Bootstrap against SciPy and all draws") struct BootstrapGoldenTests {
    struct Case: Decodable {
        /// Where a bound may lie by the exact distribution.
        struct Exact: Decodable {
            var lower: [Double]
            var upper: [Double]
        }
        var name: String
        var kind: String
        var data: [[Double]]
        var value: Double
        var lower: Double
        var upper: Double
        /// Of the bootstrap distribution.
        var deviation: Double
        var exact: Exact?

        func interval(_ bootstrap: Bootstrap) -> Interval {
            kind == "ratio"
                ? bootstrap.ratio(of: data[0], to: data[1])
                : bootstrap.ratioDifference(data[0], data[1], minus: data[2], data[3])
        }
    }

    private struct Cases: Decodable {
        var confidence: Double
        var cases: [Case]
    }

    private static func cases() throws -> Cases {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        let file = tests.appendingPathComponent("Golden/bootstrap/cases.json").path
        return try JSONDecoder().decode(Cases.self, from: Data(FileReader.bytes(of: file)))
    }

    @Test("bounds are SciPy's, but for the chance of the draws")
    func scipy() throws {
        let golden = try Self.cases()
        var worst = 0.0
        for item in golden.cases {
            let ours = item.interval(Bootstrap(samples: 20_000, seed: 3, confidence: golden.confidence))
            #expect(abs(ours.value - item.value) < 1e-12 * max(1, abs(item.value)))
            for (mine, theirs) in [(ours.lower, item.lower), (ours.upper, item.upper)] {
                let distance = abs(mine - theirs) / item.deviation
                worst = max(worst, distance)
                // A 2.5 % quantile of n draws varies by about 2.7 σ ∕ √n: of 20,000 and 40,000 draws, the difference by
                // 0.023 σ. Six numbers have coarse quantiles; all draws judge those.
                if item.exact == nil { #expect(distance < 0.12, "\(item.name): \(ours)") }
            }
        }
        print("bootstrap bounds: \(golden.cases.count) cases, at most \(worst) standard deviations from SciPy's")
        #expect(golden.cases.count >= 8)
    }

    @Test("bounds of six units lie where all 46,656 draws put them", arguments: UInt64(1)...5)
    func exact(seed: UInt64) throws {
        let golden = try Self.cases()
        var checked = 0
        for item in golden.cases {
            guard let exact = item.exact else { continue }
            let ours = item.interval(Bootstrap(samples: 20_000, seed: seed, confidence: golden.confidence))
            #expect(ours.lower >= exact.lower[0] && ours.lower <= exact.lower[1], "\(item.name): \(ours)")
            #expect(ours.upper >= exact.upper[0] && ours.upper <= exact.upper[1], "\(item.name): \(ours)")
            checked += 1
        }
        #expect(checked == 3)
    }
}

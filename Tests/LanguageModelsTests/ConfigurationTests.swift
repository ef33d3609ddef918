import JSON
import LanguageModels
import Testing

@Suite("Model and training configurations") struct ConfigurationTests {
    typealias Scale = ModelConfiguration.Scale

    @Test(
        "published scales have the published numbers of parameters",
        arguments: [
            (Scale.scale411m, 411_616_256, 359_973_888, 2816), (.scale1b, 1_439_795_200, 1_336_510_464, 5632),
            (.scale3b, 2_795_932_160, 2_666_826_240, 6912), (.scale7b, 6_889_410_560, 6_682_841_088, 11008),
            (.scale7bTwice, 6_889_410_560, 6_682_841_088, 11008),
        ])
    func parameters(scale: Scale, all: Int, withoutEmbedding: Int, hidden: Int) throws {
        let model = scale.model()
        try model.check()
        #expect(model.parameterCount == all)
        #expect(model.parameterCountWithoutEmbedding == withoutEmbedding)
        #expect(model.hidden == hidden)
        #expect(model.totalParameterCount == all + 2 * model.width * model.layers)
    }

    /// The published table gives 7851 for the first, where the rule's last division, rounded down as for the others, gives 7850.
    @Test(
        "published scales have the published numbers of steps",
        arguments: [
            (Scale.scale411m, 7_850), (.scale1b, 54_923), (.scale3b, 106_656), (.scale7b, 32_851),
            (.scale7bTwice, 65_702),
        ])
    func steps(scale: Scale, steps: Int) {
        let training = TrainingConfiguration(scale: scale)
        #expect(training.steps == steps)
        #expect(training.tokens == 20 * scale.model().parameterCount * (scale == .scale7bTwice ? 2 : 1))
    }

    @Test("a scale's name is found, and a misspelt one names the nearest")
    func names() throws {
        for scale in Scale.allCases { #expect(try Scale(named: scale.rawValue) == scale) }
        #expect {
            try Scale(named: "tinny")
        } throws: { error in
            guard case LanguageModelError.unknownScale("tinny", nearest: "tiny", _) = error else { return false }
            return "\(error)".contains("did you mean ‘tiny’")
        }
    }

    @Test(
        "shapes that make no model are refused by name",
        arguments: [
            ("vocabulary", ModelConfiguration(vocabulary: 0, width: 8, layers: 1, heads: 1, context: 8)),
            ("heads", ModelConfiguration(vocabulary: 8, width: 10, layers: 1, heads: 3, context: 8)),
            ("heads", ModelConfiguration(vocabulary: 8, width: 6, layers: 1, heads: 2, context: 8)),
            ("layers", ModelConfiguration(vocabulary: 8, width: 8, layers: 0, heads: 1, context: 8)),
            ("context", ModelConfiguration(vocabulary: 8, width: 8, layers: 1, heads: 1, context: 0)),
        ])
    func shapes(name: String, model: ModelConfiguration) {
        #expect { try model.check() } throws: { error in
            guard case LanguageModelError.badSetting(name, _, _) = error else { return false }
            return true
        }
    }

    @Test("a pass takes each sequence once, in an order of its own", arguments: [1, 2, 3, 16, 17, 1000, 4097])
    func order(count: Int) {
        let order = BatchOrder(count: count, seed: 5)
        let passes = (0..<3).map { pass in (0..<count).map { order.sequence(at: pass * count + $0) } }
        for pass in passes { #expect(pass.sorted() == Array(0..<count)) }
        if count >= 16 {
            #expect(passes[0] != passes[1])
            #expect(passes[1] != passes[2])
            #expect(passes[0] != (0..<count).map { BatchOrder(count: count, seed: 6).sequence(at: $0) })
        }
    }

    @Test("orders are uniform: no sequence prefers a place")
    func uniform() {
        // 2000 seeds; each of 10 × 10 cells expects 200. Chi-squared with 81 degrees of freedom: above 140 once in 50,000.
        var cells = [Int](repeating: 0, count: 100)
        for seed in 0..<2000 {
            let order = BatchOrder(count: 10, seed: UInt64(seed))
            for place in 0..<10 { cells[place * 10 + order.sequence(at: place)] += 1 }
        }
        let squares = cells.reduce(0.0) { $0 + (Double($1) - 200) * (Double($1) - 200) / 200 }
        #expect(squares < 140)
    }

    @Test(
        "windows count each target once, with at least the promised context", arguments: [2, 5, 8, 9, 10, 23, 64],
        [1, 3, 4, 8])
    func windows(tokens: Int, stride: Int) {
        let windows = ScoringWindow.cover(tokens: tokens, context: 8, stride: stride)
        let targets = windows.flatMap { Array($0.firstTarget...($0.start + $0.length)) }
        #expect(targets == Array(1..<tokens))
        for window in windows {
            #expect(window.length <= 8 && window.start >= 0)
            #expect(window.firstTarget - window.start >= min(window.firstTarget, 8 - stride + 1))
        }
    }
}

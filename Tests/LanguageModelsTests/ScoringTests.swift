import ApusTensor
import Glibc
import JSON
import LanguageModels
import Testing

@Suite("Scoring", .enabled(if: TensorLibrary.isAvailable, "run Scripts/bootstrap: the tensor library is missing"))
struct ScoringTests {
    /// ln p from the reference's logits: row `position` of sequence `index`, for a token.
    static func reference(_ golden: Golden, _ index: Int, _ position: Int, _ token: Int) throws -> (
        Double, likeliest: Int
    ) {
        let all = try golden.floats("logits").map(Double.init)
        let row = all[((index * 12 + position) * 40)..<((index * 12 + position + 1) * 40)]
        let sum = row.reduce(0) { $0 + Glibc.exp($1) }
        let likeliest = row.indices.max { row[$0] < row[$1] }.map { $0 - row.startIndex } ?? -1
        return (row[row.startIndex + token] - Glibc.log(sum), likeliest)
    }

    static func sequences(_ golden: Golden) throws -> [[Int32]] {
        let tokens = try golden.sequences(0).map { Int32($0) }
        return (0..<4).map { Array(tokens[($0 * 13)..<(($0 + 1) * 13)]) }
    }

    @Test("likelihoods are the reference's, also where sequences of many lengths are padded", arguments: [1, 3])
    func likelihoods(threads: Int) throws {
        let golden = try Golden()
        let scorer = try Scorer(try golden.model(), threads: threads)
        let whole = try Self.sequences(golden)
        let cut = whole.enumerated().map { Array($1.prefix(13 - 3 * $0)) }
        for (index, scores) in try scorer.tokenScores(cut).enumerated() {
            #expect(scores.count == cut[index].count - 1)
            for (position, score) in scores.enumerated() {
                let token = Int(cut[index][position + 1])
                let (expected, likeliest) = try Self.reference(golden, index, position, token)
                #expect(abs(Double(score.logLikelihood) - expected) < 1e-5)
                #expect(score.isGreedy == (token == likeliest))
            }
        }
    }

    @Test("scores do not depend on what else is scored, nor on threads")
    func company() throws {
        let golden = try Golden()
        let sequences = try Self.sequences(golden)
        let one = try Scorer(try golden.model(), threads: 1)
        let alone = try sequences.map { try one.tokenLogLikelihoods([$0])[0] }
        let together = try Scorer(try golden.model(), threads: 4).tokenLogLikelihoods(sequences)
        for (left, right) in zip(alone, together) { #expect(Golden.difference(left, right) < 1e-6) }
    }

    @Test("a long document's bits are those of its windows, each token once")
    func long() throws {
        let golden = try Golden()
        let scorer = try Scorer(try golden.model(), threads: 2)
        let document = try golden.sequences(1).prefix(40).map { Int32($0) }
        scorer.stride = 5
        let bits = try scorer.documentBits([document, [], Array(document.prefix(3))], endOfText: 0)
        // The same by hand, one target at a time.
        let tokens = [0] + document
        func expected(_ tokens: [Int32]) throws -> Double {
            var sum = 0.0
            for window in ScoringWindow.cover(tokens: tokens.count, context: 12, stride: 5) {
                let inputs = Array(tokens[window.start...(window.start + window.length)])
                let scores = try scorer.tokenLogLikelihoods([inputs])[0]
                for target in window.firstTarget...(window.start + window.length) {
                    sum -= Double(scores[target - 1 - window.start])
                }
            }
            return sum / Glibc.log(2.0)
        }
        #expect(abs(bits[0] - (try expected(tokens))) < 1e-4)
        #expect(bits[1] == 0)
        #expect(abs(bits[2] - (try expected(Array(tokens.prefix(4))))) < 1e-5)
    }

    @Test("an untrained head gives log₂ of the vocabulary a token")
    func uniform() throws {
        let configuration = ModelConfiguration(vocabulary: 64, width: 16, layers: 1, heads: 1, context: 8)
        let model = try Transformer(configuration, seed: 1)
        try #require(model.parameters.last).tensor.copy(try Tensor.zeros([64, 16]))
        let bits = try Scorer(model).documentBits([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], endOfText: 0)
        #expect(abs(bits[0] - 60) < 1e-4)
    }

    @Test("the answer with the least mean cross-entropy is chosen, the first of equal ones")
    func choices() throws {
        let golden = try Golden()
        let scorer = try Scorer(try golden.model(), threads: 2)
        let sequences = try Self.sequences(golden)
        let context = Array(sequences[0].prefix(8))
        let choices = [
            Array(sequences[0][8..<10]), Array(sequences[0][8..<12]), Array(sequences[1][0..<3]),
            Array(sequences[0][8..<10]),
        ]
        let answer = try scorer.answers([ChoiceQuestion(context: context, choices: choices)])[0]
        for (index, choice) in choices.prefix(2).enumerated() {
            var sum = 0.0
            for (offset, token) in choice.enumerated() {
                sum -= try Self.reference(golden, 0, 7 + offset, Int(token)).0
            }
            #expect(abs(answer.crossEntropies[index] - sum / Double(choice.count)) < 1e-5)
        }
        let least = try #require(answer.crossEntropies.min())
        #expect(answer.best == answer.crossEntropies.firstIndex(of: least))
        #expect(ChoiceAnswer(crossEntropies: [2, 1, 1]).best == 1)
        // A context that is too long loses its beginning.
        let long = try scorer.answers([ChoiceQuestion(context: [5, 6, 7, 8] + context, choices: [choices[1]])])[0]
        let short = try scorer.answers([ChoiceQuestion(context: [8] + context, choices: [choices[1]])])[0]
        #expect(long == short)
    }

    @Test("sequences that cannot be scored are refused by number")
    func refused() throws {
        let scorer = try Scorer(try Golden().model(), threads: 1)
        for sequences: [[Int32]] in [[[1, 2], [3]], [[1, 2], [3, 40]], [[1, 2], [-1, 3]]] {
            #expect { try scorer.tokenLogLikelihoods(sequences) } throws: { "\($0)".contains("sequence 1") }
        }
        for question in [
            ChoiceQuestion(context: [], choices: [[1]]), ChoiceQuestion(context: [1], choices: []),
            ChoiceQuestion(context: [1], choices: [[]]),
            ChoiceQuestion(context: [1], choices: [[Int32](repeating: 1, count: 13)]),
        ] {
            #expect { try scorer.answers([question]) } throws: { "\($0)".contains("question 0") }
        }
    }
}

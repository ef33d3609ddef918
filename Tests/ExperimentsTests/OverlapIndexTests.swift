import Experiments
import Testing

@Suite("Overlap with held-out text") struct OverlapIndexTests {
    static let sentence = "The quick brown fox jumps over the lazy dog while fourteen bored cats watch from the wall."

    @Test("a copy is found whatever its case, layout and punctuation")
    func copies() {
        var index = OverlapIndex(length: 5)
        index.insert(Self.sentence)
        #expect(index.share(of: Self.sentence) == 1)
        #expect(index.share(of: Self.sentence.uppercased().replacing(" ", with: ",\n ")) == 1)
    }

    @Test("the share is that of a brute-force comparison of word runs")
    func shares() {
        var index = OverlapIndex(length: 3)
        index.insert(Self.sentence)
        let other = "Yesterday the quick brown fox met the lazy dog while it rained over the lazy hills"
        func runs(_ text: String) -> [[String]] {
            let words = text.lowercased().split { !$0.isLetter }.map(String.init)
            return (0...(words.count - 3)).map { Array(words[$0..<$0 + 3]) }
        }
        let known = Set(runs(Self.sentence))
        let expected = Double(runs(other).count { known.contains($0) }) / Double(runs(other).count)
        #expect(index.share(of: other) == expected)
        #expect(expected > 0 && expected < 1)
    }

    @Test("Han text is compared character by character, and empty text shares nothing")
    func han() {
        var index = OverlapIndex(length: 4)
        index.insert("数据集的质量决定模型的质量")
        #expect(index.share(of: "我们知道数据集的质量很重要") > 0.2)
        #expect(index.share(of: "") == 0)
        #expect(index.share(of: "…!?") == 0)
    }
}

import ApusCore
import Files
import JSON
import Testing
import Tokenization

@Suite("Training") struct TrainingTests {
    @Test(
        "learns the reference's merges, in order", .enabled(if: SharedData.hasTokenizers, SharedData.absent),
        arguments: ["bpe-8k", "bpe-32k"])
    func reference(vocabulary: String) throws {
        let reference = try Tokenizer(contentsOf: SharedData.path("tokenizers/\(vocabulary)/tokenizer.json"))
        var trainer = TokenizerTrainer(vocabularySize: reference.vocabularySize)
        for name in ["good", "bad"] {
            for line in try SharedData.lines("corpus/\(name).jsonl") {
                trainer.add(try #require(line["text"]?.stringValue))
            }
        }
        let tokenizer = try trainer.train()
        let equal = zip(tokenizer.merges, reference.merges).filter { $0 == $1 }.count
        print(
            "training \(vocabulary): \(equal) of \(reference.merges.count) merges equal, \(trainer.pieceCount) pieces")
        #expect(tokenizer.merges == reference.merges)
        #expect(tokenizer.addedTokens == reference.addedTokens)
        #expect(tokenizer.json == reference.json)
    }
}

import JSON
import Testing
import Tokenization

@Suite("Token ids of the reference") struct ReferenceTests {
    @Test(
        "are ours, token for token", .enabled(if: SharedData.hasTokenizers, SharedData.absent),
        arguments: ["bpe-8k", "bpe-32k", "gpt-neox-20b", "gpt2"])
    func lines(vocabulary: String) throws {
        let tokenizer = try Tokenizer(contentsOf: SharedData.path("tokenizers/\(vocabulary)/tokenizer.json"))
        let encoder = tokenizer.makeEncoder()
        var tokens = 0
        var equal = 0
        let lines = try SharedData.lines("tokenizers/lines.jsonl")
        for line in lines {
            let text = try #require(line["text"]?.stringValue)
            let expected = try #require(line["ids"]?[vocabulary]?.arrayValue).map { UInt32($0.intValue ?? -1) }
            var ids: [UInt32] = []
            encoder.encode(text, into: &ids)
            tokens += ids.count
            if ids == expected {
                equal += 1
            } else {
                Issue.record("\(line["id"] ?? nil): \(text) → \(ids), not \(expected)")
            }
            let decoded = try tokenizer.decode(ids, skippingSpecial: false)
            let differs = line["decoded_differs"]?.arrayValue?.contains(.string(vocabulary)) ?? false
            #expect(decoded.utf8.elementsEqual(text.utf8) != differs)
        }
        print("token ids, \(vocabulary): \(equal) of \(lines.count) lines equal, \(tokens) tokens")
        #expect(equal == lines.count)
    }

    @Test(
        "survive writing and reading the tokenizer", .enabled(if: SharedData.hasTokenizers, SharedData.absent),
        arguments: ["bpe-8k", "gpt-neox-20b"])
    func roundTrip(vocabulary: String) throws {
        let tokenizer = try Tokenizer(contentsOf: SharedData.path("tokenizers/\(vocabulary)/tokenizer.json"))
        let again = try Tokenizer(parsing: Array(tokenizer.json.text().utf8))
        #expect(again.merges == tokenizer.merges)
        #expect(again.addedTokens == tokenizer.addedTokens)
        for line in try SharedData.lines("tokenizers/lines.jsonl") {
            let text = try #require(line["text"]?.stringValue)
            #expect(again.encode(text) == tokenizer.encode(text))
        }
    }
}

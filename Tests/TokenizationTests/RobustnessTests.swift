import ApusCore
import Files
import JSON
import Testing
import Tokenization

@Suite("Hostile input") struct RobustnessTests {
    /// A small vocabulary with merges of two and three bytes and a special token.
    private static func tokenizer(size: Int = 400) throws -> Tokenizer {
        var trainer = TokenizerTrainer(vocabularySize: size)
        for number in 0..<50 {
            trainer.add("the cat number \(number) isn't here, naïve café; 東京 \t\n\n x\(number * number)")
        }
        return try trainer.train()
    }

    private static let sample = "the café isn't <|endoftext|> here 東京 123 \u{0}\u{FFFF} 👩‍👩‍👧"

    @Test("bytes that are not UTF-8 come back as they were")
    func invalidBytes() throws {
        let tokenizer = try Self.tokenizer()
        let encoder = tokenizer.makeEncoder()
        // Pieces of well-formed text between, so that words, white space and broken characters meet in all ways.
        let parts: [[UInt8]] = [
            [0xFF], [0xC3], [0xE6, 0x9D], [0xF0, 0x9F, 0x91], [0xED, 0xA0, 0x80], [0xC0, 0x80],
            [0xF5, 0x80, 0x80, 0x80], [0x80],
            [0x00], Array("the".utf8), Array(" ".utf8), Array("\u{3000}".utf8), Array("'s".utf8), Array("12".utf8),
            Array("é".utf8),
            Array("\r\n".utf8), Array("<|endoftext".utf8), [0xE2, 0x80],
        ]
        for trial in 0..<3000 {
            var generator = SeededGenerator(seed: 9, stream: UInt64(trial))
            var text: [UInt8] = []
            for _ in 0..<1 + generator.below(30) {
                text += generator.below(8) == 0 ? [UInt8(generator.below(256))] : parts[generator.below(parts.count)]
            }
            var ids: [UInt32] = []
            text.withUnsafeBufferPointer { encoder.encode($0, into: &ids) }
            #expect(try tokenizer.decodeBytes(ids, skippingSpecial: false) == text)
        }
    }

    @Test(
        "a long run without a space comes back as it was, in time",
        arguments: [UInt8(ascii: "a"), 0xC3, UInt8(ascii: " ")])
    func longRun(byte: UInt8) throws {
        let tokenizer = try Self.tokenizer()
        let text = [UInt8](repeating: byte, count: 1 << 20)
        var ids: [UInt32] = []
        text.withUnsafeBufferPointer { tokenizer.makeEncoder().encode($0, into: &ids) }
        #expect(try tokenizer.decodeBytes(ids) == text)
    }

    @Test("ids outside the vocabulary are named with their position")
    func identifiers() throws {
        let tokenizer = try Self.tokenizer()
        for id in [UInt32(tokenizer.vocabularySize), .max] {
            #expect(
                throws: TokenizationError.unknownIdentifier(id, position: 1, vocabularySize: tokenizer.vocabularySize)
            ) { try tokenizer.decode([5, id, 6]) }
            #expect(tokenizer.bytes(of: id) == nil)
        }
    }

    @Test("a missing tokenizer.json, a folder, and bytes that are not JSON are errors that name the file")
    func files() throws {
        let folder = try TemporaryFolder()
        #expect(throws: FileError.self) { try Tokenizer(contentsOf: folder.file("none.json")) }
        #expect(throws: FileError.self) { try Tokenizer(contentsOf: folder.path) }
        for text in ["", "{", "[]", "null", "{}", #"{"model": {}}"#, #"{"model": {"type": "Unigram"}}"#, "\u{FEFF}{}"] {
            try AtomicFile.write(text, to: folder.file("bad.json"))
            let error = #expect(throws: TokenizationError.self) { try Tokenizer(contentsOf: folder.file("bad.json")) }
            #expect(error?.description.hasPrefix(folder.file("bad.json")) == true)
        }
    }

    @Test("a tokenizer.json with damaged bytes is an error or a tokenizer that works")
    func damagedBytes() throws {
        let bytes = Array(try Self.tokenizer().json.text().utf8)
        var refused = 0
        for trial in 0..<1500 {
            var generator = SeededGenerator(seed: 4, stream: UInt64(trial))
            var damaged = bytes
            for _ in 0..<1 + generator.below(3) {
                damaged[generator.below(bytes.count)] = UInt8(0x20 + generator.below(95))
            }
            if generator.below(4) == 0 { damaged.removeLast(generator.below(bytes.count)) }
            if try Self.isRefused({ try Tokenizer(parsing: damaged) }) { refused += 1 }
        }
        print("tokenizer.json with damaged bytes: \(refused) of 1500 refused")
        #expect(refused > 100 && refused < 1500)
    }

    @Test("a tokenizer.json with a part exchanged for another is an error or a tokenizer that works")
    func exchangedParts() throws {
        let original = try JSONValue(parsing: Array(try Self.tokenizer(size: 280).json.text().utf8))
        let strangers: [JSONValue] = [
            nil, true, -1, 0, 1.5, 4_294_967_295, 4_294_967_296, 1e300, 9_223_372_036_854_775_807, "", "a b", "a", "Ġ",
            "\u{0}", "<|endoftext|>", [], ["a"], ["a", "b"],
            [[]], [:], ["type": "Sequence"], ["type": "ByteLevel"], ["type": "BPE"],
        ]
        var refused = 0
        for trial in 0..<4000 {
            var generator = SeededGenerator(seed: 8, stream: UInt64(trial))
            var damaged = original
            for _ in 0..<1 + generator.below(2) {
                damaged = Self.exchange(in: damaged, for: strangers[generator.below(strangers.count)], &generator)
            }
            if try Self.isRefused({ try Tokenizer(parsing: Array(damaged.text().utf8)) }) { refused += 1 }
        }
        print("tokenizer.json with exchanged parts: \(refused) of 4000 refused")
        #expect(refused > 400 && refused < 4000)
    }

    /// Whether reading throws a `TokenizationError`; if it does not, the tokenizer encodes, and decodes what it made.
    private static func isRefused(_ read: () throws -> Tokenizer) throws -> Bool {
        let tokenizer: Tokenizer
        do {
            tokenizer = try read()
        } catch is TokenizationError {
            return true
        }
        _ = try tokenizer.decodeBytes(tokenizer.encode(sample), skippingSpecial: false)
        return false
    }

    /// Puts a value, or nothing, in the place of a random part; parts near the root come up as often as deep ones.
    private static func exchange(
        in value: JSONValue, for stranger: JSONValue, _ generator: inout SeededGenerator
    ) -> JSONValue {
        switch value {
        case .object(var object) where !object.isEmpty:
            let key = object.keys[generator.below(object.count)]
            switch generator.below(4) {
            case 0: object[key] = stranger
            case 1: object[key] = nil
            default: object[key] = object[key].map { exchange(in: $0, for: stranger, &generator) }
            }
            return .object(object)
        case .array(var array) where !array.isEmpty:
            let place = generator.below(array.count)
            switch generator.below(4) {
            case 0: array[place] = stranger
            case 1: array.remove(at: place)
            default: array[place] = exchange(in: array[place], for: stranger, &generator)
            }
            return .array(array)
        default:
            return stranger
        }
    }
}

import ApusCore
import Compression
import Files
import Foundation
import JSON
import Testing
import Tokenization

@Suite("Token shards") struct ShardTests {
    /// Documents of 0 … 39 ids drawn by a seed.
    static func documents(_ count: Int, below limit: Int = 1000, seed: UInt64 = 5) -> [[UInt32]] {
        var generator = SeededGenerator(seed: seed)
        return (0..<count).map { _ in (0..<generator.below(40)).map { _ in UInt32(1 + generator.below(limit - 1)) } }
    }

    static func write(_ documents: [[UInt32]], to folder: String, _ options: ShardOptions) throws -> ShardManifest {
        let writer = try TokenShardWriter(folder: folder, options: options)
        for document in documents { try writer.append(document) }
        return try writer.finish()
    }

    /// What joining and cutting by hand gives: the tokens in order, cut every `length`, padded.
    static func contexts(_ documents: [[UInt32]], length: Int, padding: UInt32?) -> [[Int64]] {
        var stream = documents.flatMap { $0 + [0] }.map(Int64.init)
        if let padding { while stream.count % length != 0 { stream.append(Int64(padding)) } }
        return stride(from: 0, through: stream.count - length, by: length).map { Array(stream[$0..<$0 + length]) }
    }

    static func all(_ shards: TokenShards) -> [[Int64]] { (0..<shards.sequenceCount).map { shards.sequence($0) } }

    static func sorted(_ contexts: [[Int64]]) -> [[Int64]] { contexts.sorted { $0.lexicographicallyPrecedes($1) } }

    @Test(
        "hold every sequence once, whatever the number of cells and shards", arguments: [nil, UInt32(0), 999],
        [1, 3, 128])
    func multiset(padding: UInt32?, cells: Int) throws {
        let folder = try TemporaryFolder()
        let documents = Self.documents(700)
        var options = ShardOptions(sequenceLength: 16, seed: 9, endOfText: 0, vocabularySize: 1000, padding: padding)
        options.shardSequences = 50
        options.cells = cells
        options.memoryLimit = cells == 3 ? 1000 : 1 << 20
        let manifest = try Self.write(documents, to: folder.path, options)
        let shards = try TokenShards(folder: folder.path)
        let expected = Self.contexts(documents, length: 17, padding: padding)
        #expect(Self.sorted(Self.all(shards)) == Self.sorted(expected))
        #expect(shards.sequenceCount > 100 && Self.all(shards) != expected)
        let counts = manifest.counts
        #expect(counts.tokens == manifest.tokenCount - counts.padded + counts.dropped)
        #expect(manifest.shards.dropLast().allSatisfy { $0.sequences == 50 })
        #expect(manifest == shards.manifest)
    }

    @Test("of more than 65,536 tokens take four bytes")
    func wide() throws {
        let folder = try TemporaryFolder()
        let documents = Self.documents(60, below: 100_000)
        let manifest = try Self.write(
            documents, to: folder.path, ShardOptions(sequenceLength: 8, seed: 1, endOfText: 0, vocabularySize: 100_000))
        #expect(manifest.tokenBytes == 4)
        let expected = Self.contexts(documents, length: 9, padding: nil)
        #expect(Self.sorted(Self.all(try TokenShards(folder: folder.path))) == Self.sorted(expected))
    }

    @Test(
        "are the same bytes for the same seed and other bytes for another, spilled or not",
        arguments: ShardFormat.allCases)
    func determinism(format: ShardFormat) throws {
        func digests(seed: UInt64, memory: Int) throws -> [String] {
            let folder = try TemporaryFolder()
            var options = ShardOptions(
                sequenceLength: 16, seed: seed, endOfText: 0, vocabularySize: 1000, format: format)
            options.shardSequences = 100
            options.memoryLimit = memory
            let manifest = try Self.write(Self.documents(500), to: folder.path, options)
            for shard in manifest.shards { #expect(try SHA256.digest(file: folder.file(shard.file)) == shard.sha256) }
            return manifest.digests
        }
        let first = try digests(seed: 1, memory: 1 << 20)
        #expect(try digests(seed: 1, memory: 0) == first)
        #expect(try digests(seed: 2, memory: 1 << 20) != first)
    }

    /// χ² of where the first 16 sequences land, over 16 sixteenths and 160 seeds: 15 degrees of freedom each, so the sum
    /// has mean 240 and deviation √480 ≈ 22.
    @Test("are in an order that a χ² test cannot tell from uniform")
    func uniformity() throws {
        let folder = try TemporaryFolder()
        var counts = [[Int]](repeating: [Int](repeating: 0, count: 16), count: 16)
        let documents = (1...160 as ClosedRange<UInt32>).map { [UInt32](repeating: $0, count: 3) }
        for seed in 0..<160 {
            var options = ShardOptions(sequenceLength: 3, seed: UInt64(seed), endOfText: 0, vocabularySize: 1000)
            options.shardSequences = 100
            options.cells = 8
            _ = try Self.write(documents, to: folder.path, options)
            let shards = try TokenShards(folder: folder.path, verifying: false)
            for place in 0..<160 {
                let number = Int(shards.sequence(place)[0]) - 1
                if number < 16 { counts[number][place / 10] += 1 }
            }
        }
        var statistic = 0.0
        for count in counts.joined() { statistic += Double((count - 10) * (count - 10)) / 10 }
        print("shuffle: χ² \(statistic) with 240 degrees of freedom")
        #expect(statistic > 240 - 5 * 22 && statistic < 240 + 5 * 22)
    }

    @Test("take the place of those before, with no file left over")
    func replacing() throws {
        let folder = try TemporaryFolder()
        var options = ShardOptions(sequenceLength: 4, seed: 1, endOfText: 0, vocabularySize: 1000)
        options.shardSequences = 20
        _ = try Self.write(Self.documents(100), to: folder.path, options)
        let manifest = try Self.write(Self.documents(10), to: folder.path, options)
        _ = try TokenShards(folder: folder.path)
        #expect(try Folder.entries(folder.path) == ["manifest.json"] + manifest.shards.map(\.file))
    }

    @Test("stay as they were when a writer is dropped before its end")
    func dropped() throws {
        let folder = try TemporaryFolder()
        let options = ShardOptions(sequenceLength: 4, seed: 1, endOfText: 0, vocabularySize: 1000)
        let manifest = try Self.write(Self.documents(100), to: folder.path, options)
        do {
            let writer = try TokenShardWriter(folder: folder.path, options: options)
            try writer.append([1, 2, 3, 4, 5, 6])
        }
        #expect(try TokenShards(folder: folder.path).manifest == manifest)
        #expect(try Folder.entries(folder.path).count == 1 + manifest.shards.count)
    }

    @Test("refuse ids outside the vocabulary, senseless options, and too little text")
    func refusals() throws {
        let folder = try TemporaryFolder()
        let options = ShardOptions(sequenceLength: 4, seed: 1, endOfText: 0, vocabularySize: 10)
        let writer = try TokenShardWriter(folder: folder.path, options: options)
        #expect(throws: TokenizationError.unknownIdentifier(10, position: 1, vocabularySize: 10)) {
            try writer.append([1, 10])
        }
        try writer.append([1])
        #expect(throws: TokenizationError.self) { try writer.finish() }
        var wrong = options
        wrong.sequenceLength = 0
        #expect(throws: TokenizationError.self) { try TokenShardWriter(folder: folder.path, options: wrong) }
        wrong = options
        wrong.endOfText = 10
        #expect(throws: TokenizationError.self) { try TokenShardWriter(folder: folder.path, options: wrong) }
    }

    @Test("that are cut, changed, missing or mixed up are named in an error")
    func damage() throws {
        let folder = try TemporaryFolder()
        var options = ShardOptions(sequenceLength: 4, seed: 1, endOfText: 0, vocabularySize: 1000)
        options.shardSequences = 20
        let manifest = try Self.write(Self.documents(100), to: folder.path, options)
        let path = folder.file(manifest.shards[1].file)
        let bytes = try FileReader.bytes(of: path)
        func expectFailure(_ what: String, naming name: String) {
            do {
                _ = try TokenShards(folder: folder.path)
                Issue.record("\(what) was read")
            } catch { #expect("\(error)".contains(name), "\(what): \(error)") }
        }
        try AtomicFile.write(bytes.dropLast(), to: path)
        expectFailure("a shard cut short", naming: manifest.shards[1].file)
        var changed = bytes
        changed[7] ^= 1
        try AtomicFile.write(changed, to: path)
        expectFailure("a changed shard", naming: "SHA-256")
        _ = try TokenShards(folder: folder.path, verifying: false)
        try FileManager.default.removeItem(atPath: path)
        expectFailure("a missing shard", naming: manifest.shards[1].file)
        try FileManager.default.removeItem(atPath: folder.file("manifest.json"))
        expectFailure("a missing manifest", naming: "manifest.json")
    }

    @Test("with a damaged manifest are an error, never a crash")
    func manifestFuzz() throws {
        let folder = try TemporaryFolder()
        let options = ShardOptions(sequenceLength: 4, seed: 1, endOfText: 0, vocabularySize: 1000)
        let manifest = try Self.write(Self.documents(100), to: folder.path, options)
        let bytes = Array(manifest.json.text().utf8)
        #expect(try ShardManifest(parsing: bytes, file: "m") == manifest)
        var generator = SeededGenerator(seed: 3)
        var refused = 0
        for round in 0..<1500 {
            var damaged = bytes
            for _ in 0...generator.below(3) {
                let at = generator.below(damaged.count)
                switch generator.below(3) {
                case 0: damaged[at] = UInt8(generator.below(256))
                case 1: damaged.remove(at: at)
                default: damaged[at] = UInt8(ascii: "9")
                }
            }
            if round % 10 == 0 { damaged.removeLast(generator.below(damaged.count)) }
            try Data(damaged).write(to: URL(fileURLWithPath: folder.file("manifest.json")))
            do {
                let shards = try TokenShards(folder: folder.path)
                #expect(Self.all(shards).joined().allSatisfy { $0 < shards.vocabularySize })
            } catch { refused += 1 }
        }
        print("damaged manifests: \(refused) of 1500 refused, the others read whole")
        #expect(refused > 500)
    }
}

@Suite("Shards of documents") struct ShardBuilderTests {
    static let texts = (0..<300).map {
        "Document \($0): " + String(repeating: "the quick brown fox ", count: $0 % 17) + "end \($0 * 7919)"
    }

    static func tokenizer() throws -> Tokenizer {
        var trainer = TokenizerTrainer(vocabularySize: 400)
        for text in texts { trainer.add(text) }
        return try trainer.train()
    }

    @Test(
        "hold the same sequences flat and as tar, from packed and plain files",
        arguments: ["docs.jsonl", "docs.jsonl.zst", "docs.jsonl.gz"])
    func formats(name: String) async throws {
        let folder = try TemporaryFolder()
        let tokenizer = try Self.tokenizer()
        let file = try CompressedFile(folder.file("in/\(name)"))
        for text in Self.texts {
            try file.write(Array(JSONValue.object(["text": .string(text)]).text().utf8) + [10])
        }
        try file.write(Array("\n{\"text\": 5}\nnot json\n[1]\n".utf8))
        try file.commit()
        let inputs = try DocumentFiles.list([folder.file("in")])
        #expect(inputs == [folder.file("in/\(name)")])
        let flat = try await ShardBuilder(
            inputs: inputs, tokenizer: tokenizer, output: folder.file("flat"), sequenceLength: 32, seed: 7, padding: 0
        ).run()
        let tar = try await ShardBuilder(
            inputs: inputs, tokenizer: tokenizer, output: folder.file("tar"), sequenceLength: 32, seed: 7, format: .tar,
            padding: 0
        ).run()
        #expect(flat.counts.failed == ["no text": 1, "not JSON": 2])
        #expect(flat.counts == tar.counts && flat.counts.documents == 300)
        #expect(flat.tokenizerDigest == tokenizer.digest)
        let shards = try TokenShards(folder: folder.file("flat"))
        let members = try TarShards(folder: folder.file("tar"))
        let ids = try members.shards.indices.flatMap { try members.sequences(ofShard: $0) }
        #expect(ids.map { $0.map(Int64.init) } == ShardTests.all(shards))
        let expected = ShardTests.contexts(Self.texts.map { tokenizer.encode($0) }, length: 33, padding: 0)
        #expect(ShardTests.sorted(ShardTests.all(shards)) == ShardTests.sorted(expected))
        let list = try FileReader.text(of: folder.file("tar/manifest.jsonl"))
        #expect(list == "{\"shard\":\"shard_00000000\",\"num_sequences\":\(expected.count)}\n")
        #expect(try ShardStatistics(folder: folder.file("tar")).endsOfText == 300 + flat.counts.padded)
    }

    @Test("of tar that are cut or changed are an error, never a crash")
    func tarFuzz() throws {
        let folder = try TemporaryFolder()
        var options = ShardOptions(sequenceLength: 8, seed: 1, endOfText: 0, vocabularySize: 1000, format: .tar)
        options.cells = 2
        let manifest = try ShardTests.write(ShardTests.documents(30), to: folder.path, options)
        let path = folder.file(manifest.shards[0].file)
        let bytes = try FileReader.bytes(of: path)
        var generator = SeededGenerator(seed: 11)
        var refused = 0
        for round in 0..<400 {
            var damaged = bytes
            if round % 4 == 0 { damaged.removeLast(1025 + generator.below(damaged.count - 1025)) }
            for _ in 0..<generator.below(4) where !damaged.isEmpty {
                damaged[generator.below(damaged.count)] = UInt8(generator.below(256))
            }
            try Data(damaged).write(to: URL(fileURLWithPath: path))
            do {
                _ = try ShardStatistics(folder: folder.path)
                #expect(damaged == bytes)
            } catch { refused += 1 }
        }
        print("damaged tar shards: \(refused) of 400 refused")
        #expect(refused > 200)
        for text in [
            "", "{", "{\"shard\": \"a/b\", \"num_sequences\": 1}", "{\"shard\": \"x\"}",
            "{\"shard\":\"x\",\"num_chunks\":1}",
        ] {
            try AtomicFile.write(text, to: folder.file("manifest.jsonl"))
            #expect(throws: TokenizationError.self) { try ShardStatistics(folder: folder.path) }
        }
    }

    @Test("leave the folder as it was where the task is cancelled or an input is missing")
    func interruption() async throws {
        let folder = try TemporaryFolder()
        let tokenizer = try Self.tokenizer()
        let line = JSONValue.object(["text": .string(String(repeating: "word and word ", count: 2000))]).text() + "\n"
        try AtomicFile.write(String(repeating: line, count: 2000), to: folder.file("in.jsonl"))
        let builder = try ShardBuilder(
            inputs: [folder.file("in.jsonl")], tokenizer: tokenizer, output: folder.file("out"), sequenceLength: 32,
            seed: 7)
        let started = AsyncStream<Void>.makeStream()
        let task = Task { try await builder.run { _ in started.continuation.yield() } }
        for await _ in started.stream { break }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try Folder.entries(folder.file("out")) == [])
        var missing = builder
        missing.inputs.append(folder.file("absent.jsonl"))
        await #expect(throws: FileError.self) { try await missing.run() }
        #expect(throws: TokenizationError.self) { try DocumentFiles.list([folder.file("out")]) }
    }
}

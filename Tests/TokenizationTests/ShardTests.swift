import ApusCore
import Files
import Foundation
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

    @Test("hold every sequence once, whatever the number of cells and shards", arguments: [nil, UInt32(0), 999], [1, 3, 128])
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

    @Test("are the same bytes for the same seed and other bytes for another, spilled or not", arguments: ShardFormat.allCases)
    func determinism(format: ShardFormat) throws {
        func digests(seed: UInt64, memory: Int) throws -> [String] {
            let folder = try TemporaryFolder()
            var options = ShardOptions(sequenceLength: 16, seed: seed, endOfText: 0, vocabularySize: 1000, format: format)
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
        #expect(throws: TokenizationError.unknownIdentifier(10, position: 1, vocabularySize: 10)) { try writer.append([1, 10]) }
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

import Files
import JSON

/// How token shards are laid out on disk.
public enum ShardFormat: String, Sendable, Hashable, CaseIterable {
    /// `shard_00000.bin`: sequences one after the other, each token a little-endian integer of two or four bytes.
    case flat
    /// `shard_00000000.tar` for webdataset readers: one gzipped JSON array a sequence; and `manifest.jsonl`.
    case tar
}

/// What a folder of token shards holds: the content of its `manifest.json`.
///
/// Equal inputs, tokenizer, settings and seed give an equal manifest, and so equal digests.
public struct ShardManifest: Sendable, Hashable {
    /// The name of this format of folders.
    public static let formatName = "apus-tokens-1"
    /// The manifest's name in the folder.
    public static let fileName = "manifest.json"

    public var layout: ShardFormat
    /// Tokens that a model predicts in a sequence; a sequence has one more, since targets are shifted by one.
    public var sequenceLength: Int
    /// Bytes a token takes in flat shards: 2 or 4.
    public var tokenBytes: Int
    /// Every id is below this value.
    public var vocabularySize: Int
    /// The token after each document.
    public var endOfText: UInt32
    /// The token that fills a last sequence; nil where remainders were dropped.
    public var padding: UInt32?
    /// SHA-256 of the tokenizer (`Tokenizer.digest`); nil where the writer was given ids.
    public var tokenizerDigest: String?
    public var seed: UInt64
    public var counts: Counts
    public var shards: [Shard]

    /// Where the tokens come from and went: tokens = sequences × context length − padded + dropped.
    public struct Counts: Sendable, Hashable {
        /// Documents joined.
        public var documents = 0
        /// UTF-8 bytes of their text; 0 where the writer was given ids.
        public var textBytes = 0
        /// Tokens of the documents, each with its end-of-text token.
        public var tokens = 0
        /// Padding tokens added to remainders.
        public var padded = 0
        /// Tokens of remainders that were dropped.
        public var dropped = 0
        /// Records without a document in them, by reason.
        public var failed: [String: Int] = [:]

        public init() {}
    }

    public struct Shard: Sendable, Hashable {
        /// Name in the folder.
        public var file: String
        public var sequences: Int
        /// Of the whole file, as 64 hexadecimal digits.
        public var sha256: String
    }

    /// Tokens in a sequence: the sequence length and one.
    public var contextLength: Int { sequenceLength + 1 }
    public var sequenceCount: Int { shards.reduce(0) { $0 + $1.sequences } }
    /// Tokens in all sequences.
    public var tokenCount: Int { sequenceCount * contextLength }
    /// SHA-256 of each shard, in order.
    public var digests: [String] { shards.map(\.sha256) }
}

extension ShardManifest {
    /// The manifest as JSON.
    public var json: JSONValue {
        [
            "format": .string(Self.formatName), "layout": .string(layout.rawValue),
            "sequenceLength": JSONValue(sequenceLength), "contextLength": JSONValue(contextLength),
            "tokenBytes": JSONValue(tokenBytes), "vocabularySize": JSONValue(vocabularySize),
            "endOfText": JSONValue(endOfText), "padding": padding.map { JSONValue($0) } ?? .null,
            "tokenizerSHA256": tokenizerDigest.map(JSONValue.string) ?? .null, "seed": .string(String(seed)),
            "documents": JSONValue(counts.documents), "textBytes": JSONValue(counts.textBytes),
            "tokens": JSONValue(counts.tokens), "padded": JSONValue(counts.padded),
            "dropped": JSONValue(counts.dropped),
            "failed": .object(
                JSONObject(counts.failed.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) })),
            "sequences": JSONValue(sequenceCount),
            "shards": .array(
                shards.map {
                    ["file": .string($0.file), "sequences": JSONValue($0.sequences), "sha256": .string($0.sha256)]
                }),
        ]
    }

    /// Reads `manifest.json` of a folder.
    ///
    /// - Throws: `TokenizationError.badShard` that names the key.
    public init(folder: String) throws(TokenizationError) {
        let path = Paths.join(folder, Self.fileName)
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileReader.bytes(of: path, limit: 256 << 20)
        } catch {
            throw .badShard(file: path, reason: "there is no manifest of token shards to read (\(error))")
        }
        try self.init(parsing: bytes, file: path)
    }

    /// Reads a manifest from memory; `file` is for messages.
    public init(parsing bytes: [UInt8], file: String) throws(TokenizationError) {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw .badShard(file: file, reason: "\(error)")
        }
        let reader = ManifestReader(file: file, json: json)
        guard json["format"]?.stringValue == Self.formatName else {
            throw reader.wrong("format", "‘\(Self.formatName)’")
        }
        guard let layout = json["layout"]?.stringValue.flatMap(ShardFormat.init) else {
            throw reader.wrong("layout", "‘flat’ or ‘tar’")
        }
        guard let seed = json["seed"]?.stringValue.flatMap({ UInt64($0) }) else {
            throw reader.wrong("seed", "a whole number in quotes")
        }
        self.layout = layout
        self.seed = seed
        sequenceLength = try reader.number("sequenceLength", 1...Self.sequenceLimit)
        tokenBytes = try reader.number("tokenBytes", 2...4)
        guard tokenBytes != 3 else { throw reader.wrong("tokenBytes", "2 or 4") }
        vocabularySize = try reader.number("vocabularySize", 1...Int(UInt32.max))
        guard tokenBytes == 4 || vocabularySize <= 1 << 16 else {
            throw reader.wrong("tokenBytes", "4 for a vocabulary of \(vocabularySize)")
        }
        endOfText = UInt32(try reader.number("endOfText", 0...vocabularySize - 1))
        padding = json["padding"] == .null ? nil : UInt32(try reader.number("padding", 0...vocabularySize - 1))
        tokenizerDigest = json["tokenizerSHA256"]?.stringValue
        counts = Counts()
        counts.documents = try reader.number("documents")
        counts.textBytes = try reader.number("textBytes")
        counts.tokens = try reader.number("tokens")
        counts.padded = try reader.number("padded")
        counts.dropped = try reader.number("dropped")
        for (reason, count) in json["failed"]?.objectValue ?? JSONObject() {
            guard let count = count.intValue, count >= 0 else { throw reader.wrong("failed.\(reason)", "a count") }
            counts.failed[reason] = count
        }
        shards = try reader.shards()
    }

    /// Longest sequence that makes sense; a bound for numbers from outside.
    static let sequenceLimit = 1 << 24
}

/// Reads members of one manifest, naming them in errors.
private struct ManifestReader {
    let file: String
    let json: JSONValue

    func wrong(_ key: String, _ expected: String) -> TokenizationError {
        .badShard(file: file, reason: "‘\(key)’ must be \(expected)")
    }

    func number(_ key: String, _ range: ClosedRange<Int> = 0...1 << 50) throws(TokenizationError) -> Int {
        guard let value = json[key]?.intValue, range.contains(value) else {
            throw wrong(key, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func shards() throws(TokenizationError) -> [ShardManifest.Shard] {
        guard let list = json["shards"]?.arrayValue, !list.isEmpty else { throw wrong("shards", "a list of shards") }
        var shards: [ShardManifest.Shard] = []
        for (index, entry) in list.enumerated() {
            let key = "shards[\(index)]"
            guard let name = entry["file"]?.stringValue, !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")) else {
                throw wrong("\(key).file", "the name of a file in the folder")
            }
            guard let sequences = entry["sequences"]?.intValue, (1...1 << 40).contains(sequences) else {
                throw wrong("\(key).sequences", "a positive number")
            }
            guard let digest = entry["sha256"]?.stringValue, digest.utf8.count == 64 else {
                throw wrong("\(key).sha256", "64 hexadecimal digits")
            }
            shards.append(.init(file: name, sequences: sequences, sha256: digest))
        }
        return shards
    }
}

import Files
import JSON

/// What a folder of token shards holds, read and checked to the last token.
public struct ShardStatistics: Sendable, Hashable {
    /// Nil for a folder of tar shards from elsewhere.
    public var manifest: ShardManifest?
    public var layout: ShardFormat
    public var shards = 0
    public var sequences = 0
    public var contextLength = 0
    /// Ids equal to the end-of-text token; nil where that is not known.
    public var endsOfText: Int?
    public var largestIdentifier: Int64 = 0

    /// Reads a folder.
    ///
    /// - Throws: `TokenizationError.badShard` for the first thing that does not fit: sizes, digests, ids outside the
    ///   vocabulary, sequences of unequal length.
    /// - Complexity: O(tokens).
    public init(folder: String) throws(TokenizationError) {
        let hasManifest = FileReader.exists(Paths.join(folder, ShardManifest.fileName))
        let isForeign = !hasManifest && FileReader.exists(Paths.join(folder, TarShardSink.manifestName))
        manifest = isForeign ? nil : try ShardManifest(folder: folder)
        layout = manifest?.layout ?? .tar
        if manifest != nil { endsOfText = 0 }
        switch layout {
        case .flat: try readFlat(folder)
        case .tar: try readTar(folder)
        }
    }

    private mutating func readFlat(_ folder: String) throws(TokenizationError) {
        let tokens = try TokenShards(folder: folder)
        shards = tokens.manifest.shards.count
        contextLength = tokens.contextLength
        var ids = [Int64](repeating: 0, count: tokens.contextLength)
        for index in 0..<tokens.sequenceCount {
            ids.withUnsafeMutableBufferPointer { tokens.sequence(index, into: $0) }
            note(ids)
        }
    }

    private mutating func readTar(_ folder: String) throws(TokenizationError) {
        let tar = try TarShards(folder: folder)
        shards = tar.shards.count
        if let manifest {
            let listed = manifest.shards.map { TarShards.Shard(file: $0.file, sequences: $0.sequences) }
            guard listed == tar.shards else {
                throw .badShard(
                    file: folder, reason: "manifest.json and \(TarShardSink.manifestName) list different shards")
            }
        }
        for index in tar.shards.indices {
            let path = Paths.join(folder, tar.shards[index].file)
            for sequence in try tar.sequences(ofShard: index) {
                if contextLength == 0 { contextLength = manifest?.contextLength ?? sequence.count }
                guard sequence.count == contextLength else {
                    throw .badShard(
                        file: path, reason: "it has a sequence of \(sequence.count) tokens, not \(contextLength)")
                }
                note(sequence.map(Int64.init))
            }
            if let manifest {
                if largestIdentifier >= manifest.vocabularySize {
                    throw .badShard(
                        file: path,
                        reason:
                            "it holds the id \(largestIdentifier), outside the vocabulary of \(manifest.vocabularySize)"
                    )
                }
                try Self.checkDigest(path, manifest.shards[index].sha256)
            }
        }
    }

    private static func checkDigest(_ path: String, _ expected: String) throws(TokenizationError) {
        let digest: String
        do throws(FileError) {
            digest = try SHA256.digest(file: path)
        } catch {
            throw .badShard(file: path, reason: "\(error)")
        }
        guard digest == expected else {
            throw .badShard(file: path, reason: "its SHA-256 is \(digest), not \(expected) as the manifest says")
        }
    }

    private mutating func note(_ ids: [Int64]) {
        sequences += 1
        let end = manifest.map { Int64($0.endOfText) } ?? -1
        var ends = 0
        for id in ids {
            largestIdentifier = max(largestIdentifier, id)
            if id == end { ends += 1 }
        }
        if let before = endsOfText { endsOfText = before + ends }
    }

    public var tokens: Int { sequences * contextLength }

    /// The statistics as JSON, with the manifest's members.
    public var json: JSONValue {
        var object = manifest?.json.objectValue ?? JSONObject()
        object["layout"] = .string(layout.rawValue)
        object["contextLength"] = JSONValue(contextLength)
        object["sequences"] = JSONValue(sequences)
        object["tokensInSequences"] = JSONValue(tokens)
        object["endsOfText"] = endsOfText.map { JSONValue($0) } ?? .null
        object["largestId"] = JSONValue(largestIdentifier)
        if manifest == nil { object["shards"] = JSONValue(shards) }
        return .object(object)
    }
}

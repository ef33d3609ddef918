import Files

/// Training sequences in a folder of flat shards, memory-mapped.
///
/// ```swift
/// let shards = try TokenShards(folder: "tokens")
/// var batch = [Int64](repeating: 0, count: shards.contextLength)
/// batch.withUnsafeMutableBufferPointer { shards.sequence(0, into: $0) }
/// ```
///
/// A value that threads may share.
public struct TokenShards: Sendable {
    public let folder: String
    public let manifest: ShardManifest
    private let files: [MappedFile]
    /// Sequences before each shard, and after the last.
    private let starts: [Int]

    /// Opens a folder that `TokenShardWriter` wrote.
    ///
    /// - Parameters:
    ///   - folder: what a writer of flat shards filled.
    ///   - verifying: compares every shard's SHA-256 with the manifest and every id with the vocabulary, which reads all of
    ///     them once; sizes are always compared.
    /// - Throws: `TokenizationError.badShard`: an absent or wrong manifest, a shard that is missing, cut short, changed,
    ///   or holds an id outside the vocabulary.
    /// - Complexity: O(shards), and O(bytes) when verifying.
    public init(folder: String, verifying: Bool = true) throws(TokenizationError) {
        self.folder = folder
        manifest = try ShardManifest(folder: folder)
        guard manifest.layout == .flat else {
            throw .badShard(file: folder, reason: "these are tar shards, for webdataset readers; flat ones are needed")
        }
        var files: [MappedFile] = []
        var starts = [0]
        for shard in manifest.shards {
            let path = Paths.join(folder, shard.file)
            let file: MappedFile
            do throws(FileError) {
                file = try MappedFile(path)
            } catch {
                throw .badShard(file: path, reason: "\(error)")
            }
            let (expected, overflow) = shard.sequences.multipliedReportingOverflow(
                by: manifest.contextLength * manifest.tokenBytes)
            guard !overflow, file.bytes.count == expected else {
                throw .badShard(
                    file: path,
                    reason: "it has \(file.bytes.count) bytes, but \(shard.sequences) sequences of "
                        + "\(manifest.contextLength) tokens take \(overflow ? "more than a file holds" : "\(expected)")"
                )
            }
            if verifying { try Self.verify(file, shard, manifest, path) }
            files.append(file)
            starts.append(starts[starts.count - 1] + shard.sequences)
        }
        self.files = files
        self.starts = starts
    }

    /// Tokens that a model predicts in a sequence.
    public var sequenceLength: Int { manifest.sequenceLength }
    /// Tokens in a sequence: the sequence length and one.
    public var contextLength: Int { manifest.contextLength }
    public var sequenceCount: Int { starts[starts.count - 1] }
    /// Tokens in all sequences.
    public var tokenCount: Int { sequenceCount * contextLength }
    /// Every id is below this value.
    public var vocabularySize: Int { manifest.vocabularySize }
    /// SHA-256 of each shard, in order.
    public var digests: [String] { manifest.digests }

    /// Copies a sequence's ids.
    ///
    /// - Parameters:
    ///   - index: 0 … `sequenceCount` − 1.
    ///   - ids: room for `contextLength` ids.
    /// - Complexity: O(context length), and O(log shards) to find the shard.
    public func sequence(_ index: Int, into ids: UnsafeMutableBufferPointer<Int64>) {
        precondition(index >= 0 && index < sequenceCount, "there is no sequence \(index) of \(sequenceCount)")
        precondition(ids.count >= contextLength, "a sequence needs room for \(contextLength) ids, not \(ids.count)")
        let (file, place) = locate(index)
        let bytes = files[file].bytes
        // The size of the file was compared with the number of sequences, so that every load is inside.
        if manifest.tokenBytes == 2 {
            let start = place * contextLength * 2
            for offset in 0..<contextLength {
                let id = bytes.loadUnaligned(fromByteOffset: start &+ offset &* 2, as: UInt16.self)
                ids[offset] = Int64(UInt16(littleEndian: id))
            }
        } else {
            let start = place * contextLength * 4
            for offset in 0..<contextLength {
                let id = bytes.loadUnaligned(fromByteOffset: start &+ offset &* 4, as: UInt32.self)
                ids[offset] = Int64(UInt32(littleEndian: id))
            }
        }
    }

    /// A sequence's ids as an array.
    public func sequence(_ index: Int) -> [Int64] {
        [Int64](unsafeUninitializedCapacity: contextLength) { buffer, count in
            buffer.initialize(repeating: 0)
            sequence(index, into: buffer)
            count = contextLength
        }
    }

    private func locate(_ index: Int) -> (file: Int, place: Int) {
        var low = 0
        var high = files.count - 1
        while low < high {
            let middle = (low + high + 1) / 2
            if starts[middle] <= index { low = middle } else { high = middle - 1 }
        }
        return (low, index - starts[low])
    }

    private static func verify(
        _ file: MappedFile, _ shard: ShardManifest.Shard, _ manifest: ShardManifest, _ path: String
    ) throws(TokenizationError) {
        var hash = SHA256()
        hash.update(file.bytes)
        let digest = hash.finish()
        guard digest == shard.sha256 else {
            throw .badShard(file: path, reason: "its SHA-256 is \(digest), not \(shard.sha256) as the manifest says")
        }
        let bytes = file.bytes
        var largest: UInt32 = 0
        if manifest.tokenBytes == 2 {
            for at in stride(from: 0, to: bytes.count, by: 2) {
                largest = max(
                    largest, UInt32(UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self))))
            }
        } else {
            for at in stride(from: 0, to: bytes.count, by: 4) {
                largest = max(largest, UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
            }
        }
        guard Int(largest) < manifest.vocabularySize else {
            throw .badShard(
                file: path, reason: "it holds the id \(largest), outside the vocabulary of \(manifest.vocabularySize)")
        }
    }
}

import Compression
import Files
import JSON

/// Training sequences in a folder of webdataset tar shards: Apus's own, or those of DataComp-LM's tools.
///
/// For looking into such folders and for moving to flat ones; training reads `TokenShards`.
public struct TarShards: Sendable {
    public struct Shard: Sendable, Hashable {
        public var file: String
        public var sequences: Int
    }

    public let folder: String
    public let shards: [Shard]

    /// Longest packed array of ids when unpacked; more is hostile or no sequence.
    private static let textLimit = 64 << 20

    /// Reads `manifest.jsonl`, with or without an end of its last line, and with either key for the counts.
    ///
    /// - Throws: `TokenizationError.badShard`.
    public init(folder: String) throws(TokenizationError) {
        self.folder = folder
        let path = Paths.join(folder, TarShardSink.manifestName)
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileReader.bytes(of: path, limit: 256 << 20)
        } catch {
            throw .badShard(file: path, reason: "there is no list of tar shards to read (\(error))")
        }
        var shards: [Shard] = []
        for (index, line) in bytes.split(separator: 0x0A).enumerated() {
            let value = try? JSONValue(parsing: Array(line))
            guard let name = value?["shard"]?.stringValue, !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")),
                let count = (value?["num_sequences"] ?? value?["num_chunks"])?.intValue, count >= 0
            else {
                throw .badShard(
                    file: path, reason: "line \(index + 1) does not name a shard and its number of sequences")
            }
            shards.append(Shard(file: name + ".tar", sequences: count))
        }
        guard !shards.isEmpty else { throw .badShard(file: path, reason: "it lists no shards") }
        self.shards = shards
    }

    public var sequenceCount: Int { shards.reduce(0) { $0 + $1.sequences } }

    /// The sequences of one shard, in order.
    ///
    /// - Throws: `TokenizationError.badShard` where the tar or a member is cut short or damaged, or the number of
    ///   sequences is not the manifest's.
    public func sequences(ofShard index: Int) throws(TokenizationError) -> [[UInt32]] {
        precondition(shards.indices.contains(index), "there is no shard \(index) of \(shards.count)")
        let path = Paths.join(folder, shards[index].file)
        let file: MappedFile
        do throws(FileError) {
            file = try MappedFile(path)
        } catch {
            throw .badShard(file: path, reason: "\(error)")
        }
        guard let members = TarFormat.members(file.bytes) else {
            throw .badShard(file: path, reason: "it is no tar file, or cut short")
        }
        guard members.count == shards[index].sequences else {
            throw .badShard(
                file: path,
                reason: "it has \(members.count) sequences, not \(shards[index].sequences) as the manifest says")
        }
        var sequences: [[UInt32]] = []
        sequences.reserveCapacity(members.count)
        for member in members {
            let packed = Array(UnsafeRawBufferPointer(rebasing: file.bytes[member.range]))
            guard let ids = Self.identifiers(packed) else {
                throw .badShard(file: path, reason: "the member \(member.name) is no gzipped JSON array of token ids")
            }
            sequences.append(ids)
        }
        return sequences
    }

    private static func identifiers(_ packed: [UInt8]) -> [UInt32]? {
        guard let source = try? Decompressor(MemorySource(packed)) else { return nil }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            guard let got = try? buffer.withUnsafeMutableBytes({ try source.read(into: $0) }) else { return nil }
            if got == 0 { break }
            text.append(contentsOf: buffer[..<got])
            guard text.count <= textLimit else { return nil }
        }
        guard let values = (try? JSONValue(parsing: text))?.arrayValue else { return nil }
        var ids: [UInt32] = []
        ids.reserveCapacity(values.count)
        for value in values {
            guard let id = value.intValue.flatMap({ UInt32(exactly: $0) }) else { return nil }
            ids.append(id)
        }
        return ids
    }
}

import ApusCore
import Compression
import Files
import JSON

/// Writes shards of one format.
protocol ShardSink {
    /// Writes shard number `number` with the sequences `order` of a cell's tokens.
    func write(
        _ number: Int, _ tokens: [UInt32], _ order: ArraySlice<Int>, length: Int
    ) throws -> ShardManifest.Shard
}

/// A number with zeros in front.
func padded(_ number: Int, to width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

/// A file whose SHA-256 is taken as it is written.
private struct DigestingFile {
    private let file: AtomicFile
    private var hash = SHA256()

    init(_ path: String) throws(FileError) { file = try AtomicFile(path) }

    mutating func write(_ bytes: [UInt8]) throws(FileError) {
        hash.update(bytes)
        try file.write(bytes)
    }

    consuming func commit() throws(FileError) -> String {
        try file.commit()
        return hash.finish()
    }
}

/// Sequences one after the other, each token a little-endian integer.
struct FlatShardSink: ShardSink {
    let folder: String
    /// Four bytes a token instead of two.
    let isWide: Bool

    func write(
        _ number: Int, _ tokens: [UInt32], _ order: ArraySlice<Int>, length: Int
    ) throws -> ShardManifest.Shard {
        let name = "shard_\(padded(number, to: 5)).bin"
        var file = try DigestingFile(Paths.join(folder, name))
        var bytes: [UInt8] = []
        for index in order {
            bytes.removeAll(keepingCapacity: true)
            for token in tokens[index * length..<(index + 1) * length] {
                bytes.append(UInt8(truncatingIfNeeded: token))
                bytes.append(UInt8(truncatingIfNeeded: token >> 8))
                guard isWide else { continue }
                bytes.append(UInt8(truncatingIfNeeded: token >> 16))
                bytes.append(UInt8(truncatingIfNeeded: token >> 24))
            }
            try file.write(bytes)
        }
        return .init(file: name, sequences: order.count, sha256: try file.commit())
    }
}

/// DataComp-LM's webdataset shards: a tar member for each sequence, a gzipped JSON array.
struct TarShardSink: ShardSink {
    static let manifestName = "manifest.jsonl"

    let folder: String
    let seed: UInt64

    func write(
        _ number: Int, _ tokens: [UInt32], _ order: ArraySlice<Int>, length: Int
    ) throws -> ShardManifest.Shard {
        let stem = "shard_\(padded(number, to: 8))"
        var file = try DigestingFile(Paths.join(folder, stem + ".tar"))
        let compressor = try Compressor(.gzip)
        var generator = SeededGenerator(seed: seed, stream: 1 << 62 | UInt64(number))
        var text: [UInt8] = []
        for (place, index) in order.enumerated() {
            text.removeAll(keepingCapacity: true)
            text.append(UInt8(ascii: "["))
            for (offset, token) in tokens[index * length..<(index + 1) * length].enumerated() {
                if offset > 0 { text.append(contentsOf: [UInt8(ascii: ","), UInt8(ascii: " ")]) }
                text.append(contentsOf: String(token).utf8)
            }
            text.append(UInt8(ascii: "]"))
            var member: [UInt8] = []
            try compressor.write(text, into: &member)
            try compressor.end(into: &member)
            let name = "\(stem)_\(place)_\(Self.identifier(&generator)).json.gz"
            try file.write(TarFormat.header(name, size: member.count))
            member.append(contentsOf: repeatElement(0, count: TarFormat.padding(member.count)))
            try file.write(member)
        }
        try file.write([UInt8](repeating: 0, count: 1024))
        return .init(file: stem + ".tar", sequences: order.count, sha256: try file.commit())
    }

    /// A random UUID (version 4) that the seed decides.
    private static func identifier(_ generator: inout SeededGenerator) -> String {
        let high = generator.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
        let low = generator.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
        let digits = [high, low].map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.utf8.count) + text
        }.joined()
        var parts: [Substring] = []
        var rest = digits[...]
        for length in [8, 4, 4, 4, 12] {
            parts.append(rest.prefix(length))
            rest = rest.dropFirst(length)
        }
        return parts.joined(separator: "-")
    }

    /// One line a shard. The last line ends too: a reader that takes only ended lines would lose its shard.
    static func list(_ shards: [ShardManifest.Shard]) -> String {
        shards.map { shard in
            let line: JSONValue = [
                "shard": .string(String(shard.file.dropLast(4))), "num_sequences": JSONValue(shard.sequences),
            ]
            return line.text() + "\n"
        }.joined()
    }
}

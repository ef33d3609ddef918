import Compression
import Files
import Foundation
import JSON

/// Finished chunks of a run, on disk, so that an interrupted run goes on where it stopped.
///
/// The files are not forced to the disk, which would take longer than all the work: their sizes are checked, and the
/// packed ones check their own bytes.
///
/// A chunk of a pass is `PASS-NUMBER.jsonl.zst` (its pieces, a line `[origin,{page}]` each), `PASS-NUMBER.units` where a
/// global step follows, and, written last, `PASS-NUMBER.json` (its counts).
struct WorkFolder: Sendable {
    let path: String

    /// Makes the folder, and removes what runs with other keys left.
    func prepare() throws(FileError) {
        let (parent, name) = Paths.split(path)
        try Folder.create(path)
        for other in try Folder.entries(parent) where other != name {
            try? FileManager.default.removeItem(atPath: Paths.join(parent, other))
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: Paths.split(path).folder) }

    /// How many chunks the pool has; nil until the first pass is finished.
    var chunkCount: Int? { (try? FileReader.text(of: path + "/chunks")).flatMap { Int($0) } }

    func setChunkCount(_ count: Int) throws(FileError) { try AtomicFile.write(String(count), to: path + "/chunks") }

    func name(_ pass: Int, _ number: Int) -> String { "\(path)/\(pass)-\(number)" }

    /// Which units of the pass before the global step drops, a bit each.
    func decisions(_ pass: Int) -> String { "\(path)/\(pass).dropped" }

    /// Writes a chunk's result and pieces.
    ///
    /// - Parameter units: of each piece, what the next pass's global step compares; nil where there is none.
    func save(_ result: ChunkResult, pass: Int, units: ExactDedup?) throws {
        let name = name(pass, result.number)
        let file = try CompressedFile(name + ".jsonl.zst", level: 1)
        let unitFile = try units.map { _ in try AtomicFile(name + ".units") }
        var line: [UInt8] = []
        var output = ChunkOutput()
        var last = -1
        for piece in result.pieces {
            line.removeAll(keepingCapacity: true)
            line.append(0x5B)
            line.append(contentsOf: String(piece.origin).utf8)
            line.append(0x2C)
            let start = line.count
            JSONValue.object(piece.page.fields).write(to: &line)
            output.bytes += line.count - start + 1
            line.append(0x5D)
            line.append(10)
            try file.write(line)
            output.documents += 1
            if piece.origin != last { output.pages += 1 }
            last = piece.origin
            if let units, let unitFile {
                // A page without the field has no units; it fails in the pass itself.
                for unit in (try? units.units(of: piece.page)) ?? [] {
                    try unitFile.write(UnitRecord.bytes(unit))
                    output.units += 1
                }
            }
        }
        // A task that was cancelled leaves the chunk to the run that comes after.
        try Task.checkCancellation()
        output.packedBytes = file.packedCount
        try file.commit(durably: false)
        try unitFile?.commit(durably: false)
        let counts = try AtomicFile(name + ".json")
        try counts.write(Self.json(result, output).text())
        try counts.commit(durably: false)
    }

    private static func json(_ result: ChunkResult, _ output: ChunkOutput) -> JSONValue {
        func counts(_ table: [String: Int]) -> JSONValue {
            .object(JSONObject(table.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }))
        }
        let samples = result.samples.samples.sorted { $0.key < $1.key }.map { rule, list in
            (
                rule,
                JSONValue.array(
                    list.map { sample in
                        [
                            "rank": .string(String(sample.rank)), "url": sample.url.map(JSONValue.string) ?? .null,
                            "text": .string(sample.text), "value": sample.value.map(JSONValue.number) ?? .null,
                            "limit": sample.limit.map(JSONValue.number) ?? .null,
                        ]
                    })
            )
        }
        return [
            "read": JSONValue(result.read), "dropped": counts(result.dropped), "failed": counts(result.failed),
            "in": .array(result.stepIn.map { JSONValue($0) }), "out": .array(result.stepOut.map { JSONValue($0) }),
            "aggregates": .array(result.aggregates.map { .array($0.map(\.json)) }),
            "samples": .object(JSONObject(samples)), "documents": JSONValue(output.documents),
            "pages": JSONValue(output.pages), "bytes": JSONValue(output.bytes),
            "packed": JSONValue(output.packedBytes), "units": JSONValue(output.units),
        ]
    }

    /// A chunk's counts, where it is finished and its files are whole.
    func finished(_ number: Int, pass: Int) -> ChunkCounts? {
        guard let counts = try? counts(number, pass: pass),
            (try? FileReader(name(pass, number) + ".jsonl.zst"))?.size == counts.output.packedBytes
        else { return nil }
        return counts
    }

    /// A finished chunk's counts.
    ///
    /// - Throws: `FileError` where the chunk is not finished.
    func counts(_ number: Int, pass: Int) throws -> ChunkCounts {
        let file = name(pass, number) + ".json"
        let bytes = try FileReader.bytes(of: file)
        guard let json = try? JSONValue(parsing: bytes) else {
            throw FileError.system(operation: "read the finished chunk", path: file, code: EIO)
        }
        func counts(_ key: String) -> [String: Int] {
            var table: [String: Int] = [:]
            for (key, value) in json[key]?.objectValue ?? [:] { table[key] = value.intValue ?? 0 }
            return table
        }
        func count(_ key: String) -> Int { json[key]?.intValue ?? 0 }
        func list(_ key: String) -> [Int] { json[key]?.arrayValue?.map { $0.intValue ?? 0 } ?? [] }
        var samples: [String: [SampleBook.Sample]] = [:]
        for (rule, held) in json["samples"]?.objectValue ?? [:] {
            samples[rule] = (held.arrayValue ?? []).map { sample in
                SampleBook.Sample(
                    rank: UInt64(sample["rank"]?.stringValue ?? "") ?? 0, url: sample["url"]?.stringValue,
                    text: sample["text"]?.stringValue ?? "", value: sample["value"]?.doubleValue,
                    limit: sample["limit"]?.doubleValue)
            }
        }
        return ChunkCounts(
            read: count("read"), dropped: counts("dropped"), failed: counts("failed"), stepIn: list("in"),
            stepOut: list("out"), samples: samples,
            aggregates: (json["aggregates"]?.arrayValue ?? []).map {
                ($0.arrayValue ?? []).map(AggregateBook.init(json:))
            },
            output: ChunkOutput(
                documents: count("documents"), pages: count("pages"), bytes: count("bytes"),
                packedBytes: count("packed"),
                units: count("units")))
    }

    /// The pieces of a finished chunk, in order.
    func pieces(_ number: Int, pass: Int) throws -> [Piece] {
        var result: [Piece] = []
        try forEachLine(number, pass: pass) { origin, page in
            guard case .object(let fields) = try JSONValue(parsing: Array(page)) else { return }
            result.append(Piece(origin: origin, page: Page(fields: fields)))
        }
        return result
    }

    /// The pieces of a finished chunk, in order: each its page's number in the chunk, and its JSON.
    func forEachLine(_ number: Int, pass: Int, _ body: (Int, ArraySlice<UInt8>) throws -> Void) throws {
        let file = name(pass, number) + ".jsonl.zst"
        let reader = try LineReader(path: file, limit: .max)
        var line: [UInt8] = []
        while try reader.next(into: &line) {
            guard let comma = line.firstIndex(of: 0x2C),
                let origin = Int(String(decoding: line[1..<comma], as: UTF8.self))
            else { throw FileError.system(operation: "read the finished chunk", path: file, code: EIO) }
            try body(origin, line[(comma + 1)..<(line.count - 1)])
        }
    }
}

/// What a chunk hands to the next pass, or to the shards.
struct ChunkOutput: Sendable, Codable, Hashable {
    /// Pieces.
    var documents = 0
    /// Pages with at least one piece.
    var pages = 0
    /// Bytes of the pieces as JSON lines.
    var bytes = 0
    /// Bytes of the pieces' file.
    var packedBytes = 0
    /// Units that the next pass's global step compares.
    var units = 0
}

/// A finished chunk without its pieces.
struct ChunkCounts: Sendable {
    var read: Int
    var dropped: [String: Int]
    var failed: [String: Int]
    var stepIn: [Int]
    var stepOut: [Int]
    var samples: [String: [SampleBook.Sample]]
    var aggregates: [[AggregateBook]]
    var output: ChunkOutput
}

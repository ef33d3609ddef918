import Compression
import Files
import Foundation
import JSON

/// Finished chunks of a run, on disk, so that an interrupted run goes on where it stopped.
///
/// A chunk is `PASS-NUMBER.jsonl.zst` (its pieces) and, written last, `PASS-NUMBER.json` (its counts).
struct WorkFolder: Sendable {
    let path: String

    /// Takes over what a run with the same key left; removes what another left.
    init(_ path: String, key: String) throws {
        self.path = path
        let marker = path + "/key"
        let isSame = FileReader.exists(marker) && (try? FileReader.text(of: marker)) == key
        if !isSame {
            remove()
            try AtomicFile.write(key, to: marker)
        }
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    private func name(_ pass: Int, _ number: Int) -> String { "\(path)/\(pass)-\(number)" }

    func save(_ result: ChunkResult, pass: Int) throws {
        let file = try CompressedFile(name(pass, result.number) + ".jsonl.zst", level: 1)
        var line: [UInt8] = []
        for piece in result.pieces {
            line.removeAll(keepingCapacity: true)
            JSONValue.array([JSONValue(piece.origin), .object(piece.page.fields)]).write(to: &line)
            line.append(10)
            try file.write(line)
        }
        try file.commit()
        func counts(_ table: [String: Int]) -> JSONValue {
            .object(JSONObject(table.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }))
        }
        let samples = result.samples.samples.sorted { $0.key < $1.key }.map { rule, list in
            (rule, JSONValue.array(list.map { sample in
                [
                    "rank": .string(String(sample.rank)), "url": sample.url.map(JSONValue.string) ?? .null,
                    "text": .string(sample.text), "value": sample.value.map(JSONValue.number) ?? .null,
                    "limit": sample.limit.map(JSONValue.number) ?? .null,
                ]
            }))
        }
        let json: JSONValue = [
            "read": JSONValue(result.read), "dropped": counts(result.dropped), "failed": counts(result.failed),
            "in": .array(result.stepIn.map { JSONValue($0) }), "out": .array(result.stepOut.map { JSONValue($0) }),
            "samples": .object(JSONObject(samples)),
        ]
        try AtomicFile.write(json.text(), to: name(pass, result.number) + ".json")
    }

    /// A finished chunk without its pieces; nil where it is not finished.
    func load(_ number: Int, pass: Int, seed: UInt64, limit: Int) -> ChunkResult? {
        let file = name(pass, number) + ".json"
        guard FileReader.exists(file), let bytes = try? FileReader.bytes(of: file),
            let json = try? JSONValue(parsing: bytes)
        else { return nil }
        func counts(_ key: String) -> [String: Int] {
            var table: [String: Int] = [:]
            for (key, value) in json[key]?.objectValue ?? [:] { table[key] = value.intValue ?? 0 }
            return table
        }
        func list(_ key: String) -> [Int] { json[key]?.arrayValue?.map { $0.intValue ?? 0 } ?? [] }
        var result = ChunkResult(
            number: number, read: json["read"]?.intValue ?? 0, dropped: counts("dropped"), failed: counts("failed"),
            stepIn: list("in"), stepOut: list("out"), samples: SampleBook(seed: seed, limit: limit))
        for (rule, samples) in json["samples"]?.objectValue ?? [:] {
            for sample in samples.arrayValue ?? [] {
                result.samples.insert(
                    SampleBook.Sample(
                        rank: UInt64(sample["rank"]?.stringValue ?? "") ?? 0, url: sample["url"]?.stringValue,
                        text: sample["text"]?.stringValue ?? "", value: sample["value"]?.doubleValue,
                        limit: sample["limit"]?.doubleValue), under: rule)
            }
        }
        return result
    }

    /// The pieces of a finished chunk, in order.
    func pieces(_ number: Int, pass: Int) throws -> [Piece] {
        let reader = try LineReader(path: name(pass, number) + ".jsonl.zst", limit: .max)
        var line: [UInt8] = []
        var result: [Piece] = []
        while try reader.next(into: &line) {
            let value = try JSONValue(parsing: line)
            if let origin = value.arrayValue?.first?.intValue, case .object(let fields)? = value.arrayValue?.last {
                result.append(Piece(origin: origin, page: Page(fields: fields)))
            }
        }
        return result
    }
}

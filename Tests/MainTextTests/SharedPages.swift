import Compression
import Files
import Glibc
import JSON
import Testing

/// The reference data beside the repository, or where `APUS_SHARED` says.
enum Shared {
    static let repository = #filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined()
    static let data = (getenv("APUS_SHARED").map { String(cString: $0) } ?? "\(repository)/../shared") + "/data"
    static var hasPages: Bool { FileReader.exists("\(data)/pages/manifest.jsonl") }
    static var hasEncodingTests: Bool { FileReader.exists("\(data)/html5lib/encoding/tests1.dat") }
    static var hasTexts: Bool { FileReader.exists("\(data)/langid/sentences.jsonl") }
    static let noPages: Comment = "../shared/data/pages is absent (set APUS_SHARED)"

    static func lines(_ path: String) throws -> [JSONValue] {
        try FileReader.bytes(of: path).split(separator: 0x0A).map { try JSONValue(parsing: Array($0)) }
    }
}

/// A page of `pages`, with what its manifest says.
struct SharedPage: Sendable {
    var id: String
    var set: String
    var file: String
    var encoding: String
    var pageType: String?
    var language: String?
    var truth: String
    var truthID: String
    var kinds: [String]

    static let all: [SharedPage] = {
        guard let lines = try? Shared.lines("\(Shared.data)/pages/manifest.jsonl") else { return [] }
        return lines.map { line in
            SharedPage(
                id: line["id"]?.stringValue ?? "", set: line["set"]?.stringValue ?? "",
                file: line["html"]?.stringValue ?? "", encoding: line["encoding"]?.stringValue ?? "",
                pageType: line["page_type"]?.stringValue, language: line["lang"]?.stringValue,
                truth: line["truth"]?.stringValue ?? "", truthID: line["truth_id"]?.stringValue ?? "",
                kinds: line["kind"]?.arrayValue?.compactMap(\.stringValue) ?? [])
        }
    }()

    func html() throws -> [UInt8] {
        let path = "\(Shared.data)/pages/\(file)"
        return try Decompressor.bytes(of: try FileReader.bytes(of: path), name: path)
    }
}

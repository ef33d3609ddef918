import Files
import Foundation
import JSON

/// The archives of other projects' test suites that stand beside the repository, with what two readers say of them.
enum SharedArchives {
    static let folder: String = {
        if let shared = ProcessInfo.processInfo.environment["APUS_SHARED"] { return shared + "/data/warc" }
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return root.path + "/../shared/data/warc"
    }()

    static var isThere: Bool { FileReader.exists(folder + "/manifest.jsonl") }

    struct Entry {
        var file: String
        var verdict: String
        var warcio: [String: Int]
        var fastWARC: [String: Int]
        var warcioFailed: Bool
        var pages: Int
        var digestsRight: Int
        var digestsWrong: Int
        var path: String { SharedArchives.folder + "/" + file }
    }

    static func entries() throws -> [Entry] {
        try FileReader.text(of: folder + "/manifest.jsonl").split(separator: "\n").map { line in
            let json = try JSONValue(parsing: String(line))
            func counts(_ key: String) -> [String: Int] {
                var result: [String: Int] = [:]
                for (key, value) in json[key]?.objectValue ?? [:] { result[key] = value.intValue }
                return result
            }
            return Entry(
                file: json["file"]?.stringValue ?? "", verdict: json["verdict"]?.stringValue ?? "",
                warcio: counts("records"), fastWARC: counts("records_fastwarc"),
                warcioFailed: json["warcio_error"]?.stringValue != nil, pages: json["html_responses"]?.intValue ?? 0,
                digestsRight: json["digests_ok"]?.intValue ?? 0, digestsWrong: json["digests_bad"]?.intValue ?? 0)
        }
    }
}

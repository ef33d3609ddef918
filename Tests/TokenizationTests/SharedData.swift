import Files
import Foundation
import JSON
import Testing

/// The reference data beside the repository, or where `APUS_SHARED` says.
enum SharedData {
    static let root: String = {
        if let path = ProcessInfo.processInfo.environment["APUS_SHARED"] { return path }
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return repository.deletingLastPathComponent().appendingPathComponent("shared").path
    }()

    static func path(_ name: String) -> String { root + "/data/" + name }

    static var hasTokenizers: Bool { FileReader.exists(path("tokenizers/lines.jsonl")) }
    static let absent: Comment = "../shared/data/tokenizers is absent (set APUS_SHARED)"

    static func lines(_ name: String) throws -> [JSONValue] {
        try FileReader.bytes(of: path(name)).split(separator: 0x0A).map { try JSONValue(parsing: Array($0)) }
    }
}

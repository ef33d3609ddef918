import Files
import Foundation
import Testing

/// The reference data beside the repository, or where `APUS_SHARED` says.
enum SharedHTML {
    static let root: String = {
        if let path = ProcessInfo.processInfo.environment["APUS_SHARED"] { return path }
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return repository.deletingLastPathComponent().appendingPathComponent("shared").path
    }()

    static var suite: String { root + "/data/html5lib" }
    static var isThere: Bool { FileReader.exists(suite + "/tokenizer/test1.test") }
    static let absent: Comment = "../shared/data/html5lib is absent (set APUS_SHARED)"

    /// Files of a folder with that ending, sorted.
    static func files(_ folder: String, _ ending: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: suite + "/" + folder).filter { $0.hasSuffix(ending) }
            .sorted()
            .map { suite + "/" + folder + "/" + $0 }
    }
}

import Files
import Foundation

/// A folder of the test's own, gone when the test is.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "apus-\(UUID().uuidString)"
        try Folder.create(path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

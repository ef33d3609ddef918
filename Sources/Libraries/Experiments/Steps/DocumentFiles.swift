import Compression
import Files
import JSON

/// A document as experiments use it: its text and where it comes from.
package struct Document: Sendable {
    package var text: String
    package var url: String?
}

/// Documents of JSON-lines files, one after the other.
package struct DocumentFiles: Sendable {
    var paths: [String]

    package init(paths: [String]) { self.paths = paths }

    /// Calls `body` with each document that has text, in order; checks for cancellation between documents.
    package func forEach(_ body: (Document) throws -> Void) throws {
        for path in paths {
            let lines = try LineReader(path: path)
            var line: [UInt8] = []
            while try lines.next(into: &line) {
                try Task.checkCancellation()
                if line.isEmpty { continue }
                let value: JSONValue
                do { value = try JSONValue(parsing: line) } catch {
                    throw ExperimentError.damagedStep(
                        path: Paths.split(path).folder, reason: "\(path):\(lines.lineNumber): \(error)")
                }
                guard let text = value["text"]?.stringValue, !text.isEmpty else { continue }
                try body(Document(text: text, url: value["url"]?.stringValue))
            }
        }
    }
}

/// Draws by hash: the same document gets the same number whatever comes before it.
enum Draw {
    /// A number below 2⁶⁴ that depends on the seed, the purpose, and the document's address (its text where it has none).
    static func number(_ document: Document, seed: UInt64, for purpose: String) -> UInt64 {
        let digest = SHA256.digest(Array("\(seed) \(purpose) \(document.url ?? document.text)".utf8))
        return UInt64(digest.prefix(16), radix: 16) ?? 0
    }
}

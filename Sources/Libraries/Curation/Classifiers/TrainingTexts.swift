import Compression
import JSON
import UnicodeText
import WebArchives

/// The texts of JSONL files as a classifier sees them: stripped, with one space for each end of a line.
///
/// Not `Sendable`: one task reads them.
final class TrainingTexts {
    private var files: ArraySlice<String>
    private var reader: LineReader?
    private var path = ""
    private var line: [UInt8] = []
    private static let python = PythonText()
    /// A line beyond this is counted as a failure.
    private static let lineLimit = 64 << 20

    /// Lines that gave no text, by reason.
    private(set) var failed: [String: Int] = [:]

    init(_ files: [String]) { self.files = files[...] }

    /// The next text that is not blank; nil at the end.
    ///
    /// - Throws: `ClassifierError.noLines` for an archive; `FileError`. Damage is counted, and ends its file.
    func next() throws -> String? {
        while true {
            guard let reader else {
                guard let file = files.popFirst() else { return nil }
                try open(file)
                continue
            }
            do {
                guard try reader.next(into: &line) else {
                    self.reader = nil
                    continue
                }
            } catch let error as CompressionError {
                if case .lineTooLong = error {
                    fail("line too long")
                } else {
                    fail(ArchiveError.packing(error).reason)
                    self.reader = nil
                }
                continue
            }
            if line.allSatisfy({ $0 == 32 || $0 == 9 }) { continue }
            guard let value = try? JSONValue(parsing: line) else {
                fail("invalid JSON")
                continue
            }
            guard let text = value["text"]?.stringValue else {
                fail("no text")
                continue
            }
            let flat = Self.flattened(text)
            if flat.isEmpty { fail("blank text") } else { return flat }
        }
    }

    private func open(_ file: String) throws {
        path = file
        do {
            guard try PoolFiles.kind(of: file) == .lines else { throw ClassifierError.noLines(file: file) }
            reader = try LineReader(path: file, limit: Self.lineLimit)
        } catch let error as CompressionError {
            fail(ArchiveError.packing(error).reason)
        }
    }

    private func fail(_ reason: String) { failed[reason, default: 0] += 1 }

    /// As the quality classifier's texts are made, in training and in scoring.
    static func flattened(_ text: String) -> String {
        let bytes = Array(text.utf8)
        let span = bytes.span
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for line in python.splitLines(span, python.strip(span, 0..<bytes.count)) {
            if !result.isEmpty { result.append(32) }
            result.append(contentsOf: bytes[line])
        }
        return String(decoding: result, as: UTF8.self)
    }
}

import Compression
import Files
import JSON

/// The documents of JSON-lines files, packed or plain: the text under `text` of each line.
///
/// Not `Sendable`: one task uses one.
final class DocumentReader {
    /// Why a line holds no document.
    enum Failure: String, CaseIterable {
        case notJSON = "not JSON"
        case noText = "no text"
        case lineTooLong = "line too long"
    }

    enum Line {
        case document(String)
        case failure(Failure)
    }

    private let reader: LineReader
    private var line: [UInt8] = []

    init(_ path: String) throws { reader = try LineReader(path: path) }

    /// Packed bytes read so far.
    var offset: Int { reader.sourceOffset }

    /// The next line that is not empty; nil at the end.
    ///
    /// - Throws: `FileError` and `CompressionError`, where the file cannot be read on.
    func next() throws -> Line? {
        while true {
            do {
                guard try reader.next(into: &line) else { return nil }
            } catch CompressionError.lineTooLong {
                return .failure(.lineTooLong)
            }
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
            guard let value = try? JSONValue(parsing: line), value.objectValue != nil else { return .failure(.notJSON) }
            guard let text = value["text"]?.stringValue else { return .failure(.noText) }
            return .document(text)
        }
    }

    /// The size of files in bytes, for progress; what cannot be looked at counts as nothing.
    static func size(_ paths: [String]) -> Int {
        paths.reduce(0) { $0 + ((try? FileReader($1))?.size ?? 0) }
    }
}

/// How far reading documents has come.
public struct DocumentProgress: Sendable, Hashable {
    public var documents: Int
    /// Bytes of the input files, packed.
    public var bytes: Int
    public var totalBytes: Int
}

import Files
import Foundation
import JSON
import LanguageIdentification

/// The golden data of the DataComp-LM reference, beside the repository.
enum ReferenceData {
    static let folder: String = {
        let shared =
            ProcessInfo.processInfo.environment["APUS_SHARED"]
            ?? URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../shared").standardized
            .path()
        return (shared.hasSuffix("/") ? String(shared.dropLast()) : shared) + "/data/dclm_reference"
    }()

    static func has(_ file: String) -> Bool { FileManager.default.fileExists(atPath: folder + "/" + file) }

    /// Whether the models that some steps and normalisers need are installed.
    static let hasModels = ["sentence-rules.bin", "punkt-english.tsv", "transliteration.tsv", "lid.176.ftz"].allSatisfy
    {
        (try? InstalledModels.path(of: $0)) != nil
    }

    static func lines(_ file: String) throws -> [JSONObject] {
        let bytes = try FileReader.bytes(of: folder + "/" + file)
        return try bytes.split(separator: 0x0A).map { line in
            try JSONValue(parsing: Array(line)).objectValue ?? [:]
        }
    }
}

extension JSONValue {
    /// The value with object members sorted, for comparison by bytes; numbers as doubles.
    var canonical: String {
        switch self {
        case .object(let object):
            let members = object.map { (JSONValue.string($0.key).text(), $0.value.canonical) }.sorted { $0.0 < $1.0 }
            return "{" + members.map { $0.0 + ":" + $0.1 }.joined(separator: ",") + "}"
        case .array(let elements): return "[" + elements.map(\.canonical).joined(separator: ",") + "]"
        case .integer(let value): return JSONValue(Double(value)).text()
        default: return text()
        }
    }

    func isIdentical(to other: JSONValue) -> Bool { canonical.utf8.elementsEqual(other.canonical.utf8) }
}

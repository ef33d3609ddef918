import Files
import LanguageIdentification
import UnicodeText

/// What stands for characters in ASCII: Unidecode's tables, which `Scripts/install-models` puts into `.deps/models`.
package struct Transliteration: Sendable {
    /// Where each scalar's text starts in `texts`, with the length in the low byte; 0: nothing stands for it.
    private let places: [UInt32]
    private let texts: [UInt8]

    static let file = "transliteration.tsv"

    /// The installed tables, read at first use.
    static let installed: Result<Transliteration, CurationError> = {
        do {
            return .success(try Transliteration(contentsOf: try InstalledModels.path(of: file)))
        } catch {
            return .failure(.modelUnavailable(step: "ccnet_dedup_normalizer", reason: "\(error)"))
        }
    }()

    /// - Throws: `FileError`; `CurationError.modelUnavailable` for a line that is no scalar, tab and text.
    init(contentsOf path: String) throws {
        var places = [UInt32](repeating: 0, count: 0x20000)
        var texts: [UInt8] = [0]
        for (index, line) in try FileReader.bytes(of: path).split(separator: 0x0A).enumerated() {
            let damaged = CurationError.modelUnavailable(
                step: "ccnet_dedup_normalizer",
                reason: "\(path):\(index + 1) is damaged. Remove the file and run Scripts/install-models.")
            guard let tab = line.firstIndex(of: 0x09),
                let scalar = Int(String(decoding: line[..<tab], as: UTF8.self), radix: 16),
                places.indices.contains(scalar)
            else { throw damaged }
            let start = texts.count
            var isEscaped = false
            for byte in line[(tab + 1)...] {
                if isEscaped {
                    texts.append(byte == UInt8(ascii: "n") ? 0x0A : byte == UInt8(ascii: "t") ? 0x09 : byte)
                } else if byte != 0x5C {
                    texts.append(byte)
                }
                isEscaped = !isEscaped && byte == 0x5C
            }
            guard texts.count - start < 256, start < 1 << 24 else { throw damaged }
            places[scalar] = UInt32(start) << 8 | UInt32(texts.count - start)
        }
        self.places = places
        self.texts = texts
    }

    func append(_ scalar: UInt32, to output: inout [UInt8]) {
        if scalar < 0x80 {
            output.append(UInt8(scalar))
        } else if scalar < 0x20000 {
            let place = places[Int(scalar)]
            output.append(contentsOf: texts[Int(place >> 8)..<Int(place >> 8) + Int(place & 0xFF)])
        }
    }
}

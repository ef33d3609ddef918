import CCLD2

/// CLD2, the Compact Language Detector, with the full tables.
struct CompactLanguageDetector: Sendable {
    /// A language and its share of the text, 0…1.
    struct Answer: Sendable, Hashable {
        var code: String
        var share: Double
    }

    /// Up to three languages, best first. Text that CLD2 refuses for control characters is tried again without them.
    ///
    /// - Parameter text: at most 2³¹ − 1 bytes are looked at.
    func detect(_ text: UnsafeBufferPointer<UInt8>) -> [Answer] {
        guard let start = text.baseAddress, !text.isEmpty else { return [] }
        let length = Int32(clamping: text.count)
        let answer = start.withMemoryRebound(to: CChar.self, capacity: text.count) { ccld2_detect($0, length) }
        if answer.valid_bytes == length { return Self.answers(answer) }
        // `String` repairs UTF-8; what CLD2 refuses beyond that are control characters and non-characters.
        var cleaned = String.UnicodeScalarView()
        for scalar in String(decoding: text, as: UTF8.self).unicodeScalars {
            cleaned.append(Self.isRefused(scalar) ? " " : scalar)
        }
        var repaired = String(cleaned)
        return repaired.withUTF8 { bytes in
            guard let start = bytes.baseAddress, !bytes.isEmpty else { return [] }
            return start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                Self.answers(ccld2_detect($0, Int32(clamping: bytes.count)))
            }
        }
    }

    private static func isRefused(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 32 || (0x7F...0x9F).contains(scalar.value) || scalar.properties.isNoncharacterCodePoint
    }

    private static func answers(_ answer: ccld2_answer) -> [Answer] {
        [(answer.code.0, answer.percent.0), (answer.code.1, answer.percent.1), (answer.code.2, answer.percent.2)]
            .compactMap { code, percent in
                let code = String(cString: code)
                return code == "un" || percent <= 0 ? nil : Answer(code: code, share: Double(percent) / 100)
            }
    }

    /// Every code that CLD2 can answer with.
    static let codes: [String] = {
        var codes: [String] = []
        while let code = ccld2_language(Int32(codes.count)) { codes.append(String(cString: code)) }
        return codes
    }()
}

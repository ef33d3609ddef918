/// What tokenizer patterns ask of a character: `\p{L}`, `\p{N}`, `\s`, or none of them.
enum PieceClass: UInt8, Sendable {
    case other = 0
    case letter = 1
    case number = 2
    case space = 3

    /// The class of a scalar by Unicode 16, whatever newer version the Swift library knows.
    ///
    /// Pinned, because the regular-expression library under PyPI's `tokenizers` stands at that version: letters that
    /// came later would otherwise change token ids.
    init(_ scalar: Unicode.Scalar) {
        let properties = scalar.properties
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            self = Self.isKnown(properties) ? .letter : .other
        case .decimalNumber, .letterNumber, .otherNumber:
            self = Self.isKnown(properties) ? .number : .other
        case .spaceSeparator, .lineSeparator, .paragraphSeparator, .control:
            self = properties.isWhitespace ? .space : .other
        default:
            self = .other
        }
    }

    private static func isKnown(_ properties: Unicode.Scalar.Properties) -> Bool {
        guard let age = properties.age else { return false }
        return age.major <= 16
    }
}

/// The classes of planes 0 and 1, one byte a scalar, for scanners that cannot afford a property lookup.
///
/// Made once, at first use, from the Swift library's properties (some 5 ms); scalars beyond the table are looked up.
struct PieceClassTable: Sendable {
    /// Scalars below this value have an entry.
    static let limit: UInt32 = 0x20000

    static let shared = PieceClassTable()

    /// `PieceClass.rawValue` of scalar `i`; of length `limit`.
    let classes: [UInt8]

    private init() {
        var classes = [UInt8](repeating: PieceClass.other.rawValue, count: Int(Self.limit))
        // Blocks whose scalars are letters one and all (CJK ideographs, Hangul syllables) need no lookup.
        let letters: [ClosedRange<UInt32>] = [0x3400...0x4DBF, 0x4E00...0x9FFF, 0xAC00...0xD7A3]
        for value in 0..<Self.limit {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let isLetter = value >= 0x3400 && letters.contains { $0.contains(value) }
            classes[Int(value)] = isLetter ? PieceClass.letter.rawValue : PieceClass(scalar).rawValue
        }
        self.classes = classes
    }
}

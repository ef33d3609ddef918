/// What a scalar is, as bits: general categories and the properties that Python's `str` methods ask for.
@frozen
public struct ScalarClass: OptionSet, Sendable {
    public let rawValue: UInt16
    @inlinable @inline(__always) public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// General category L*: `\p{L}`, Python's `isalpha`.
    public static let letter = ScalarClass(rawValue: 1)
    /// General category N*: `\p{N}`.
    public static let number = ScalarClass(rawValue: 2)
    /// General category M*.
    public static let mark = ScalarClass(rawValue: 4)
    /// General category P*.
    public static let punctuation = ScalarClass(rawValue: 8)
    /// General category S*.
    public static let symbol = ScalarClass(rawValue: 16)
    /// Numeric type decimal: `\d`, Python's `isdecimal`.
    public static let decimal = ScalarClass(rawValue: 32)
    /// Numeric type digit or decimal: Python's `isdigit`.
    public static let digit = ScalarClass(rawValue: 64)
    /// Letter, or any numeric type: Python's `isalnum`, and `\w` but for `_`.
    public static let alphanumeric = ScalarClass(rawValue: 128)
    /// Uppercase: Python's `isupper` of one character.
    public static let uppercase = ScalarClass(rawValue: 256)
    /// White_Space.
    public static let whiteSpace = ScalarClass(rawValue: 512)
    /// White_Space and U+001C … 001F: Python's `isspace`, `split` and `strip`; `\s` in its regular expressions.
    public static let pythonSpace = ScalarClass(rawValue: 1024)
    /// Cased, and Case_Ignorable: what decides between σ and ς.
    public static let cased = ScalarClass(rawValue: 2048)
    public static let caseIgnorable = ScalarClass(rawValue: 4096)
    /// The lower-case mapping differs from the scalar.
    public static let changesWhenLowercased = ScalarClass(rawValue: 8192)
    /// Lowercase: Python's `islower` of one character.
    public static let lowercase = ScalarClass(rawValue: 16384)
}

/// The classes of every scalar, in two levels: 256 scalars a block, equal blocks stored once (about 60 KB).
///
/// Made once from the standard library's Unicode data, in some 40 ms; a lookup is two loads.
public struct ScalarClassTable: Sendable {
    @usableFromInline let blocks: [UInt16]
    @usableFromInline let classes: [ScalarClass]

    /// The table for the standard library's version of Unicode.
    public static let standard = ScalarClassTable(classOf: ScalarClass.init(of:))

    init(classOf: (Unicode.Scalar) -> ScalarClass) {
        var blocks: [UInt16] = []
        var classes: [ScalarClass] = []
        var known: [[UInt16]: UInt16] = [:]
        for block in 0..<(0x110000 >> 8) {
            // Planes 4 … 13 and 15 … 16 hold no assigned scalars: one empty block stands for all of them.
            let assigned = block < 0x400 || 0xE00..<0xE02 ~= block
            let values = (0..<256).map { low -> UInt16 in
                guard assigned, let scalar = Unicode.Scalar(UInt32(block << 8 | low)) else { return 0 }
                return classOf(scalar).rawValue
            }
            if let index = known[values] {
                blocks.append(index)
            } else {
                let index = UInt16(classes.count >> 8)
                known[values] = index
                blocks.append(index)
                classes.append(contentsOf: values.map(ScalarClass.init(rawValue:)))
            }
        }
        self.blocks = blocks
        self.classes = classes
    }

    /// The class of a scalar; empty above U+10FFFF. Complexity: O(1).
    @inlinable @inline(__always)
    public subscript(scalar: UInt32) -> ScalarClass {
        let block = Int(scalar >> 8)
        guard block < blocks.count else { return [] }
        return classes[Int(blocks[block]) << 8 | Int(scalar & 0xFF)]
    }
}

extension ScalarClass {
    init(of scalar: Unicode.Scalar) {
        let properties = scalar.properties
        self = []
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter:
            formUnion([.letter, .alphanumeric])
        case .decimalNumber, .letterNumber, .otherNumber: insert(.number)
        case .nonspacingMark, .spacingMark, .enclosingMark: insert(.mark)
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            insert(.punctuation)
        case .mathSymbol, .currencySymbol, .modifierSymbol, .otherSymbol: insert(.symbol)
        case .unassigned: return
        default: break
        }
        if let type = properties.numericType {
            insert(.alphanumeric)
            if type == .decimal { formUnion([.decimal, .digit]) }
            if type == .digit { insert(.digit) }
        }
        if properties.isUppercase { insert(.uppercase) }
        if properties.isLowercase { insert(.lowercase) }
        if properties.isWhitespace { formUnion([.whiteSpace, .pythonSpace]) }
        if 0x1C...0x1F ~= scalar.value { insert(.pythonSpace) }
        if properties.isCased { insert(.cased) }
        if properties.isCaseIgnorable { insert(.caseIgnorable) }
        if properties.changesWhenLowercased { insert(.changesWhenLowercased) }
    }
}

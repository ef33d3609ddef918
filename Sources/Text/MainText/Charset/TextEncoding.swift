/// An encoding of the web (WHATWG Encoding, 4.2). The raw value is its name in lower case.
public enum TextEncoding: String, Sendable, CaseIterable {
    case utf8 = "utf-8"
    case utf16BE = "utf-16be"
    case utf16LE = "utf-16le"
    case ibm866
    case iso8859_2 = "iso-8859-2"
    case iso8859_3 = "iso-8859-3"
    case iso8859_4 = "iso-8859-4"
    case iso8859_5 = "iso-8859-5"
    case iso8859_6 = "iso-8859-6"
    case iso8859_7 = "iso-8859-7"
    case iso8859_8 = "iso-8859-8"
    case iso8859_8I = "iso-8859-8-i"
    case iso8859_10 = "iso-8859-10"
    case iso8859_13 = "iso-8859-13"
    case iso8859_14 = "iso-8859-14"
    case iso8859_15 = "iso-8859-15"
    case iso8859_16 = "iso-8859-16"
    case koi8R = "koi8-r"
    case koi8U = "koi8-u"
    case macintosh
    case windows874 = "windows-874"
    case windows1250 = "windows-1250"
    case windows1251 = "windows-1251"
    case windows1252 = "windows-1252"
    case windows1253 = "windows-1253"
    case windows1254 = "windows-1254"
    case windows1255 = "windows-1255"
    case windows1256 = "windows-1256"
    case windows1257 = "windows-1257"
    case windows1258 = "windows-1258"
    case macCyrillic = "x-mac-cyrillic"
    case gbk
    case gb18030
    case big5
    case eucJP = "euc-jp"
    case iso2022JP = "iso-2022-jp"
    case shiftJIS = "shift_jis"
    case eucKR = "euc-kr"
    /// Encodings that are unsafe to decode; a page that names one is read by what its bytes look like.
    case replacement
    case userDefined = "x-user-defined"

    /// The encoding with a label, white space around it and case aside. Complexity: O(length).
    public init?(label: some Sequence<UInt8>) {
        var trimmed = label.map(ASCIIByte.lower)
        while let last = trimmed.last, ASCIIByte.isSpace(last) { trimmed.removeLast() }
        let start = trimmed.firstIndex { !ASCIIByte.isSpace($0) } ?? trimmed.count
        guard let found = Self.byLabel[String(decoding: trimmed[start...], as: UTF8.self)] else { return nil }
        self = found
    }

    private static let byLabel: [String: TextEncoding] = {
        var result: [String: TextEncoding] = [:]
        for (encoding, labels) in EncodingLabels.table {
            for label in labels.split(separator: " ") { result[String(label)] = encoding }
        }
        return result
    }()

    /// The scalars of bytes 0x80 … 0xFF, for encodings of one byte a character.
    var upperHalf: [UInt16]? {
        switch self {
        case .ibm866: SingleByteTables.ibm866
        case .iso8859_2: SingleByteTables.iso8859_2
        case .iso8859_3: SingleByteTables.iso8859_3
        case .iso8859_4: SingleByteTables.iso8859_4
        case .iso8859_5: SingleByteTables.iso8859_5
        case .iso8859_6: SingleByteTables.iso8859_6
        case .iso8859_7: SingleByteTables.iso8859_7
        case .iso8859_8, .iso8859_8I: SingleByteTables.iso8859_8
        case .iso8859_10: SingleByteTables.iso8859_10
        case .iso8859_13: SingleByteTables.iso8859_13
        case .iso8859_14: SingleByteTables.iso8859_14
        case .iso8859_15: SingleByteTables.iso8859_15
        case .iso8859_16: SingleByteTables.iso8859_16
        case .koi8R: SingleByteTables.koi8R
        case .koi8U: SingleByteTables.koi8U
        case .macintosh: SingleByteTables.macintosh
        case .windows874: SingleByteTables.windows874
        case .windows1250: SingleByteTables.windows1250
        case .windows1251: SingleByteTables.windows1251
        case .windows1252: SingleByteTables.windows1252
        case .windows1253: SingleByteTables.windows1253
        case .windows1254: SingleByteTables.windows1254
        case .windows1255: SingleByteTables.windows1255
        case .windows1256: SingleByteTables.windows1256
        case .windows1257: SingleByteTables.windows1257
        case .windows1258: SingleByteTables.windows1258
        case .macCyrillic: SingleByteTables.macCyrillic
        case .userDefined: Self.privateUse
        case .utf8, .utf16BE, .utf16LE, .gbk, .gb18030, .big5, .eucJP, .iso2022JP, .shiftJIS, .eucKR, .replacement: nil
        }
    }

    /// Whether the letters beyond ASCII are Latin ones.
    var isLatin: Bool {
        switch self {
        case .windows1250, .windows1252, .windows1254, .windows1257, .windows1258, .macintosh, .iso8859_2, .iso8859_3,
            .iso8859_4, .iso8859_10, .iso8859_13, .iso8859_14, .iso8859_15, .iso8859_16:
            true
        default: false
        }
    }

    private static let privateUse: [UInt16] = (0..<128).map { 0xF780 + $0 }
}

/// Classes of ASCII bytes as HTML and HTTP use them.
enum ASCIIByte {
    @inline(__always) static func lower(_ byte: UInt8) -> UInt8 { byte &- 65 < 26 ? byte | 0x20 : byte }
    /// HTML's white space: tab, line feed, form feed, carriage return, space.
    @inline(__always) static func isSpace(_ byte: UInt8) -> Bool {
        byte == 32 || byte == 10 || byte == 9 || byte == 13 || byte == 12
    }
    @inline(__always) static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 97 < 26 }
    @inline(__always) static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }
}

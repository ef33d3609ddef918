/// Why bytes are not a JSON value. Offsets count bytes from 0.
public enum JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    case unexpectedEnd(offset: Int)
    case unexpectedByte(UInt8, offset: Int)
    case invalidNumber(offset: Int)
    case invalidEscape(offset: Int)
    case invalidUTF8(offset: Int)
    case controlCharacter(UInt8, offset: Int)
    case tooDeep(limit: Int, offset: Int)
    case trailingBytes(offset: Int)

    public var description: String {
        switch self {
        case .unexpectedEnd(let offset): "the JSON ends early, at byte \(offset)"
        case .unexpectedByte(let byte, let offset): "unexpected \(Self.name(byte)) at byte \(offset) of the JSON"
        case .invalidNumber(let offset): "not a JSON number at byte \(offset)"
        case .invalidEscape(let offset): "unknown escape in a JSON string at byte \(offset)"
        case .invalidUTF8(let offset): "the JSON string that starts at byte \(offset) is not UTF-8"
        case .controlCharacter(let byte, let offset):
            "control character \(Self.name(byte)) in a JSON string at byte \(offset); it must be escaped"
        case .tooDeep(let limit, let offset): "the JSON nests more than \(limit) deep at byte \(offset)"
        case .trailingBytes(let offset): "something follows the JSON value at byte \(offset)"
        }
    }

    private static func name(_ byte: UInt8) -> String {
        (0x21...0x7E).contains(byte) ? "‘\(Character(UnicodeScalar(byte)))’" : "0x" + String(byte, radix: 16)
    }
}

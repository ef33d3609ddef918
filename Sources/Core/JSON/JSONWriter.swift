extension JSONValue {
    /// How values are laid out.
    public enum Style: Sendable {
        /// One line without spaces.
        case compact
        /// Two spaces of indentation a level, for people.
        case indented
    }

    /// The value as JSON text. Text stays UTF-8; only `"`, `\` and control characters are escaped.
    ///
    /// `.nan` and infinite numbers are written as `null`, since JSON has no words for them.
    public func text(_ style: Style = .compact) -> String {
        var bytes: [UInt8] = []
        write(to: &bytes, style)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Appends the value as JSON to a buffer, which the caller can reuse.
    ///
    /// - Complexity: O(bytes written).
    public func write(to bytes: inout [UInt8], _ style: Style = .compact) {
        var writer = JSONWriter(bytes: bytes, style: style)
        bytes = []
        writer.write(self, depth: 0)
        bytes = writer.bytes
    }
}

struct JSONWriter {
    var bytes: [UInt8]
    let style: JSONValue.Style

    mutating func write(_ value: JSONValue, depth: Int) {
        switch value {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let value): bytes.append(contentsOf: value ? "true".utf8 : "false".utf8)
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .number(let value):
            guard value.isFinite else { return bytes.append(contentsOf: "null".utf8) }
            bytes.append(contentsOf: "\(value)".utf8)
        case .string(let value): write(value)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (offset, element) in elements.enumerated() {
                separate(offset, depth: depth + 1)
                write(element, depth: depth + 1)
            }
            close(UInt8(ascii: "]"), isEmpty: elements.isEmpty, depth: depth)
        case .object(let object):
            bytes.append(UInt8(ascii: "{"))
            for (offset, member) in object.enumerated() {
                separate(offset, depth: depth + 1)
                write(member.key)
                bytes.append(UInt8(ascii: ":"))
                if style == .indented { bytes.append(UInt8(ascii: " ")) }
                write(member.value, depth: depth + 1)
            }
            close(UInt8(ascii: "}"), isEmpty: object.isEmpty, depth: depth)
        }
    }

    private mutating func separate(_ offset: Int, depth: Int) {
        if offset > 0 { bytes.append(UInt8(ascii: ",")) }
        if style == .indented { breakLine(depth: depth) }
    }

    private mutating func close(_ bracket: UInt8, isEmpty: Bool, depth: Int) {
        if style == .indented, !isEmpty { breakLine(depth: depth) }
        bytes.append(bracket)
    }

    private mutating func breakLine(depth: Int) {
        bytes.append(UInt8(ascii: "\n"))
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: depth * 2))
    }

    private mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { source in
            bytes.append(UInt8(ascii: "\""))
            var run = 0
            for position in source.indices {
                let byte = source[position]
                guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
                bytes.append(contentsOf: source[run..<position])
                run = position + 1
                escape(byte)
            }
            bytes.append(contentsOf: source[run...])
            bytes.append(UInt8(ascii: "\""))
        }
    }

    private mutating func escape(_ byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        default:
            bytes.append(contentsOf: "u00".utf8)
            for digit in [byte >> 4, byte & 15] { bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit) }
        }
    }
}

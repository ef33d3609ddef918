/// Why bytes are not the value that was asked for, or a value cannot become bytes.
public enum CodingError: Error, Sendable, Codable, Equatable, CustomStringConvertible {
    /// The bytes end inside the value that starts at `offset`.
    case truncated(offset: Int)
    /// A length or count at `offset` is larger than the bytes that are left.
    case lengthOutOfBounds(offset: Int, length: UInt64, available: Int)
    /// Another kind of value than the one asked for.
    case typeMismatch(path: String, expected: String, found: String)
    /// A number that the type asked for cannot hold.
    case numberOutOfRange(path: String, type: String)
    /// A key that the type needs is absent.
    case keyNotFound(path: String, key: String)
    /// A list has fewer elements than the type needs.
    case endOfList(path: String)
    /// A byte that starts no value.
    case unknownTag(offset: Int, tag: UInt8)
    /// A string that is not UTF-8.
    case invalidUTF8(offset: Int)
    /// Bytes remain after the value.
    case trailingBytes(offset: Int, count: Int)
    /// Values nested beyond the limit.
    case tooDeep(limit: Int)
    /// A value larger than the format's limit of 2³² − 1 bytes per container.
    case tooLarge(bytes: Int)
    /// A type name that is not one, or that names no type of the expected kind in this program.
    case unknownType(name: String, expected: String)
    /// A type that cannot be found by its name: a private or local one.
    case unnamableType(String)
    /// A reference that did not travel with the value.
    case missingReference(index: Int)
    /// What the type's own `init(from:)` or `encode(to:)` threw.
    case rejected(path: String, reason: String)

    public var description: String {
        switch self {
        case .truncated(let offset):
            "The bytes end inside the value that starts at byte \(offset): the message was cut. Send it again."
        case .lengthOutOfBounds(let offset, let length, let available):
            "The length \(length) at byte \(offset) exceeds the \(available) bytes left: the message is damaged."
        case .typeMismatch(let path, let expected, let found):
            "\(path): expected \(expected), found \(found). Both sides must run the same program."
        case .numberOutOfRange(let path, let type):
            "\(path): the number does not fit into \(type)."
        case .keyNotFound(let path, let key):
            "\(path): the key `\(key)` is absent. Both sides must run the same program."
        case .endOfList(let path):
            "\(path): the list ends early. Both sides must run the same program."
        case .unknownTag(let offset, let tag):
            "Byte \(offset) is \(tag), which starts no value: the message is damaged."
        case .invalidUTF8(let offset):
            "The string at byte \(offset) is not UTF-8: the message is damaged."
        case .trailingBytes(let offset, let count):
            "\(count) bytes follow the value, from byte \(offset) on: the message is damaged."
        case .tooDeep(let limit):
            "Values are nested more than \(limit) deep."
        case .tooLarge(let bytes):
            "A container of \(bytes) bytes exceeds the limit of 4 GiB. Split the value."
        case .unknownType(let name, let expected):
            "`\(name)` names no \(expected) in this program. Build both sides from the same sources; where the program "
                + "was built anew while it ran, start it again."
        case .unnamableType(let name):
            "`\(name)` cannot be found by its name. Declare it outside functions, and neither private nor fileprivate."
        case .missingReference(let index):
            "The reference \(index) did not travel with the value. References are encoded only by the runtime itself."
        case .rejected(let path, let reason):
            path.isEmpty ? reason : "\(path): \(reason)"
        }
    }
}

/// Reads what `BinaryEncoder` wrote.
///
/// The bytes may come from anyone: every length is checked against the bytes that are there before anything is
/// allocated, nesting is limited, and whatever does not fit is a `CodingError`.
///
/// Complexity: O(bytes), where the keys of a map are asked for in the order in which they were written, as synthesised
/// conformances do; O(keys²) per map at worst.
public struct BinaryDecoder: Sendable {
    /// What values find in their decoder's `userInfo`.
    public var userInfo: [CodingUserInfoKey: any Sendable] = [:]

    public init() {}

    /// The value that the bytes hold, all of them.
    public func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws(CodingError) -> Value {
        let reader = BinaryReader(bytes: bytes, userInfo: userInfo)
        do {
            var cursor = try reader.readKeys()
            let value = try reader.decode(type, at: &cursor, depth: 0, path: [])
            guard cursor == bytes.count else {
                throw CodingError.trailingBytes(offset: cursor, count: bytes.count - cursor)
            }
            return value
        } catch let error as CodingError {
            throw error
        } catch let error as DecodingError {
            throw .rejected(path: "", reason: Self.reason(error))
        } catch {
            throw .rejected(path: "", reason: "\(error)")
        }
    }

    private static func reason(_ error: DecodingError) -> String {
        switch error {
        case .dataCorrupted(let context), .keyNotFound(_, let context), .typeMismatch(_, let context),
            .valueNotFound(_, let context):
            "\(describe(context.codingPath)): \(context.debugDescription)"
        @unknown default: "\(error)"
        }
    }
}

/// The bytes of one message with its keys. Positions are the callers'.
final class BinaryReader {
    let bytes: [UInt8]
    private(set) var keys: [String] = []
    let userInfo: [CodingUserInfoKey: any Sendable]

    init(bytes: [UInt8], userInfo: [CodingUserInfoKey: any Sendable]) {
        self.bytes = bytes
        self.userInfo = userInfo
    }

    /// Reads the table of keys and returns where the value begins.
    func readKeys() throws -> Int {
        var cursor = 0
        let count = try readLength(at: &cursor, unit: 1)
        keys.reserveCapacity(min(count, 1024))
        for _ in 0..<count { keys.append(try readText(at: &cursor)) }
        return cursor
    }

    // MARK: Plain values

    func tag(at cursor: Int) throws -> UInt8 {
        guard cursor < bytes.count else { throw CodingError.truncated(offset: cursor) }
        return bytes[cursor]
    }

    func readVarint(at cursor: inout Int) throws -> UInt64 {
        let start = cursor
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            guard cursor < bytes.count else { throw CodingError.truncated(offset: start) }
            let byte = bytes[cursor]
            cursor += 1
            // The tenth byte holds the one bit that is left of 64.
            guard shift < 63 || byte <= 1 else { throw CodingError.unknownTag(offset: start, tag: byte) }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
    }

    /// A count of things of `unit` bytes each, which are all there.
    func readLength(at cursor: inout Int, unit: Int) throws -> Int {
        let start = cursor
        let length = try readVarint(at: &cursor)
        let available = bytes.count - cursor
        guard length <= UInt64(available / unit) else {
            throw CodingError.lengthOutOfBounds(offset: start, length: length, available: available)
        }
        return Int(length)
    }

    func readText(at cursor: inout Int) throws -> String {
        let start = cursor
        let length = try readLength(at: &cursor, unit: 1)
        guard let text = String(validating: bytes[cursor..<cursor + length], as: UTF8.self) else {
            throw CodingError.invalidUTF8(offset: start)
        }
        cursor += length
        return text
    }

    private func readWord<Word: FixedWidthInteger & BitwiseCopyable>(_ type: Word.Type, at cursor: inout Int) throws
        -> Word
    {
        let width = MemoryLayout<Word>.size
        guard bytes.count - cursor >= width else { throw CodingError.truncated(offset: cursor) }
        let word = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: cursor, as: Word.self) }
        cursor += width
        return Word(littleEndian: word)
    }

    /// The end of the container whose tag is at `cursor`, which moves to its first value.
    func enter(_ expected: UInt8, at cursor: inout Int, path: [any CodingKey]) throws -> Int {
        let found = try tag(at: cursor)
        guard found == expected else { throw mismatch(BinaryFormat.kind(expected), found: found, path: path) }
        let start = cursor
        cursor += 1
        let length = Int(try readWord(UInt32.self, at: &cursor))
        guard length <= bytes.count - cursor else {
            throw CodingError.lengthOutOfBounds(offset: start, length: UInt64(length), available: bytes.count - cursor)
        }
        return cursor + length
    }

    func mismatch(_ expected: String, found: UInt8, path: [any CodingKey]) -> CodingError {
        .typeMismatch(path: describe(path), expected: expected, found: BinaryFormat.kind(found))
    }

    /// Moves behind the value at `cursor`. Complexity: O(1).
    func skip(at cursor: inout Int) throws {
        let start = cursor
        let tag = try tag(at: cursor)
        cursor += 1
        switch tag {
        case BinaryFormat.Tag.null, BinaryFormat.Tag.no, BinaryFormat.Tag.yes, BinaryFormat.Tag.small...: break
        case BinaryFormat.Tag.signed, BinaryFormat.Tag.unsigned: _ = try readVarint(at: &cursor)
        case BinaryFormat.Tag.float: try advance(&cursor, by: 4)
        case BinaryFormat.Tag.double: try advance(&cursor, by: 8)
        case BinaryFormat.Tag.wide: try advance(&cursor, by: 17)
        case BinaryFormat.Tag.string: try advance(&cursor, by: try readLength(at: &cursor, unit: 1))
        case BinaryFormat.Tag.packed:
            let code = try self.tag(at: cursor)
            cursor += 1
            guard let element = BinaryFormat.Element(rawValue: code) else {
                throw CodingError.unknownTag(offset: start + 1, tag: code)
            }
            try advance(&cursor, by: try readLength(at: &cursor, unit: element.width) * element.width)
        case BinaryFormat.Tag.list, BinaryFormat.Tag.map:
            var inner = start
            cursor = try enter(tag, at: &inner, path: [])
        default: throw CodingError.unknownTag(offset: start, tag: tag)
        }
    }

    private func advance(_ cursor: inout Int, by count: Int) throws {
        guard bytes.count - cursor >= count else { throw CodingError.truncated(offset: cursor) }
        cursor += count
    }

    func readBool(at cursor: inout Int, path: [any CodingKey]) throws -> Bool {
        switch try tag(at: cursor) {
        case BinaryFormat.Tag.no: cursor += 1; return false
        case BinaryFormat.Tag.yes: cursor += 1; return true
        case let found: throw mismatch("a truth value", found: found, path: path)
        }
    }

    func readInteger<Number: FixedWidthInteger>(
        _ type: Number.Type, at cursor: inout Int, path: [any CodingKey]
    ) throws -> Number {
        let tag = try tag(at: cursor)
        let number: Number?
        switch tag {
        case BinaryFormat.Tag.small...:
            cursor += 1
            number = Number(exactly: tag - BinaryFormat.Tag.small)
        case BinaryFormat.Tag.signed:
            cursor += 1
            let raw = try readVarint(at: &cursor)
            number = Number(exactly: Int64(bitPattern: raw >> 1) ^ -Int64(bitPattern: raw & 1))
        case BinaryFormat.Tag.unsigned:
            cursor += 1
            number = Number(exactly: try readVarint(at: &cursor))
        case BinaryFormat.Tag.wide:
            cursor += 1
            let signed = try self.tag(at: cursor) == 1
            cursor += 1
            let low = UInt128(try readWord(UInt64.self, at: &cursor))
            let all = UInt128(try readWord(UInt64.self, at: &cursor)) << 64 | low
            number = signed ? Number(exactly: Int128(truncatingIfNeeded: all)) : Number(exactly: all)
        default: throw mismatch("an integer", found: tag, path: path)
        }
        guard let number else { throw CodingError.numberOutOfRange(path: describe(path), type: "\(type)") }
        return number
    }

    func readFloat(at cursor: inout Int, path: [any CodingKey]) throws -> Float {
        let tag = try tag(at: cursor)
        guard tag == BinaryFormat.Tag.float else { throw mismatch("a Float", found: tag, path: path) }
        cursor += 1
        return Float(bitPattern: try readWord(UInt32.self, at: &cursor))
    }

    func readDouble(at cursor: inout Int, path: [any CodingKey]) throws -> Double {
        let tag = try tag(at: cursor)
        guard tag == BinaryFormat.Tag.double else { throw mismatch("a Double", found: tag, path: path) }
        cursor += 1
        return Double(bitPattern: try readWord(UInt64.self, at: &cursor))
    }

    func readString(at cursor: inout Int, path: [any CodingKey]) throws -> String {
        let tag = try tag(at: cursor)
        guard tag == BinaryFormat.Tag.string else { throw mismatch("a string", found: tag, path: path) }
        cursor += 1
        return try readText(at: &cursor)
    }

    private func readBlock<Number: PackedNumber>(
        of type: Number.Type, at cursor: inout Int, path: [any CodingKey]
    ) throws -> [Number] {
        let tag = try tag(at: cursor)
        guard tag == BinaryFormat.Tag.packed else { throw mismatch("an array of \(type)", found: tag, path: path) }
        let code = try self.tag(at: cursor + 1)
        guard code == Number.packedElement.rawValue else {
            let found = BinaryFormat.Element(rawValue: code).map { "\($0)" } ?? "element type \(code)"
            throw CodingError.typeMismatch(path: describe(path), expected: "\(type)", found: found)
        }
        cursor += 2
        let width = MemoryLayout<Number>.stride
        let count = try readLength(at: &cursor, unit: width)
        let from = cursor
        cursor += count * width
        return [Number](unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes { raw in
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: raw[from..<from + count * width]))
            }
            initialized = count
        }
    }

    // MARK: Any value

    /// - Parameter depth: containers around this value.
    func decode<Value: Decodable>(
        _ type: Value.Type, at cursor: inout Int, depth: Int, path: @autoclosure () -> [any CodingKey]
    ) throws -> Value {
        func plain<Plain>(_ value: Plain) -> Value { unsafeBitCast(value, to: Value.self) }
        // Each cast is between a type and itself: the case says that `Value` is that very type.
        switch ObjectIdentifier(type) {
        case ObjectIdentifier(Int.self): return plain(try readInteger(Int.self, at: &cursor, path: path()))
        case ObjectIdentifier(String.self): return plain(try readString(at: &cursor, path: path()))
        case ObjectIdentifier([UInt8].self): return plain(try readBlock(of: UInt8.self, at: &cursor, path: path()))
        case ObjectIdentifier([Float].self): return plain(try readBlock(of: Float.self, at: &cursor, path: path()))
        case ObjectIdentifier([Int].self): return plain(try readBlock(of: Int.self, at: &cursor, path: path()))
        case ObjectIdentifier([Double].self): return plain(try readBlock(of: Double.self, at: &cursor, path: path()))
        case ObjectIdentifier([Int32].self): return plain(try readBlock(of: Int32.self, at: &cursor, path: path()))
        case ObjectIdentifier([UInt32].self): return plain(try readBlock(of: UInt32.self, at: &cursor, path: path()))
        case ObjectIdentifier([Int64].self): return plain(try readBlock(of: Int64.self, at: &cursor, path: path()))
        case ObjectIdentifier([UInt64].self): return plain(try readBlock(of: UInt64.self, at: &cursor, path: path()))
        case ObjectIdentifier([UInt].self): return plain(try readBlock(of: UInt.self, at: &cursor, path: path()))
        case ObjectIdentifier([Int16].self): return plain(try readBlock(of: Int16.self, at: &cursor, path: path()))
        case ObjectIdentifier([UInt16].self): return plain(try readBlock(of: UInt16.self, at: &cursor, path: path()))
        case ObjectIdentifier([Int8].self): return plain(try readBlock(of: Int8.self, at: &cursor, path: path()))
        default: break
        }
        guard depth < BinaryFormat.depthLimit else { throw CodingError.tooDeep(limit: BinaryFormat.depthLimit) }
        let decoder = BinaryValueDecoder(reader: self, start: cursor, depth: depth + 1, codingPath: path())
        try skip(at: &cursor)
        return try Value(from: decoder)
    }
}

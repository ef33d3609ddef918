/// What a value's `init(from:)` is given: the value that starts at `start`.
struct BinaryValueDecoder: Decoder {
    let reader: BinaryReader
    let start: Int
    let depth: Int
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { reader.userInfo }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        var cursor = start
        let end = try reader.enter(BinaryFormat.Tag.map, at: &cursor, path: codingPath)
        return KeyedDecodingContainer(
            BinaryKeyedDecoding<Key>(reader: reader, start: cursor, end: end, depth: depth, codingPath: codingPath))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        var cursor = start
        let end = try reader.enter(BinaryFormat.Tag.list, at: &cursor, path: codingPath)
        return BinaryListDecoding(reader: reader, cursor: cursor, end: end, depth: depth, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer {
        BinarySingleDecoding(reader: reader, start: start, depth: depth, codingPath: codingPath)
    }
}

private struct BinarySingleDecoding: SingleValueDecodingContainer {
    let reader: BinaryReader
    let start: Int
    let depth: Int
    let codingPath: [any CodingKey]

    private func integer<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
        var cursor = start
        return try reader.readInteger(type, at: &cursor, path: codingPath)
    }

    func decodeNil() -> Bool { (try? reader.tag(at: start)) == BinaryFormat.Tag.null }

    func decode(_ type: Bool.Type) throws -> Bool {
        var cursor = start
        return try reader.readBool(at: &cursor, path: codingPath)
    }
    func decode(_ type: String.Type) throws -> String {
        var cursor = start
        return try reader.readString(at: &cursor, path: codingPath)
    }
    func decode(_ type: Float.Type) throws -> Float {
        var cursor = start
        return try reader.readFloat(at: &cursor, path: codingPath)
    }
    func decode(_ type: Double.Type) throws -> Double {
        var cursor = start
        return try reader.readDouble(at: &cursor, path: codingPath)
    }
    func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    func decode(_ type: Int128.Type) throws -> Int128 { try integer(type) }
    func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }
    func decode(_ type: UInt128.Type) throws -> UInt128 { try integer(type) }

    func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
        var cursor = start
        return try reader.decode(type, at: &cursor, depth: depth, path: codingPath)
    }
}

private struct BinaryListDecoding: UnkeyedDecodingContainer {
    let reader: BinaryReader
    var cursor: Int
    let end: Int
    let depth: Int
    let codingPath: [any CodingKey]
    var currentIndex = 0
    /// Unknown: only the length in bytes is written.
    var count: Int? { nil }
    var isAtEnd: Bool { cursor >= end }

    init(reader: BinaryReader, cursor: Int, end: Int, depth: Int, codingPath: [any CodingKey]) {
        (self.reader, self.cursor, self.end, self.depth, self.codingPath) = (reader, cursor, end, depth, codingPath)
    }

    private func checkNotAtEnd() throws {
        guard cursor < end else { throw CodingError.endOfList(path: describe(codingPath)) }
    }

    mutating func decodeNil() throws -> Bool {
        try checkNotAtEnd()
        guard try reader.tag(at: cursor) == BinaryFormat.Tag.null else { return false }
        cursor += 1
        currentIndex += 1
        return true
    }

    // The standard library's defaults for these two refuse.
    mutating func decode(_ type: Int128.Type) throws -> Int128 { try read(type) }
    mutating func decode(_ type: UInt128.Type) throws -> UInt128 { try read(type) }
    mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try read(type) }

    private mutating func read<Value: Decodable>(_ type: Value.Type) throws -> Value {
        try checkNotAtEnd()
        let value = try reader.decode(
            type, at: &cursor, depth: depth, path: codingPath + [PathKey(intValue: currentIndex)])
        currentIndex += 1
        return value
    }

    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        try superDecoder().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        try superDecoder().unkeyedContainer()
    }

    mutating func superDecoder() throws -> any Decoder {
        try checkNotAtEnd()
        guard depth < BinaryFormat.depthLimit else { throw CodingError.tooDeep(limit: BinaryFormat.depthLimit) }
        let decoder = BinaryValueDecoder(
            reader: reader, start: cursor, depth: depth + 1, codingPath: codingPath + [PathKey(intValue: currentIndex)])
        try reader.skip(at: &cursor)
        currentIndex += 1
        return decoder
    }
}

/// A map. A class, because finding a key moves the place from which the next is looked for.
private final class BinaryKeyedDecoding<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let reader: BinaryReader
    private let start: Int
    private let end: Int
    private let depth: Int
    let codingPath: [any CodingKey]
    /// An entry's position, behind the value found last: where the next key in order is.
    private var next: Int

    init(reader: BinaryReader, start: Int, end: Int, depth: Int, codingPath: [any CodingKey]) {
        (self.reader, self.start, self.end, self.depth, self.codingPath) = (reader, start, end, depth, codingPath)
        next = start
    }

    /// Reads the key of the entry at `cursor`, which moves to its value.
    private func readKey(at cursor: inout Int) throws -> String {
        let at = cursor
        let number = try reader.readVarint(at: &cursor)
        guard number < UInt64(reader.keys.count) else {
            throw CodingError.lengthOutOfBounds(offset: at, length: number, available: reader.keys.count)
        }
        return reader.keys[Int(number)]
    }

    /// Where the key's value is: looked for from the last one found to the end, then from the start.
    private func find(_ key: String) throws -> Int? {
        for (from, to) in [(next, end), (start, next)] {
            var cursor = from
            while cursor < to {
                if try readKey(at: &cursor) == key { return cursor }
                try reader.skip(at: &cursor)
            }
        }
        return nil
    }

    private func position(of key: any CodingKey) throws -> Int {
        guard let position = try find(key.stringValue) else {
            throw CodingError.keyNotFound(path: describe(codingPath), key: key.stringValue)
        }
        return position
    }

    var allKeys: [Key] {
        var keys: [Key] = []
        var cursor = start
        // Damage ends the list of keys; reading a value then reports it.
        while cursor < end, let text = try? readKey(at: &cursor), (try? reader.skip(at: &cursor)) != nil {
            if let key = Key(stringValue: text) { keys.append(key) }
        }
        return keys
    }

    func contains(_ key: Key) -> Bool { (try? find(key.stringValue)) != nil }

    func decodeNil(forKey key: Key) throws -> Bool {
        try reader.tag(at: position(of: key)) == BinaryFormat.Tag.null
    }

    // The standard library's defaults for these two refuse.
    func decode(_ type: Int128.Type, forKey key: Key) throws -> Int128 { try read(type, forKey: key) }
    func decode(_ type: UInt128.Type, forKey key: Key) throws -> UInt128 { try read(type, forKey: key) }

    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value { try read(type, forKey: key) }

    private func read<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
        var cursor = try position(of: key)
        let value = try reader.decode(type, at: &cursor, depth: depth, path: codingPath + [key])
        next = cursor
        return value
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try superDecoder(forKey: key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try superDecoder(forKey: key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { try nested(PathKey.parent) }
    func superDecoder(forKey key: Key) throws -> any Decoder { try nested(key) }

    private func nested(_ key: any CodingKey) throws -> any Decoder {
        guard depth < BinaryFormat.depthLimit else { throw CodingError.tooDeep(limit: BinaryFormat.depthLimit) }
        return BinaryValueDecoder(
            reader: reader, start: try position(of: key), depth: depth + 1, codingPath: codingPath + [key])
    }
}

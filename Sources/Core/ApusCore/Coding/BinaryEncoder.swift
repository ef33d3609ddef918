/// Turns `Encodable` values into compact bytes, in the form that `BinaryDecoder` reads.
///
/// Complexity: O(bytes). Arrays of fixed-width numbers are copied as one block.
public struct BinaryEncoder: Sendable {
    /// What values find in their encoder's `userInfo`.
    public var userInfo: [CodingUserInfoKey: any Sendable] = [:]

    public init() {}

    /// The bytes of a value.
    ///
    /// - Throws: `CodingError.rejected` with what the value's own `encode(to:)` threw, `.tooLarge` over 4 GiB,
    ///   `.tooDeep`.
    public func encode<Value: Encodable>(_ value: Value) throws(CodingError) -> [UInt8] {
        let keys = KeyTable()
        let writer = BinaryWriter(keys: keys, userInfo: userInfo)
        do {
            try writer.write(value)
        } catch let error as CodingError {
            throw error
        } catch {
            throw .rejected(path: "", reason: "\(error)")
        }
        guard !keys.texts.isEmpty else { return [0] + writer.bytes }
        let header = BinaryWriter(keys: keys, userInfo: [:])
        header.writeVarint(UInt64(keys.texts.count))
        for key in keys.texts { header.writeText(key) }
        return header.bytes + writer.bytes
    }
}

/// The keys of one message, in order of first use.
final class KeyTable {
    private(set) var texts: [String] = []
    private var numbers: [String: UInt64] = [:]

    func number(of key: String) -> UInt64 {
        if let number = numbers[key] { return number }
        let number = UInt64(texts.count)
        numbers[key] = number
        texts.append(key)
        return number
    }
}

/// The bytes under construction, shared by the containers of one value.
final class BinaryWriter {
    fileprivate(set) var bytes: [UInt8] = []
    private let keys: KeyTable
    private var depth = 0
    fileprivate let userInfo: [CodingUserInfoKey: any Sendable]
    /// Containers whose end only their parent's end tells: written apart, put in place when the enclosing value ends.
    private var pending: [(position: Int, part: BinaryWriter)] = []

    init(keys: KeyTable, userInfo: [CodingUserInfoKey: any Sendable]) {
        self.keys = keys
        self.userInfo = userInfo
    }

    func write<Value: Encodable>(_ value: Value) throws {
        if try writePacked(value) { return }
        depth += 1
        defer { depth -= 1 }
        guard depth <= BinaryFormat.depthLimit else { throw CodingError.tooDeep(limit: BinaryFormat.depthLimit) }
        let start = bytes.count
        let outer = pending
        pending = []
        try value.encode(to: BinaryValueEncoder(writer: self))
        // A value that wrote nothing at all is an empty map, so that it can be read and skipped.
        if bytes.count == start { openContainer(BinaryFormat.Tag.map) }
        try splice()
        pending = outer
        try closeContainer(from: start)
    }

    func openContainer(_ tag: UInt8) {
        bytes.append(tag)
        bytes.append(contentsOf: [0, 0, 0, 0])
    }

    /// Writes the length of the container that starts at `start`, if one does.
    func closeContainer(from start: Int) throws {
        let tag = bytes[start]
        guard tag == BinaryFormat.Tag.list || tag == BinaryFormat.Tag.map else { return }
        let length = bytes.count - start - 5
        guard let length = UInt32(exactly: length) else { throw CodingError.tooLarge(bytes: length) }
        for index in 0..<4 { bytes[start + 1 + index] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(index))) }
    }

    /// A container or encoder whose content is put in here when the enclosing value ends.
    func part() -> BinaryWriter {
        let part = BinaryWriter(keys: keys, userInfo: userInfo)
        part.depth = depth + 1
        pending.append((bytes.count, part))
        return part
    }

    private func splice() throws {
        guard !pending.isEmpty else { return }
        var whole: [UInt8] = []
        var from = pending[0].position
        whole.append(contentsOf: bytes[..<from])
        for (position, part) in pending {
            whole.append(contentsOf: bytes[from..<position])
            from = position
            if part.bytes.isEmpty { part.openContainer(BinaryFormat.Tag.map) }
            try part.splice()
            try part.closeContainer(from: 0)
            whole.append(contentsOf: part.bytes)
        }
        whole.append(contentsOf: bytes[from...])
        bytes = whole
        pending = []
    }

    // MARK: Plain values

    func writeVarint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    func writeSigned(_ value: Int64) {
        if value >= 0, value < 192 {
            bytes.append(BinaryFormat.Tag.small &+ UInt8(truncatingIfNeeded: value))
        } else {
            bytes.append(BinaryFormat.Tag.signed)
            writeVarint(UInt64(bitPattern: (value << 1) ^ (value >> 63)))
        }
    }

    func writeUnsigned(_ value: UInt64) {
        if value < 192 {
            bytes.append(BinaryFormat.Tag.small &+ UInt8(truncatingIfNeeded: value))
        } else {
            bytes.append(BinaryFormat.Tag.unsigned)
            writeVarint(value)
        }
    }

    func writeWide(_ low: UInt64, _ high: UInt64, signed: Bool) {
        bytes.append(BinaryFormat.Tag.wide)
        bytes.append(signed ? 1 : 0)
        writeLittle(low)
        writeLittle(high)
    }

    func writeLittle<Word: FixedWidthInteger>(_ value: Word) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    func writeString(_ value: String) {
        bytes.append(BinaryFormat.Tag.string)
        writeText(value)
    }

    func writeText(_ value: String) {
        var value = value
        value.withUTF8 { text in
            writeVarint(UInt64(text.count))
            bytes.append(contentsOf: text)
        }
    }

    func writeKey(_ key: String) { writeVarint(keys.number(of: key)) }

    /// Writes arrays of numbers, and the plain types that would otherwise go through a container.
    private func writePacked<Value: Encodable>(_ value: Value) throws -> Bool {
        switch ObjectIdentifier(Value.self) {
        case ObjectIdentifier([UInt8].self): writeBlock(unsafeBitCast(value, to: [UInt8].self))
        case ObjectIdentifier(Int.self): writeSigned(Int64(unsafeBitCast(value, to: Int.self)))
        case ObjectIdentifier(String.self): writeString(unsafeBitCast(value, to: String.self))
        case ObjectIdentifier([Float].self): writeBlock(unsafeBitCast(value, to: [Float].self))
        case ObjectIdentifier([Int].self): writeBlock(unsafeBitCast(value, to: [Int].self))
        case ObjectIdentifier([Double].self): writeBlock(unsafeBitCast(value, to: [Double].self))
        case ObjectIdentifier([Int32].self): writeBlock(unsafeBitCast(value, to: [Int32].self))
        case ObjectIdentifier([UInt32].self): writeBlock(unsafeBitCast(value, to: [UInt32].self))
        case ObjectIdentifier([Int64].self): writeBlock(unsafeBitCast(value, to: [Int64].self))
        case ObjectIdentifier([UInt64].self): writeBlock(unsafeBitCast(value, to: [UInt64].self))
        case ObjectIdentifier([UInt].self): writeBlock(unsafeBitCast(value, to: [UInt].self))
        case ObjectIdentifier([Int16].self): writeBlock(unsafeBitCast(value, to: [Int16].self))
        case ObjectIdentifier([UInt16].self): writeBlock(unsafeBitCast(value, to: [UInt16].self))
        case ObjectIdentifier([Int8].self): writeBlock(unsafeBitCast(value, to: [Int8].self))
        default: return false
        }
        return true
    }

    // The bit casts above are between a type and itself: the case says that `Value` is that very type.

    private func writeBlock<Number: PackedNumber>(_ values: [Number]) {
        bytes.append(BinaryFormat.Tag.packed)
        bytes.append(Number.packedElement.rawValue)
        writeVarint(UInt64(values.count))
        // All supported machines are little-endian, as the form is.
        values.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
}

/// What a value's `encode(to:)` is given. The coding path is left out: it would cost an array per value.
private struct BinaryValueEncoder: Encoder {
    let writer: BinaryWriter
    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { writer.userInfo }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        writer.openContainer(BinaryFormat.Tag.map)
        return KeyedEncodingContainer(BinaryKeyedEncoding<Key>(writer: writer))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        writer.openContainer(BinaryFormat.Tag.list)
        return BinaryListEncoding(writer: writer, count: 0)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        BinarySingleEncoding(writer: writer)
    }
}

private struct BinarySingleEncoding: SingleValueEncodingContainer {
    let writer: BinaryWriter
    var codingPath: [any CodingKey] { [] }

    func encodeNil() { writer.bytes.append(BinaryFormat.Tag.null) }
    func encode(_ value: Bool) { writer.bytes.append(value ? BinaryFormat.Tag.yes : BinaryFormat.Tag.no) }
    func encode(_ value: String) { writer.writeString(value) }
    func encode(_ value: Int) { writer.writeSigned(Int64(value)) }
    func encode(_ value: Int8) { writer.writeSigned(Int64(value)) }
    func encode(_ value: Int16) { writer.writeSigned(Int64(value)) }
    func encode(_ value: Int32) { writer.writeSigned(Int64(value)) }
    func encode(_ value: Int64) { writer.writeSigned(value) }
    func encode(_ value: UInt) { writer.writeUnsigned(UInt64(value)) }
    func encode(_ value: UInt8) { writer.writeUnsigned(UInt64(value)) }
    func encode(_ value: UInt16) { writer.writeUnsigned(UInt64(value)) }
    func encode(_ value: UInt32) { writer.writeUnsigned(UInt64(value)) }
    func encode(_ value: UInt64) { writer.writeUnsigned(value) }
    func encode(_ value: Int128) {
        writer.writeWide(UInt64(truncatingIfNeeded: value), UInt64(truncatingIfNeeded: value >> 64), signed: true)
    }
    func encode(_ value: UInt128) {
        writer.writeWide(UInt64(truncatingIfNeeded: value), UInt64(truncatingIfNeeded: value >> 64), signed: false)
    }
    func encode(_ value: Float) {
        writer.bytes.append(BinaryFormat.Tag.float)
        writer.writeLittle(value.bitPattern)
    }
    func encode(_ value: Double) {
        writer.bytes.append(BinaryFormat.Tag.double)
        writer.writeLittle(value.bitPattern)
    }
    func encode<Value: Encodable>(_ value: Value) throws { try writer.write(value) }
}

private struct BinaryListEncoding: UnkeyedEncodingContainer {
    let writer: BinaryWriter
    var codingPath: [any CodingKey] { [] }
    var count: Int

    mutating func encodeNil() {
        count += 1
        writer.bytes.append(BinaryFormat.Tag.null)
    }

    mutating func encode<Value: Encodable>(_ value: Value) throws { try write(value) }

    // The standard library's defaults for these two refuse.
    mutating func encode(_ value: Int128) throws { try write(value) }
    mutating func encode(_ value: UInt128) throws { try write(value) }

    private mutating func write(_ value: some Encodable) throws {
        try writer.write(value)
        count += 1
    }

    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        superEncoder().container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { superEncoder().unkeyedContainer() }

    mutating func superEncoder() -> any Encoder {
        count += 1
        return BinaryValueEncoder(writer: writer.part())
    }
}

private struct BinaryKeyedEncoding<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let writer: BinaryWriter
    var codingPath: [any CodingKey] { [] }

    mutating func encodeNil(forKey key: Key) {
        writer.writeKey(key.stringValue)
        writer.bytes.append(BinaryFormat.Tag.null)
    }

    mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try write(value, forKey: key) }

    // The standard library's defaults for these two refuse.
    mutating func encode(_ value: Int128, forKey key: Key) throws { try write(value, forKey: key) }
    mutating func encode(_ value: UInt128, forKey key: Key) throws { try write(value, forKey: key) }

    private func write(_ value: some Encodable, forKey key: Key) throws {
        writer.writeKey(key.stringValue)
        try writer.write(value)
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        superEncoder(forKey: key).container(keyedBy: type)
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        superEncoder(forKey: key).unkeyedContainer()
    }

    mutating func superEncoder() -> any Encoder {
        writer.writeKey(PathKey.parent.stringValue)
        return BinaryValueEncoder(writer: writer.part())
    }

    mutating func superEncoder(forKey key: Key) -> any Encoder {
        writer.writeKey(key.stringValue)
        return BinaryValueEncoder(writer: writer.part())
    }
}

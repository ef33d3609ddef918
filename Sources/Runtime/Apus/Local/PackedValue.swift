import ApusObjects

/// Values whose bytes in the object store are the very bytes that they have in memory: arrays of numbers, and strings.
///
/// Their size is known without encoding them, and one copy takes them there and back.
protocol PackedValue {
    var packedCount: Int { get }
    func withPackedBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    static func unpack(_ bytes: UnsafeRawBufferPointer) -> Self?
}

/// Numbers: any bytes are one, and there is no padding.
protocol PackedElement {}

extension UInt8: PackedElement {}
extension Int8: PackedElement {}
extension UInt16: PackedElement {}
extension Int16: PackedElement {}
extension UInt32: PackedElement {}
extension Int32: PackedElement {}
extension UInt64: PackedElement {}
extension Int64: PackedElement {}
extension UInt: PackedElement {}
extension Int: PackedElement {}
extension Float: PackedElement {}
extension Double: PackedElement {}

extension Array: PackedValue where Element: PackedElement {
    var packedCount: Int { count * MemoryLayout<Element>.stride }

    func withPackedBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try withUnsafeBytes(body)
    }

    static func unpack(_ bytes: UnsafeRawBufferPointer) -> [Element]? {
        let (count, rest) = bytes.count.quotientAndRemainder(dividingBy: MemoryLayout<Element>.stride)
        guard rest == 0 else { return nil }
        return Array(unsafeUninitializedCapacity: count) { buffer, initialized in
            ParallelCopy.copyToHeap(
                bytes,
                to: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<bytes.count]))
            initialized = count
        }
    }
}

extension String: PackedValue {
    var packedCount: Int { utf8.count }

    func withPackedBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        var copy = self
        return try copy.withUTF8 { try body(UnsafeRawBufferPointer($0)) }
    }

    static func unpack(_ bytes: UnsafeRawBufferPointer) -> String? { String(validating: bytes, as: UTF8.self) }
}

enum PackedValues {
    /// The type as one whose values are packed; nil for all others.
    static func type(of type: Any.Type) -> (any PackedValue.Type)? {
        switch ObjectIdentifier(type) {
        case ObjectIdentifier([UInt8].self): [UInt8].self
        case ObjectIdentifier(String.self): String.self
        case ObjectIdentifier([Float].self): [Float].self
        case ObjectIdentifier([Int].self): [Int].self
        case ObjectIdentifier([Double].self): [Double].self
        case ObjectIdentifier([Int32].self): [Int32].self
        case ObjectIdentifier([UInt32].self): [UInt32].self
        case ObjectIdentifier([Int64].self): [Int64].self
        case ObjectIdentifier([UInt64].self): [UInt64].self
        case ObjectIdentifier([UInt].self): [UInt].self
        case ObjectIdentifier([Int16].self): [Int16].self
        case ObjectIdentifier([UInt16].self): [UInt16].self
        case ObjectIdentifier([Int8].self): [Int8].self
        default: nil
        }
    }

    /// The bytes that a value takes; nil where its type is not a packed one.
    static func count<Value>(of value: Value) -> Int? {
        guard let type = type(of: Value.self) else { return nil }
        return withUnsafePointer(to: value) { count(type, at: $0) }
    }

    // The pointers below are to values of exactly the type: `type(of:)` found it by its identity.

    private static func count<Packed: PackedValue>(_ type: Packed.Type, at value: UnsafeRawPointer) -> Int {
        value.assumingMemoryBound(to: Packed.self).pointee.packedCount
    }

    /// Copies a value of a packed type into an object.
    static func write<Value>(_ value: Value, into creation: StoredCreation) throws(SegmentError) {
        guard let type = type(of: Value.self) else { return }
        do {
            try withUnsafePointer(to: value) { try write(type, at: $0, into: creation) }
        } catch let error as SegmentError {
            throw error
        } catch {
            preconditionFailure("copying throws segment errors only")
        }
    }

    private static func write<Packed: PackedValue>(
        _ type: Packed.Type, at value: UnsafeRawPointer, into creation: StoredCreation
    ) throws {
        try value.assumingMemoryBound(to: Packed.self).pointee.withPackedBytes { try creation.write($0) }
    }

    /// The value that bytes of a packed type are; nil where they are none.
    static func read<Value>(_ type: Value.Type, from bytes: UnsafeRawBufferPointer) -> Value? {
        guard let packed = self.type(of: type) else { return nil }
        return packed.unpack(bytes) as? Value
    }
}

import ApusCore

/// The memory of a plain type's value, as it lies in another process. Up to 16 bytes take no allocation.
struct PlainBytes: Sendable {
    private enum Storage: Sendable {
        case short(UInt64, UInt64, count: UInt8)
        case long([UInt8])
    }

    private let storage: Storage

    init(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= 16 else {
            storage = .long(Array(bytes))
            return
        }
        var words: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &words) { $0.copyMemory(from: bytes) }
        storage = .short(words.0, words.1, count: UInt8(truncatingIfNeeded: bytes.count))
    }

    init(_ bytes: [UInt8]) { self = bytes.withUnsafeBytes { PlainBytes($0) } }

    /// - Precondition: the type is plain.
    init<Value>(of value: Value) {
        // The address of a value without a size means nothing.
        self = MemoryLayout<Value>.size == 0 ? PlainBytes([]) : Swift.withUnsafeBytes(of: value) { PlainBytes($0) }
    }

    var count: Int {
        switch storage {
        case .short(_, _, let count): Int(count)
        case .long(let bytes): bytes.count
        }
    }

    var array: [UInt8] { withUnsafeBytes { Array($0) } }

    func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        switch storage {
        case .short(let low, let high, let count):
            let words = (low, high)
            return try Swift.withUnsafeBytes(of: words) {
                try body(UnsafeRawBufferPointer(rebasing: $0[..<Int(count)]))
            }
        case .long(let bytes): return try bytes.withUnsafeBytes(body)
        }
    }

    /// The value that the memory holds.
    ///
    /// - Throws: `CodingError.typeMismatch` where the type is not plain or has another size.
    func load<Value>(_ type: Value.Type) throws(CodingError) -> Value {
        guard PlainTypes.contain(type), count == MemoryLayout<Value>.size else {
            throw .typeMismatch(path: "", expected: "\(type)", found: "\(count) bytes of another type")
        }
        return withUnsafeBytes { Parcel.load(type, at: $0) }
    }
}

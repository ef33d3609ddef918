/// Reads the little-endian fields of a model file. Every length is checked against the bytes that are left before
/// anything is reserved, so that a damaged file costs no more than its own size.
struct ModelBytes {
    let bytes: [UInt8]
    let file: String
    private(set) var offset = 0

    init(_ bytes: [UInt8], file: String) {
        self.bytes = bytes
        self.file = file
    }

    var remaining: Int { bytes.count - offset }

    func invalid(_ field: String, _ reason: String) -> FastTextError {
        .invalid(file: file, offset: offset, field: field, reason: reason)
    }

    mutating func integer<T: FixedWidthInteger>(_ field: String, as type: T.Type = T.self) throws(FastTextError) -> T {
        let size = MemoryLayout<T>.size
        guard remaining >= size else { throw .truncated(file: file, offset: bytes.count, field: field) }
        let value = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: T.self) }
        offset += size
        return T(littleEndian: value)
    }

    /// A number within bounds, as `Int`.
    mutating func number<T: FixedWidthInteger>(
        _ field: String, as type: T.Type, in range: ClosedRange<Int>
    ) throws(FastTextError) -> Int {
        let start = offset
        let value = try integer(field, as: type)
        guard let number = Int(exactly: value), range.contains(number) else {
            throw .invalid(
                file: file, offset: start, field: field,
                reason: "\(value) is outside \(range.lowerBound)…\(range.upperBound)")
        }
        return number
    }

    mutating func flag(_ field: String) throws(FastTextError) -> Bool {
        try number(field, as: UInt8.self, in: 0...1) == 1
    }

    mutating func codes(_ count: Int, _ field: String) throws(FastTextError) -> [UInt8] {
        guard count <= remaining else { throw .truncated(file: file, offset: bytes.count, field: field) }
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    /// Finite single-precision values.
    mutating func floats(_ count: Int, _ field: String) throws(FastTextError) -> [Float] {
        guard count <= remaining / 4 else { throw .truncated(file: file, offset: bytes.count, field: field) }
        let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes { all in
                // `count · 4` bytes are left, as checked above.
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: .init(rebasing: all[offset..<offset + count * 4]))
            }
            initialized = count
        }
        // A sum is finite only if every value is (or the model could not be used either).
        var check = SIMD8<Float>.zero
        var index = 0
        while index + 8 <= count {
            let eight = values.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: index * 4, as: SIMD8<Float>.self) }
            check += eight * 0
            index += 8
        }
        var isFinite = check.sum() == 0
        while index < count {
            if !values[index].isFinite { isFinite = false }
            index += 1
        }
        guard isFinite else { throw invalid(field, "it holds a value that is no finite number") }
        offset += count * 4
        return values
    }

    /// Bytes up to a NUL, which is passed over.
    mutating func text(_ field: String) throws(FastTextError) -> ArraySlice<UInt8> {
        guard let end = bytes[offset...].firstIndex(of: 0) else {
            throw .truncated(file: file, offset: bytes.count, field: field)
        }
        defer { offset = end + 1 }
        return bytes[offset..<end]
    }
}

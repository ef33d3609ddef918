/// Builds a message of fixed-width numbers and runs of bytes.
///
/// Public, as its reader, because the compiler specialises no generic function of another module that is only `package`: a
/// number took a hundred instructions and more so.
public struct ByteWriter {
    public var bytes: [UInt8] = []

    @inlinable
    public init(capacity: Int = 64) { bytes.reserveCapacity(capacity) }

    @inlinable
    public mutating func number<Number: FixedWidthInteger>(_ value: Number) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// A run of bytes with its length.
    @inlinable
    public mutating func run(_ run: UnsafeRawBufferPointer) {
        number(UInt64(run.count))
        bytes.append(contentsOf: run)
    }

    @inlinable
    public mutating func run(_ run: [UInt8]) { run.withUnsafeBytes { self.run($0) } }

    @inlinable
    public mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { run(UnsafeRawBufferPointer($0)) }
    }

    @inlinable
    public mutating func rest(_ bytes: UnsafeRawBufferPointer) { self.bytes.append(contentsOf: bytes) }
}

/// Reads what `ByteWriter` wrote. Every length is checked.
public struct ByteReader {
    @usableFromInline let bytes: UnsafeRawBufferPointer
    @usableFromInline var place = 0

    /// - Parameter bytes: must outlive the reader.
    @inlinable
    public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    @inlinable
    public var remaining: Int { bytes.count - place }

    @inlinable
    public mutating func number<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(TransportError) -> Number {
        let size = MemoryLayout<Number>.size
        guard size <= remaining else { throw .malformed(reason: "it ends in a number") }
        defer { place += size }
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Number.self))
    }

    /// The bytes of a run, valid as long as the message.
    @inlinable
    public mutating func run() throws(TransportError) -> UnsafeRawBufferPointer {
        let count = try number(UInt64.self)
        guard count <= UInt64(remaining) else { throw .malformed(reason: "it ends in a run of \(count) bytes") }
        defer { place += Int(count) }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<place + Int(count)])
    }

    @inlinable
    public mutating func text() throws(TransportError) -> String { String(decoding: try run(), as: UTF8.self) }

    /// All that is left.
    @inlinable
    public mutating func rest() -> UnsafeRawBufferPointer {
        defer { place = bytes.count }
        return UnsafeRawBufferPointer(rebasing: bytes[place...])
    }
}

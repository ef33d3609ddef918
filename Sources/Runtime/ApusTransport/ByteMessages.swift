/// Builds a message of fixed-width numbers and runs of bytes.
package struct ByteWriter {
    package private(set) var bytes: [UInt8] = []

    package init(capacity: Int = 64) { bytes.reserveCapacity(capacity) }

    package mutating func number<Number: FixedWidthInteger>(_ value: Number) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }

    /// A run of bytes with its length.
    package mutating func run(_ run: UnsafeRawBufferPointer) {
        number(UInt64(run.count))
        bytes.append(contentsOf: run)
    }

    package mutating func run(_ run: [UInt8]) { run.withUnsafeBytes { self.run($0) } }

    package mutating func text(_ text: String) {
        var text = text
        text.withUTF8 { run(UnsafeRawBufferPointer($0)) }
    }

    package mutating func rest(_ bytes: UnsafeRawBufferPointer) { self.bytes.append(contentsOf: bytes) }
}

/// Reads what `ByteWriter` wrote. Every length is checked.
package struct ByteReader {
    private let bytes: UnsafeRawBufferPointer
    private var place = 0

    /// - Parameter bytes: must outlive the reader.
    package init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    package var remaining: Int { bytes.count - place }

    package mutating func number<Number: FixedWidthInteger>(
        _ type: Number.Type = Number.self
    ) throws(TransportError) -> Number {
        let size = MemoryLayout<Number>.size
        guard size <= remaining else { throw .malformed(reason: "it ends in a number") }
        defer { place += size }
        return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: Number.self))
    }

    /// The bytes of a run, valid as long as the message.
    package mutating func run() throws(TransportError) -> UnsafeRawBufferPointer {
        let count = try number(UInt64.self)
        guard count <= UInt64(remaining) else { throw .malformed(reason: "it ends in a run of \(count) bytes") }
        defer { place += Int(count) }
        return UnsafeRawBufferPointer(rebasing: bytes[place..<place + Int(count)])
    }

    package mutating func text() throws(TransportError) -> String { String(decoding: try run(), as: UTF8.self) }

    /// All that is left.
    package mutating func rest() -> UnsafeRawBufferPointer {
        defer { place = bytes.count }
        return UnsafeRawBufferPointer(rebasing: bytes[place...])
    }
}

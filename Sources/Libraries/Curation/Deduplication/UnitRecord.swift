import Files

/// Units as bytes: digest (16), length of the selection value (4), the selection value; little-endian.
package enum UnitRecord {
    package static func bytes(_ unit: ExactDedup.Unit) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(20 + unit.selection.count)
        append(unit.high, to: &bytes)
        append(unit.low, to: &bytes)
        append(UInt32(clamping: unit.selection.count), to: &bytes)
        bytes.append(contentsOf: unit.selection)
        return bytes
    }

    static func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}

/// Reads fixed-width numbers and byte strings from a file, buffered.
struct NumberReader: ~Copyable {
    private let reader: FileReader
    private var buffer: [UInt8] = []
    private var position = 0
    private let bufferSize: Int

    init(_ path: String, bufferSize: Int = 1 << 18) throws(FileError) {
        reader = try FileReader(path)
        self.bufferSize = bufferSize
    }

    /// Whether `count` more bytes are there.
    private mutating func has(_ count: Int) throws(FileError) -> Bool {
        if buffer.count - position >= count { return true }
        buffer.removeFirst(position)
        position = 0
        while buffer.count < count {
            guard try reader.read(max(bufferSize, count - buffer.count), into: &buffer) > 0 else { return false }
        }
        return true
    }

    /// The next number; nil at the end of the file.
    mutating func next<Number: FixedWidthInteger>(_ type: Number.Type) throws(FileError) -> Number? {
        guard try has(MemoryLayout<Number>.size) else { return nil }
        let number = buffer.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: position, as: Number.self) }
        position += MemoryLayout<Number>.size
        return Number(littleEndian: number)
    }

    /// The next unit; nil at the end of the file. `selection` is replaced.
    mutating func unit(into unit: inout ExactDedup.Unit) throws(FileError) -> Bool {
        guard let high = try next(UInt64.self), let low = try next(UInt64.self), let length = try next(UInt32.self)
        else {
            return false
        }
        guard try has(Int(length)) else { return false }
        unit.high = high
        unit.low = low
        unit.selection.removeAll(keepingCapacity: true)
        unit.selection.append(contentsOf: buffer[position..<(position + Int(length))])
        position += Int(length)
        return true
    }
}

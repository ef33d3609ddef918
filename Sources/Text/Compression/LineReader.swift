import Files

/// Lines of a text file, packed or plain, as bytes.
///
/// Ends of lines are LF or CR LF and are not part of the line; a byte order mark at the front is passed over.
/// Memory is bounded by the longest line, which has a limit.
public final class LineReader {
    /// Number of the line read last, from 1.
    public private(set) var lineNumber = 0

    private let source: Decompressor
    private let limit: Int
    private var buffer = [UInt8](repeating: 0, count: 1 << 17)
    private var start = 0
    private var end = 0
    private var isEnded = false
    /// The rest of a line that was too long is still to be passed over.
    private var isSkipping = false

    /// - Parameter limit: bytes a line may have.
    public init(_ source: any ByteSource, limit: Int = 1 << 28) throws {
        self.source = try Decompressor(source)
        self.limit = limit
    }

    /// Opens a file; `-` is standard input.
    public convenience init(path: String, limit: Int = 1 << 28) throws {
        try self.init(try FileReader(path), limit: limit)
    }

    /// Packed bytes read so far.
    public var sourceOffset: Int { source.sourceOffset }

    /// Replaces `line` by the next one.
    ///
    /// - Returns: false at the end of the file.
    /// - Throws: `CompressionError.lineTooLong` (the next call goes on with the line after it), and the source's errors.
    public func next(into line: inout [UInt8]) throws -> Bool {
        line.removeAll(keepingCapacity: true)
        var hasBytes = false
        if !isSkipping { lineNumber += 1 }
        while true {
            if start == end {
                guard try refill() else {
                    if isSkipping {
                        isSkipping = false
                        return false
                    }
                    if !hasBytes { lineNumber -= 1 }
                    return hasBytes
                }
                if lineNumber == 1, !hasBytes { skipByteOrderMark() }
            }
            hasBytes = true
            let newline = buffer.withUnsafeBytes { ByteSearch.first(10, in: $0, from: start, to: end) }
            let stop = newline ?? end
            if !isSkipping {
                guard line.count + (stop - start) <= limit else {
                    line.removeAll(keepingCapacity: true)
                    start = newline.map { $0 + 1 } ?? end
                    isSkipping = newline == nil
                    throw CompressionError.lineTooLong(file: source.name, line: lineNumber, limit: limit)
                }
                line.append(contentsOf: buffer[start..<stop])
            }
            start = stop
            guard newline != nil else { continue }
            start += 1
            if isSkipping {
                isSkipping = false
                hasBytes = false
                lineNumber += 1
                continue
            }
            if line.last == 13 { line.removeLast() }
            return true
        }
    }

    private func skipByteOrderMark() {
        if end - start >= 3, buffer[start] == 0xEF, buffer[start + 1] == 0xBB, buffer[start + 2] == 0xBF { start += 3 }
    }

    private func refill() throws -> Bool {
        if isEnded { return false }
        start = 0
        end = 0
        // A first piece of fewer than three bytes could hide a byte order mark.
        while end < 3 {
            let got = try buffer.withUnsafeMutableBytes {
                try source.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[end...]))
            }
            if got == 0 {
                isEnded = true
                break
            }
            end += got
        }
        return end > 0
    }
}

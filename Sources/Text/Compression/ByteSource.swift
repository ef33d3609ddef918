import Files

/// Something that bytes are read from, front to back.
public protocol ByteSource: AnyObject {
    /// For messages: a path, usually.
    var name: String { get }

    /// Reads up to the buffer's size; 0 at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int

    /// Goes to an offset from the front. False where the source cannot.
    func seek(to offset: Int) throws -> Bool
}

extension FileReader: ByteSource {
    /// The path; of `-`, the words “standard input”.
    public var name: String { path == "-" ? "standard input" : path }
}

/// Bytes in memory as a source.
public final class MemorySource: ByteSource {
    /// For messages.
    public let name: String
    private let bytes: [UInt8]
    private var position = 0

    /// A source of these bytes.
    public init(_ bytes: [UInt8], name: String = "memory") {
        self.bytes = bytes
        self.name = name
    }

    /// Copies bytes; 0 at the end.
    public func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - position)
        bytes.withUnsafeBytes { all in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[position..<position + count]))
        }
        position += count
        return count
    }

    /// Goes to an offset; beyond the end, to the end.
    public func seek(to offset: Int) -> Bool {
        position = min(max(offset, 0), bytes.count)
        return true
    }
}

/// A stretch of another source that can seek: an entry of a zip file.
public final class SectionSource: ByteSource {
    /// For messages.
    public let name: String
    private let source: any ByteSource
    private let range: Range<Int>
    private var position: Int
    private var isPlaced = false

    /// The bytes of `source` in `range`.
    public init(of source: any ByteSource, range: Range<Int>, name: String) {
        self.source = source
        self.range = range
        self.name = name
        position = range.lowerBound
    }

    /// Reads within the section; 0 at its end.
    public func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        if !isPlaced {
            guard try source.seek(to: position) else { return 0 }
            isPlaced = true
        }
        let wanted = min(buffer.count, range.upperBound - position)
        guard wanted > 0 else { return 0 }
        let got = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]))
        position += got
        return got
    }

    /// Goes to an offset from the section's front.
    public func seek(to offset: Int) throws -> Bool {
        position = min(max(range.lowerBound + offset, range.lowerBound), range.upperBound)
        isPlaced = false
        return true
    }
}

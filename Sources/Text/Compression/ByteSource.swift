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
    public var name: String { path == "-" ? "standard input" : path }
}

/// Bytes in memory as a source.
public final class MemorySource: ByteSource {
    public let name: String
    private let bytes: [UInt8]
    private var position = 0

    public init(_ bytes: [UInt8], name: String = "memory") {
        self.bytes = bytes
        self.name = name
    }

    public func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - position)
        bytes.withUnsafeBytes { all in
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: all[position..<position + count]))
        }
        position += count
        return count
    }

    public func seek(to offset: Int) -> Bool {
        position = min(max(offset, 0), bytes.count)
        return true
    }
}

/// A stretch of another source that can seek: an entry of a zip file.
public final class SectionSource: ByteSource {
    public let name: String
    private let source: any ByteSource
    private let range: Range<Int>
    private var position: Int
    private var isPlaced = false

    public init(of source: any ByteSource, range: Range<Int>, name: String) {
        self.source = source
        self.range = range
        self.name = name
        position = range.lowerBound
    }

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

    public func seek(to offset: Int) throws -> Bool {
        position = min(max(range.lowerBound + offset, range.lowerBound), range.upperBound)
        isPlaced = false
        return true
    }
}

import Files

/// The central directory of a zip file, with the 64-bit extension (APPNOTE 6.3.10, 4.3–4.5).
struct ZipDirectory {
    struct Entry {
        var name: String
        var method: Int
        var packedSize: Int
        var headerOffset: Int

        /// Where the entry's bytes are; the local header tells how long it is itself.
        func dataRange(in file: FileReader) throws -> Range<Int> {
            guard headerOffset >= 0, try file.seek(to: headerOffset) else {
                throw ArchiveError.zip(file: file.path, detail: "\(name) lies outside")
            }
            let header = try ZipDirectory.read(30, from: file)
            guard header.count == 30, Bytes(header).number(0, 4) == 0x0403_4B50 else {
                throw ArchiveError.zip(file: file.path, detail: "no header for \(name)")
            }
            let start = headerOffset + 30 + Bytes(header).number(26, 2) + Bytes(header).number(28, 2)
            let (end, overflow) = start.addingReportingOverflow(packedSize)
            guard packedSize >= 0, !overflow, end <= file.size else {
                throw ArchiveError.zip(file: file.path, detail: "\(name) ends outside")
            }
            return start..<end
        }
    }

    /// Little-endian numbers in a buffer.
    struct Bytes {
        var all: [UInt8]
        init(_ all: [UInt8]) { self.all = all }

        func number(_ offset: Int, _ width: Int) -> Int {
            guard offset >= 0, offset + width <= all.count else { return -1 }
            var value: UInt64 = 0
            for index in (0..<width).reversed() { value = value << 8 | UInt64(all[offset + index]) }
            return Int(clamping: value)
        }
    }

    private(set) var entries: [Entry] = []
    private static let directoryLimit = 1 << 28

    init(_ file: FileReader) throws {
        let size = file.size
        let tailStart = max(0, size - 65_557)
        _ = try file.seek(to: tailStart)
        let tail = Bytes(try Self.read(size - tailStart, from: file))
        var end = tail.all.count - 22
        while end >= 0, tail.number(end, 4) != 0x0605_4B50 { end -= 1 }
        guard end >= 0 else { throw ArchiveError.zip(file: file.path, detail: "no end of directory") }
        var count = tail.number(end + 10, 2)
        var length = tail.number(end + 12, 4)
        var offset = tail.number(end + 16, 4)
        if end >= 20, tail.number(end - 20, 4) == 0x0706_4B50 {
            let place = tail.number(end - 12, 8)
            guard place >= 0, place < size, try file.seek(to: place) else {
                throw ArchiveError.zip(file: file.path, detail: "64-bit directory outside")
            }
            let record = Bytes(try Self.read(56, from: file))
            count = record.number(32, 8)
            length = record.number(40, 8)
            offset = record.number(48, 8)
        }
        guard length >= 0, length <= Self.directoryLimit, offset >= 0, offset <= size - length,
            try file.seek(to: offset)
        else { throw ArchiveError.zip(file: file.path, detail: "directory outside") }
        try parse(Bytes(try Self.read(length, from: file)), count: count, file: file.path)
    }

    private mutating func parse(_ directory: Bytes, count: Int, file: String) throws {
        var at = 0
        for _ in 0..<max(0, min(count, directory.all.count / 46)) {
            guard directory.number(at, 4) == 0x0201_4B50 else {
                throw ArchiveError.zip(file: file, detail: "directory entry at \(at)")
            }
            let nameLength = directory.number(at + 28, 2)
            let extraLength = directory.number(at + 30, 2)
            let commentLength = directory.number(at + 32, 2)
            let nameStart = at + 46
            guard nameLength >= 0, extraLength >= 0, commentLength >= 0,
                nameStart + nameLength + extraLength <= directory.all.count
            else { throw ArchiveError.zip(file: file, detail: "directory entry at \(at) ends early") }
            var entry = Entry(
                name: String(decoding: directory.all[nameStart..<nameStart + nameLength], as: UTF8.self),
                method: directory.number(at + 10, 2), packedSize: directory.number(at + 20, 4),
                headerOffset: directory.number(at + 42, 4))
            let isPlainSize64 = directory.number(at + 24, 4) == 0xFFFF_FFFF
            Self.widen(&entry, directory, nameStart + nameLength, extraLength, isPlainSize64)
            entries.append(entry)
            at = nameStart + nameLength + extraLength + commentLength
        }
    }

    /// Takes sizes of entries beyond 4 GiB from the extra field.
    private static func widen(
        _ entry: inout Entry, _ directory: Bytes, _ start: Int, _ length: Int, _ isPlainSize64: Bool
    ) {
        var at = start
        while at + 4 <= start + length {
            let size = directory.number(at + 2, 2)
            if directory.number(at, 2) == 1 {
                var field = at + 4
                if isPlainSize64 { field += 8 }
                if entry.packedSize == 0xFFFF_FFFF {
                    entry.packedSize = directory.number(field, 8)
                    field += 8
                }
                if entry.headerOffset == 0xFFFF_FFFF { entry.headerOffset = directory.number(field, 8) }
                return
            }
            at += 4 + size
        }
    }

    static func read(_ count: Int, from file: FileReader) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            if try file.read(count - bytes.count, into: &bytes) == 0 { break }
        }
        return bytes
    }
}

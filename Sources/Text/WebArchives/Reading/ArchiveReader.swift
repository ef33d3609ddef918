import Compression
import Files

/// The records of a web archive, front to back: WARC 0.17–1.1, ARC 1 and 2, and the archives inside a WACZ; plain, or
/// packed with gzip (by record or as a whole), zstd or LZ4.
///
/// Every record before damage is delivered; then `next()` throws, saying where. `resynchronise()` then looks for the
/// next record. Memory stays bounded: a window of the file, and the block that is asked for.
/// Not `Sendable`: one task reads one file.
public final class ArchiveReader {
    /// The path, for messages; of a WACZ, with the member.
    public var name: String { window.name }

    private var window: PlainWindow
    private var parts: [WACZ.Part]
    private var isARC: Bool?
    private var arcFieldCount = 5
    private var current = Block()
    private var state = State.between
    private var passedOver: [ArchiveError] = []
    private static let headerLimit = 1 << 20
    private static let lineLimit = 1 << 16
    /// A length beyond this is no length (1 PiB).
    private static let lengthLimit = 1 << 50

    private enum State {
        /// At the border of two records.
        case between
        /// In or behind the block of `current`.
        case inBlock
        /// `next()` threw; `isPacking` tells whether the source did.
        case damaged(isPacking: Bool)
        case ended
    }

    /// The block being read.
    private struct Block {
        var offset = 0
        /// Plain offset of the record's first byte.
        var recordStart = 0
        var startsAtMember = false
        var length = 0
        var left = 0
        /// What an HTTP message in an ARC record says of its own length.
        var messageLength: Int?

        var isWholeMessage: Bool { messageLength.map { $0 <= length - left } ?? false }
    }

    /// Opens a file; `-` is standard input.
    ///
    /// - Throws: `FileError`; `ArchiveError.packing`, `.zip`.
    public convenience init(path: String) throws {
        let file = try FileReader(path)
        if path != "-", try WACZ.isZip(file) {
            var parts = try WACZ.parts(of: file)
            guard !parts.isEmpty else {
                throw ArchiveError.zip(file: path, detail: "no archive in it")
            }
            let first = parts.removeFirst()
            try self.init(try first.open(), canSeek: false, parts: parts)
        } else {
            try self.init(file, canSeek: path != "-", parts: [])
        }
    }

    /// Reads from another source.
    public convenience init(_ source: any ByteSource) throws { try self.init(source, canSeek: false, parts: []) }

    private init(_ source: any ByteSource, canSeek: Bool, parts: [WACZ.Part]) throws {
        self.parts = parts
        do {
            window = PlainWindow(try Decompressor(source), canSeek: canSeek)
        } catch let error as CompressionError {
            throw ArchiveError.packing(error)
        }
    }

    /// The next record; nil at the end.
    ///
    /// What is left of the previous block is passed over, so damage in it shows here.
    ///
    /// - Throws: `ArchiveError`; afterwards only `resynchronise()` goes on, `next()` alone gives nil.
    public func next() throws -> ArchiveRecord? {
        switch state {
        case .ended, .damaged: return nil
        case .inBlock: try skipBlock()
        case .between: break
        }
        do {
            while true {
                try skipLineEnds()
                try passLineAfterBlock()
                if window.count > 0 { return try readHeaders() }
                guard !parts.isEmpty else {
                    state = .ended
                    return nil
                }
                try openNextPart()
            }
        } catch {
            throw damage(error)
        }
    }

    /// Damage that cost no record and that `next()` got over by itself (`.wrongLength`), since the last call.
    public func takePassedOver() -> [ArchiveError] {
        defer { passedOver = [] }
        return passedOver
    }

    /// A block that is a little longer than declared leaves the rest of a line before the next record: reported, and
    /// passed over.
    private func passLineAfterBlock() throws {
        guard current.length > 0, window.count > 0, !Self.isWARCStart(window.bytes) else { return }
        try window.require(6)
        if try looksLikeRecord(isStrict: false) { return }
        let newline = try findNewline(limit: Self.lineLimit)
        var next = newline.map { $0 + 1 } ?? window.count
        guard newline != nil || window.count < Self.lineLimit else { return }
        while true {
            try window.require(next + 6)
            let bytes = window.bytes
            while next < bytes.count, ASCII.isBlank(bytes[next]) { next += 1 }
            if next >= bytes.count {
                guard try window.fill() else { break }
            } else if bytes.count - next >= 6 || next + 6 > window.count {
                guard try isRecord(at: next) else { return }
                break
            }
        }
        passedOver.append(
            .wrongLength(
                file: name, offset: current.offset, expected: current.length, found: startOfWindow()))
        window.consume(min(next, window.count))
    }

    private func isRecord(at start: Int) throws -> Bool {
        try window.require(start + 6)
        if Self.isWARCStart(UnsafeRawBufferPointer(rebasing: window.bytes[start...])) { return true }
        guard isARC == true else { return false }
        let bytes = window.bytes
        guard let newline = ByteSearch.first(10, in: bytes, from: start, to: bytes.count) else { return false }
        return ARCHeader(bytes[start..<newline], fieldCount: arcFieldCount, isStrict: true) != nil
    }

    private func openNextPart() throws {
        let part = parts.removeFirst()
        window = PlainWindow(try Decompressor(try part.open()), canSeek: false)
        isARC = nil
        arcFieldCount = 5
    }

    private func damage(_ error: any Error) -> any Error {
        if let error = error as? CompressionError {
            state = .damaged(isPacking: true)
            return ArchiveError.packing(error)
        }
        state = .damaged(isPacking: false)
        return error
    }

    private func skipLineEnds() throws {
        while true {
            var blank = 0
            let bytes = window.bytes
            while blank < bytes.count, ASCII.isBlank(bytes[blank]) { blank += 1 }
            window.consume(blank)
            if window.count > 0 { return }
            guard try window.fill() else { return }
        }
    }

    // MARK: Headers

    private func readHeaders() throws -> ArchiveRecord? {
        try window.require(6)
        if Self.isWARCStart(window.bytes) {
            if isARC == nil { isARC = false }
            return try readWARCHeaders()
        }
        if isARC != false, let record = try readARCHeader() { return record }
        throw ArchiveError.notARecord(
            file: name, offset: window.fileOffset(of: window.position), plain: window.position, found: startOfWindow())
    }

    /// `WARC/` in any case, and a digit: the versions are 0.x and 1.x, and later ones will be like them.
    static func isWARCStart(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= 6 && ASCII.lower(bytes[0]) == 0x77 && ASCII.lower(bytes[1]) == 0x61
            && ASCII.lower(bytes[2]) == 0x72 && ASCII.lower(bytes[3]) == 0x63 && bytes[4] == 0x2F
            && ASCII.isDigit(bytes[5])
    }

    private func startOfWindow() -> String {
        let line = window.bytes.prefix(40).prefix { $0 != 10 && $0 != 13 }
        return String(decoding: line.map { $0 < 32 || $0 == 127 ? 63 : $0 }, as: UTF8.self)
    }

    private func readWARCHeaders() throws -> ArchiveRecord {
        // An empty line ends the headers; the search goes on where it stopped when bytes run out.
        var lineStart = 0
        var versionEnd = 0
        while true {
            let bytes = window.bytes
            guard let newline = ByteSearch.first(10, in: bytes, from: lineStart, to: bytes.count) else {
                guard bytes.count <= Self.headerLimit, try window.fill() else { throw unfinishedHeaders() }
                continue
            }
            if versionEnd == 0 { versionEnd = newline + 1 }
            // Some writers end lines with CR CR LF.
            var lineEnd = newline
            while lineEnd > lineStart, bytes[lineEnd - 1] == 13 { lineEnd -= 1 }
            if lineEnd == lineStart {
                let fields = HeaderFields(parsing: Array(bytes[versionEnd..<max(lineStart, versionEnd)]))
                return begin(fields, format: .warc, headerLength: newline + 1)
            }
            lineStart = newline + 1
            if lineStart > Self.headerLimit { throw unfinishedHeaders() }
        }
    }

    private func unfinishedHeaders() -> ArchiveError {
        .unfinishedHeaders(file: name, offset: window.fileOffset(of: window.position), plain: window.position)
    }

    private func readARCHeader() throws -> ArchiveRecord? {
        guard let newline = try findNewline(limit: Self.lineLimit),
            let header = ARCHeader(
                window.bytes[..<newline], fieldCount: arcFieldCount, isStrict: isARC == nil && !isFileDescription())
        else { return nil }
        isARC = true
        var record = begin(header.fields, format: .arc, headerLength: newline + 1)
        // Crawlers of the 1990s wrote lengths beyond 2 GiB as negative numbers, and no block.
        if header.length == nil, !header.hasNegativeLength { record.problems.append(.invalidLength) }
        if record.isHTTP { try measureMessage() }
        if header.isFileDescription { try readVersionBlock(hasLength: header.length != nil) }
        return record
    }

    /// Notes how many bytes the HTTP message says it has: writers that dropped carriage returns left the old length in
    /// the record's header, and the file's last record then seems cut off though nothing is missing.
    private func measureMessage() throws {
        try window.require(min(current.length, 1 << 14))
        let head = Array(window.bytes.prefix(min(current.length, 1 << 14)))
        guard let message = HTTPMessage(head), message.bodyStart < head.count,
            let body = message.fields.firstBytes("Content-Length").flatMap({ ASCII.number($0) }), body < 1 << 50
        else { return }
        current.messageLength = message.bodyStart + body
    }

    private func isFileDescription() -> Bool { window.bytes.starts(with: "filedesc:".utf8) }

    private func findNewline(limit: Int) throws -> Int? {
        var searched = 0
        while true {
            let bytes = window.bytes
            if let found = ByteSearch.first(10, in: bytes, from: searched, to: bytes.count) { return found }
            searched = bytes.count
            guard searched < limit, try window.fill() else { return nil }
        }
    }

    /// Learns from a file description how many fields the headers have. Its block stays to be read, unless its length
    /// is unknown: then it ends at an empty line.
    private func readVersionBlock(hasLength: Bool) throws {
        try window.require(hasLength ? min(current.length, 4096) : 4096)
        let block = window.bytes.prefix(hasLength ? current.length : 4096)
        let lines = block.split(separator: 10, maxSplits: 2, omittingEmptySubsequences: false)
        if lines.count > 1 { arcFieldCount = lines[1].split(separator: 32).count >= 10 ? 10 : 5 }
        guard !hasLength else { return }
        var length = 0
        for line in block.split(separator: 10, omittingEmptySubsequences: false) {
            if line.isEmpty || (line.count == 1 && line.first == 13) { break }
            length += line.count + 1
        }
        current.length = min(length, window.count)
        current.left = current.length
    }

    private func begin(_ fields: HeaderFields, format: ArchiveRecord.Format, headerLength: Int) -> ArchiveRecord {
        var problems: [RecordProblem] = []
        var length = 0
        if let value = fields.firstBytes("Content-Length") {
            if let number = ASCII.number(value), number <= Self.lengthLimit {
                length = number
            } else {
                problems.append(.invalidLength)
            }
        } else {
            problems.append(.missingLength)
        }
        let type = fields.firstBytes("WARC-Type")
        if type == nil { problems.append(.missingType) }
        current = Block(
            offset: window.fileOffset(of: window.position), recordStart: window.position,
            startsAtMember: window.isAtMemberStart, length: length, left: length)
        window.consume(headerLength)
        state = .inBlock
        return ArchiveRecord(
            format: format, kind: type.map { RecordKind($0) } ?? .other, fields: fields, offset: current.offset,
            contentLength: length, problems: format == .arc ? [] : problems)
    }

    // MARK: Blocks

    /// Appends the whole block of the record that `next()` gave last.
    ///
    /// - Throws: `ArchiveError.blockTooLarge` (the block is then passed over by `next()`), `.truncatedBlock`, `.packing`;
    ///   what there is of the block has been appended.
    public func readBlock(into block: inout [UInt8], limit: Int = 1 << 30) throws {
        guard case .inBlock = state else { return }
        guard current.left <= limit else {
            throw ArchiveError.blockTooLarge(file: name, offset: current.offset, bytes: current.left, limit: limit)
        }
        // A declared length is not trusted with memory before its bytes are there.
        block.reserveCapacity(block.count + min(current.left, 1 << 24))
        while current.left > 0 {
            let step = try prepareStep()
            if step == 0 { break }
            block.append(contentsOf: window.bytes[..<step])
            window.consume(step)
            current.left -= step
        }
    }

    /// Appends the first bytes of the block without taking them: enough for an HTTP head. Damage shows only when the
    /// block is read or passed over.
    public func peekBlock(into block: inout [UInt8], count: Int) {
        guard case .inBlock = state else { return }
        var wanted = min(count, current.left, 1 << 12)
        while true {
            let hasAll = (try? window.require(wanted)) != nil && window.count >= wanted
            let bytes = window.bytes[..<min(wanted, window.count)]
            // A head is usually short: more is read only while its end is not there.
            if !hasAll || wanted >= min(count, current.left) || Self.endsHead(bytes) {
                block.append(contentsOf: bytes)
                return
            }
            wanted = min(wanted * 4, count, current.left)
        }
    }

    private static func endsHead(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        let whole = UnsafeRawBufferPointer(rebasing: bytes)
        var at = 0
        while let newline = ByteSearch.first(10, in: whole, from: at, to: whole.count) {
            var next = newline + 1
            while next < whole.count, whole[next] == 13 { next += 1 }
            if next < whole.count, whole[next] == 10 { return true }
            at = newline + 1
        }
        return false
    }

    private func skipBlock() throws {
        guard window.isPacked else {
            do {
                current.left -= try window.skip(current.left)
            } catch {
                throw damage(error)
            }
            guard current.left == 0 || current.isWholeMessage else { throw truncatedBlock() }
            state = .between
            return
        }
        while current.left > 0 {
            let step = try prepareStep()
            if step == 0 { break }
            window.consume(step)
            current.left -= step
        }
        state = .between
    }

    /// Makes bytes of the block available and tells how many may be taken; 0 where the block ends early without harm.
    private func prepareStep() throws -> Int {
        if window.count == 0 {
            do {
                guard try window.fill() else {
                    if current.isWholeMessage {
                        current.left = 0
                        return 0
                    }
                    throw truncatedBlock()
                }
            } catch let error as ArchiveError {
                throw error
            } catch {
                throw damage(error)
            }
        }
        let step = min(current.left, window.count)
        guard current.startsAtMember, let mark = window.firstMark(after: current.recordStart),
            mark.plain < window.position + step
        else { return step }
        // A member that begins inside the block and with a record: the length is wrong, the next record is not lost.
        let before = mark.plain - window.position
        if before > 0 { return before }
        try? window.require(6)
        guard Self.isWARCStart(window.bytes) else { return step }
        throw truncatedBlock()
    }

    private func truncatedBlock() -> ArchiveError {
        state = .damaged(isPacking: false)
        return .truncatedBlock(
            file: name, offset: current.offset, expected: current.length, got: current.length - current.left)
    }

    // MARK: Recovery

    /// After `next()` threw: looks for the next record. False where there is none.
    ///
    /// In packed files a damaged member is passed over; otherwise the next line that begins like a record counts.
    public func resynchronise() -> Bool {
        guard case .damaged(var isPacking) = state else { return false }
        while true {
            do {
                if isPacking {
                    isPacking = false
                    guard try window.skipToNextMember() else { return finishDamaged() }
                }
                guard try findRecord() else { return finishDamaged() }
                state = .between
                return true
            } catch is CompressionError {
                isPacking = true
            } catch {
                return finishDamaged()
            }
        }
    }

    private func finishDamaged() -> Bool {
        // What follows in a WACZ is another file.
        while !parts.isEmpty {
            do {
                try openNextPart()
                state = .between
                return true
            } catch { continue }
        }
        state = .ended
        return false
    }

    /// Moves to the first place that looks like a record: here if not yet looked at, else at the start of a later line
    /// or member.
    private func findRecord() throws -> Bool {
        var isHere = window.count == 0 || isAtRecordAfterDamage()
        while true {
            try window.require(6)
            if isHere, try looksLikeRecord() { return true }
            isHere = true
            let bytes = window.bytes
            guard bytes.count > 0 else { return false }
            let newline = ByteSearch.first(10, in: bytes, from: 0, to: bytes.count).map { $0 + 1 } ?? bytes.count
            current.length = 0
            let mark = window.firstMark(after: window.position).map { $0.plain - window.position } ?? Int.max
            window.consume(min(newline, mark))
        }
    }

    /// Whether the place of the damage may itself be a record (a block that was cut short by the next record).
    private func isAtRecordAfterDamage() -> Bool { Self.isWARCStart(window.bytes) && window.isAtMemberStart }

    private func looksLikeRecord(isStrict: Bool = true) throws -> Bool {
        if Self.isWARCStart(window.bytes) { return true }
        guard isARC == true, let newline = try findNewline(limit: Self.lineLimit) else { return false }
        return ARCHeader(window.bytes[..<newline], fieldCount: arcFieldCount, isStrict: isStrict) != nil
    }
}

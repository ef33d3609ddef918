import Compression
import Files
import WebArchives

/// A page as it comes from the pool, not yet decoded: that is the workers' part.
enum RawPage: Sendable, Codable {
    /// A header of a record.
    struct Field: Sendable, Codable {
        var name: String
        var value: String
    }

    case line([UInt8])
    /// An HTTP message and its record's fields.
    case response(block: [UInt8], fields: [Field], url: String?, file: String, offset: Int)
    /// Text that the archive holds already (`conversion` records).
    case text(block: [UInt8], fields: [Field], url: String?)
    /// What could not be read, by reason; counts as a page read and failed.
    case failure(String)

    var byteCount: Int {
        switch self {
        case .line(let bytes), .text(let bytes, _, _), .response(let bytes, _, _, _, _): bytes.count
        case .failure: 0
        }
    }
}

/// The pages of a pool's files, one after another.
final class PoolReader {
    private var files: ArraySlice<String>
    private var archive: ArchiveReader?
    private var lines: LineReader?
    private let pageLimit: Int
    private let skipsDamage: Bool
    private var failures: [String] = []
    private var line: [UInt8] = []

    init(_ files: [String], pageLimit: Int, skipsDamage: Bool) {
        self.files = files[...]
        self.pageLimit = pageLimit
        self.skipsDamage = skipsDamage
    }

    /// The next page; nil at the end of the pool.
    ///
    /// - Throws: `FileError` where a file cannot be opened.
    func next() throws -> RawPage? {
        while true {
            if !failures.isEmpty { return .failure(failures.removeFirst()) }
            if let archive {
                if let page = try nextRecord(archive) { return page }
            } else if let lines {
                if let page = try nextLine(lines) { return page }
            } else {
                guard let path = files.popFirst() else { return nil }
                try open(path)
            }
        }
    }

    private func open(_ path: String) throws {
        do {
            if try PoolFiles.kind(of: path) == .lines {
                lines = try LineReader(path: path, limit: pageLimit)
            } else {
                archive = try ArchiveReader(path: path)
            }
        } catch let error as ArchiveError {
            failures.append(error.reason)
        } catch let error as CompressionError {
            failures.append(ArchiveError.packing(error).reason)
        }
    }

    private func nextLine(_ reader: LineReader) throws -> RawPage? {
        do {
            while try reader.next(into: &line) {
                if !line.allSatisfy({ $0 == 32 || $0 == 9 }) { return .line(line) }
            }
            lines = nil
        } catch let error as CompressionError {
            if case .lineTooLong = error { return .failure("page too large") }
            lines = nil
            return .failure(ArchiveError.packing(error).reason)
        }
        return nil
    }

    private func nextRecord(_ reader: ArchiveReader) throws -> RawPage? {
        do {
            while let record = try reader.next() {
                failures += reader.takePassedOver().map(\.reason)
                let isResponse = record.kind == .response && record.isHTTP
                guard isResponse || record.kind == .conversion else { continue }
                var block: [UInt8] = []
                if isResponse {
                    reader.peekBlock(into: &block, count: 1 << 16)
                    guard HTTPMessage(block)?.isHTML ?? false else { continue }
                    block.removeAll()
                }
                guard record.contentLength <= pageLimit else { return .failure("page too large") }
                try reader.readBlock(into: &block, limit: pageLimit)
                let fields = record.fields.pairs.map { RawPage.Field(name: $0.name, value: $0.value) }
                return isResponse
                    ? .response(
                        block: block, fields: fields, url: record.targetURI, file: reader.name, offset: record.offset)
                    : .text(block: block, fields: fields, url: record.targetURI)
            }
            failures += reader.takePassedOver().map(\.reason)
            archive = nil
        } catch let error as ArchiveError {
            // A block that is cut off shows in `readBlock` first: `next()` then has nothing more to tell.
            if !(skipsDamage && reader.resynchronise()) { archive = nil }
            return .failure(error.reason)
        }
        return nil
    }
}

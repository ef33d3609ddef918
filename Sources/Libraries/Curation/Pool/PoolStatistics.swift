import Compression
import Files
import JSON
import WebArchives

/// What a pool holds: bytes on disk, records by type, web pages, and what could not be read, by reason.
public struct PoolStatistics: Sendable, Hashable {
    /// On the disk.
    public var bytes = 0
    /// Records by type; the lines of a JSONL file count as `page`.
    public var records: [String: Int] = [:]
    /// HTML responses of archives, and the pages of JSONL files.
    public var pages = 0
    /// What could not be read, by reason.
    public var failed: [String: Int] = [:]

    /// How files are read.
    public struct Options: Sendable {
        /// Whether reading goes on behind damage; otherwise a file ends at its first damage.
        public var skipsDamage = false
        /// Whether blocks and payloads are compared with their digests.
        public var checksDigests = false
        /// Bytes of a record's block beyond which its HTTP message is not looked at.
        public var blockLimit = 1 << 30

        /// Stops a file at its first damage, and checks no digests.
        public init() {}
    }

    /// Nothing counted yet.
    public init() {}

    /// Reads files (not folders; see `PoolFiles.expand`) from end to end.
    ///
    /// - Parameters:
    ///   - onFailure: told of each failure in full.
    /// - Throws: `FileError` where a file cannot be opened; damage is counted.
    public init(
        of paths: [String], options: Options = Options(), onFailure: (String) -> Void = { _ in }
    ) throws {
        for path in paths { try add(path, options, onFailure) }
    }

    /// The figures as `{"bytes", "records", "pages", "failed"}`.
    public var json: JSONValue {
        func counts(_ table: [String: Int]) -> JSONValue {
            .object(JSONObject(table.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }))
        }
        return [
            "bytes": JSONValue(bytes), "records": counts(records), "pages": JSONValue(pages), "failed": counts(failed),
        ]
    }

    private mutating func add(_ path: String, _ options: Options, _ onFailure: (String) -> Void) throws {
        let size = path == "-" ? 0 : try FileReader(path).size
        bytes += size
        if size == 0, path != "-" {
            fail("empty file", "\(path): is empty.", onFailure)
            return
        }
        do {
            switch try PoolFiles.kind(of: path) {
            case .lines: try addLines(path, onFailure)
            case .archive: try addArchive(path, options, onFailure)
            }
        } catch let error as ArchiveError {
            fail(error.reason, error.description, onFailure)
        } catch let error as CompressionError {
            fail(ArchiveError.packing(error).reason, error.description, onFailure)
        }
    }

    private mutating func fail(_ reason: String, _ text: String, _ onFailure: (String) -> Void) {
        failed[reason, default: 0] += 1
        onFailure(text)
    }

    private mutating func addArchive(_ path: String, _ options: Options, _ onFailure: (String) -> Void) throws {
        let reader = try ArchiveReader(path: path)
        var block: [UInt8] = []
        while true {
            do {
                guard let record = try reader.next() else { break }
                records[record.typeName, default: 0] += 1
                for problem in record.problems {
                    fail(
                        problem.rawValue, "\(path): the record at byte \(record.offset): \(problem.rawValue).",
                        onFailure)
                }
                try look(at: record, reader, &block, options, onFailure)
            } catch let error as ArchiveError {
                fail(error.reason, error.description, onFailure)
                guard options.skipsDamage, reader.resynchronise() else { break }
            }
            for error in reader.takePassedOver() { fail(error.reason, error.description, onFailure) }
        }
        for error in reader.takePassedOver() { fail(error.reason, error.description, onFailure) }
    }

    private mutating func look(
        at record: ArchiveRecord, _ reader: ArchiveReader, _ block: inout [UInt8], _ options: Options,
        _ onFailure: (String) -> Void
    ) throws {
        let isResponse = record.kind == .response && record.isHTTP
        guard options.checksDigests || isResponse else { return }
        block.removeAll(keepingCapacity: true)
        if options.checksDigests {
            guard record.contentLength <= options.blockLimit else {
                throw ArchiveError.blockTooLarge(
                    file: reader.name, offset: record.offset, bytes: record.contentLength, limit: options.blockLimit)
            }
            // A block that is cut off still shows whether it was a page.
            do { try reader.readBlock(into: &block, limit: options.blockLimit) } catch {
                if isResponse, HTTPMessage(block)?.isHTML ?? false { pages += 1 }
                throw error
            }
            for (field, outcome) in [
                ("WARC-Block-Digest", DigestCheck.block(of: record, block)),
                ("WARC-Payload-Digest", DigestCheck.payload(of: record, block)),
            ] where outcome == .wrong {
                let error = ArchiveError.digest(file: reader.name, offset: record.offset, field: field)
                fail(error.reason, error.description, onFailure)
            }
        } else {
            reader.peekBlock(into: &block, count: 1 << 16)
        }
        if isResponse, HTTPMessage(block)?.isHTML ?? false { pages += 1 }
    }

    private mutating func addLines(_ path: String, _ onFailure: (String) -> Void) throws {
        let reader = try LineReader(path: path)
        var line: [UInt8] = []
        while true {
            do {
                guard try reader.next(into: &line) else { return }
            } catch let error as CompressionError {
                guard case .lineTooLong = error else { throw error }
                fail("line too long", error.description, onFailure)
                continue
            }
            if line.allSatisfy({ $0 == 32 || $0 == 9 }) { continue }
            guard let value = try? JSONValue(parsing: line), value.objectValue != nil else {
                fail("invalid JSON", "\(path):\(reader.lineNumber): no JSON object stands on this line.", onFailure)
                continue
            }
            records["page", default: 0] += 1
            pages += 1
        }
    }
}

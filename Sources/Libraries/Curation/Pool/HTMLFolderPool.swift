import Compression
import Files
import Glibc
import JSON
import WebArchives

/// Makes a pool from folders of HTML files: one response record a file, in the order of their paths.
///
/// The same files with the same times give the same bytes.
public struct HTMLFolderPool: Sendable {
    /// Searched in this order.
    public var folders: [String]
    /// Put before each relative path; nil uses `http://localhost/` and the folder's name, which other readers take for
    /// HTTP (they do not look into responses of `file://` addresses) and which stays the same wherever the folder lies.
    public var baseURL: String?
    /// Date of every record as `2026-01-31T12:00:00Z`; nil uses the files' times.
    public var date: String?
    /// Bytes a page may have, unpacked.
    public var pageLimit = 64 << 20
    /// Stands in the pool's first record as what made it.
    public var software = "Apus"

    /// A pool of the pages below these folders.
    public init(folders: [String]) { self.folders = folders }

    /// What was made.
    public struct Outcome: Sendable, Hashable {
        /// Pages written.
        public var pages = 0
        /// Bytes of their bodies.
        public var bytes = 0
        /// Files left out, by reason.
        public var skipped: [String: Int] = [:]

        /// The figures as `{"pages", "bytes", "skipped"}`.
        public var json: JSONValue {
            [
                "pages": JSONValue(pages), "bytes": JSONValue(bytes),
                "skipped": .object(
                    JSONObject(skipped.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) })),
            ]
        }
    }

    /// Writes the pool.
    ///
    /// - Parameters:
    ///   - progress: told how many files are done, of how many.
    ///   - onSkip: told of each file left out: its path and why.
    /// - Throws: `PoolError.noPages` (nothing is written), `FileError`, `CancellationError`.
    public func write(
        to path: String, progress: (Int, Int) -> Void = { _, _ in }, onSkip: (String, String) -> Void = { _, _ in }
    ) throws -> Outcome {
        var outcome = Outcome()
        func skip(_ path: String, _ reason: String) {
            outcome.skipped[reason, default: 0] += 1
            onSkip(path, reason)
        }
        var pages: [(root: String, file: FileTree.File)] = []
        for folder in folders {
            let tree = try FileTree(folder) { PageFile.isPage($0, packedAs: [".gz"]) }
            pages += tree.files.map { (folder, $0) }
            for left in tree.skipped { skip(left.path, left.reason.rawValue) }
        }
        guard !pages.isEmpty else {
            throw PoolError.noPages(folders: folders, skipped: outcome.skipped.values.reduce(0, +))
        }
        let latest = pages.map(\.file.modified).max() ?? 0
        let writer = try WARCWriter(path, software: software, date: date ?? Self.text(of: latest))
        for (index, (root, file)) in pages.enumerated() {
            try Task.checkCancellation()
            let place = Paths.join(root, file.relativePath)
            switch read(place, file) {
            case .failure(let reason): skip(place, reason.text)
            case .success(let body):
                try writer.writeResponse(
                    target: target(root, file.relativePath), date: date ?? Self.text(of: file.modified),
                    contentType: Self.mediaType(file.relativePath), body: body)
                outcome.pages += 1
                outcome.bytes += body.count
            }
            progress(index + 1, pages.count)
        }
        guard outcome.pages > 0 else {
            throw PoolError.noPages(folders: folders, skipped: outcome.skipped.values.reduce(0, +))
        }
        try writer.commit()
        return outcome
    }

    private struct Reason: Error { var text: String }

    private func read(_ path: String, _ file: FileTree.File) -> Result<[UInt8], Reason> {
        if file.bytes == 0 { return .failure(Reason(text: "empty")) }
        if file.bytes > pageLimit { return .failure(Reason(text: "too large")) }
        do {
            let isPacked = path.hasSuffix(".gz")
            let body =
                isPacked
                ? try Decompressor(path: path, limit: pageLimit).readAll()
                : try FileReader.bytes(of: path, limit: pageLimit)
            return body.isEmpty ? .failure(Reason(text: "empty")) : .success(body)
        } catch let error as CompressionError {
            if case .tooLarge = error { return .failure(Reason(text: "too large")) }
            return .failure(Reason(text: "corrupt gzip"))
        } catch {
            return .failure(Reason(text: "unreadable"))
        }
    }

    private static func mediaType(_ path: String) -> String {
        let lower = path.lowercased()
        return lower.hasSuffix(".xhtml") || lower.hasSuffix(".xhtml.gz") ? "application/xhtml+xml" : "text/html"
    }

    private func target(_ root: String, _ relative: String) -> String {
        let relative = relative.lowercased().hasSuffix(".gz") ? String(relative.dropLast(3)) : relative
        if let baseURL { return (baseURL.hasSuffix("/") ? baseURL : baseURL + "/") + Self.escape(relative) }
        // The folder's real name, so that `.` and `pages/` are the same as the full path.
        let absolute = realpath(root, nil).map { pointer in
            defer { free(pointer) }
            return String(cString: pointer)
        }
        let name = Paths.split(absolute ?? root).name
        return "http://localhost/" + Self.escape(name.isEmpty ? relative : name + "/" + relative)
    }

    /// Percent-escapes what may not stand in a path (RFC 3986, 3.3).
    static func escape(_ path: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in path.utf8 {
            let isLetter = byte | 0x20 >= 97 && byte | 0x20 <= 122
            if isLetter || byte >= 48 && byte <= 57 || "/-._~!$&'()*+,;=:@".utf8.contains(byte) {
                result.append(byte)
            } else {
                result += [37, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// A time as WARC writes it, in UTC.
    static func text(of seconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        var buffer = [UInt8](repeating: 0, count: 40)
        let count = buffer.withUnsafeMutableBufferPointer { target in
            target.withMemoryRebound(to: CChar.self) { strftime($0.baseAddress, 40, "%Y-%m-%dT%H:%M:%SZ", &parts) }
        }
        return String(decoding: buffer[..<count], as: UTF8.self)
    }

    /// A day or a time in WARC's form.
    ///
    /// - Throws: `PoolError.badDate`.
    public static func date(_ text: String) throws -> String {
        let full = text.utf8.count == 10 ? text + "T00:00:00Z" : text
        let bytes = Array(full.utf8)
        let pattern = Array("0000-00-00T00:00:00Z".utf8)
        func number(_ range: Range<Int>) -> Int { range.reduce(0) { $0 * 10 + Int(bytes[$1]) - 48 } }
        let hasForm =
            bytes.count == pattern.count
            && zip(bytes, pattern).allSatisfy { $1 == 48 ? $0 >= 48 && $0 <= 57 : $0 == $1 }
        guard hasForm, (1...12).contains(number(5..<7)), (1...31).contains(number(8..<10)), number(11..<13) < 24,
            number(14..<16) < 60, number(17..<19) <= 60
        else { throw PoolError.badDate(text) }
        return full
    }
}

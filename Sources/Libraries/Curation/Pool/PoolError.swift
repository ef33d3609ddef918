/// What is wrong with a pool, and what to do.
public enum PoolError: Error, Sendable, Hashable, CustomStringConvertible {
    case noFiles(path: String)
    case noPages(folders: [String], skipped: Int)
    case badDate(String)
    /// A pool file or folder below a named folder that would be missing from the pool.
    case unreadable(path: String, reason: String)
    /// A pipe or a device: a pool is read more than once.
    case notAFile(path: String)

    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .noFiles(let path):
            "\(path): holds no pool files (.warc, .arc, .wacz or .jsonl, plain or packed). Name a file or another folder; of HTML files, make a pool first: apus pool from-html."
        case .noPages(let folders, let skipped):
            "\(folders.joined(separator: ", ")): no readable .html, .htm or .xhtml file (\(skipped) skipped). Nothing was written; name a folder that holds pages."
        case .unreadable(let path, let reason):
            "\(path): is part of the pool, but \(reason). Check its permissions and links (ls -lL), or move it away."
        case .notAFile(let path):
            "\(path): is a pipe or a device, and a pool is read more than once. Write it to a file first."
        case .badDate(let text): "“\(text)” is no date. Write it as 2026-01-31 or 2026-01-31T12:00:00Z."
        }
    }
}

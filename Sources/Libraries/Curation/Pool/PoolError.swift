/// What is wrong with a pool, and what to do.
public enum PoolError: Error, Sendable, Hashable, CustomStringConvertible {
    case noFiles(path: String)
    case noPages(folders: [String], skipped: Int)
    case badDate(String)

    public var description: String {
        switch self {
        case .noFiles(let path):
            "\(path): holds no pool files (.warc, .arc, .wacz or .jsonl, plain or packed). Name a file, or another folder."
        case .noPages(let folders, let skipped):
            "\(folders.joined(separator: ", ")): no readable .html, .htm or .xhtml file (\(skipped) skipped). Nothing was written; name a folder that holds pages."
        case .badDate(let text): "“\(text)” is no date. Write it as 2026-01-31 or 2026-01-31T12:00:00Z."
        }
    }
}

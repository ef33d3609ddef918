import Compression
import Files

/// The files of a pool.
public enum PoolFiles {
    /// How a pool's file holds its pages.
    public enum Kind: Sendable, Hashable { case archive, lines }

    /// Files as given, and of folders every pool file below them, in the order of their bytes.
    ///
    /// - Throws: `PoolError.noFiles` for a folder without any, `.unreadable` for a pool file in one, or a folder, that
    ///   cannot be read, `.notAFile` for pipes and devices; `FileError` for what is missing.
    public static func expand(_ paths: [String]) throws -> [String] {
        var result: [String] = []
        for path in paths {
            guard Folder.exists(path) else {
                if path != "-" {
                    // Before it is opened: opening a pipe waits for its writer.
                    guard try FileTree.isRegular(path) else { throw PoolError.notAFile(path: path) }
                    _ = try FileReader(path)
                }
                result.append(path)
                continue
            }
            let tree = try FileTree(path) { isPoolFile($0) }
            if let missing = tree.skipped.first(where: { $0.reason != .linkedTwice }) {
                throw PoolError.unreadable(path: missing.path, reason: missing.reason.rawValue)
            }
            guard !tree.files.isEmpty else { throw PoolError.noFiles(path: path) }
            result += tree.files.map { Paths.join(path, $0.relativePath) }
        }
        return result
    }

    private static func isPoolFile(_ name: String) -> Bool {
        let lower = name.lowercased()
        let stem = [".gz", ".zst", ".lz4"].first { lower.hasSuffix($0) }.map { lower.dropLast($0.count) } ?? lower[...]
        return [".warc", ".arc", ".wacz", ".jsonl", ".ndjson", ".json", ".wet", ".wat"].contains { stem.hasSuffix($0) }
    }

    /// Tells by the content: a file whose first plain byte opens an object holds lines.
    ///
    /// - Throws: `CompressionError`, `FileError`.
    public static func kind(of path: String) throws -> Kind {
        if path == "-" { return .lines }
        let source = try Decompressor(path: path)
        var piece = [UInt8](repeating: 0, count: 256)
        while true {
            let got = try piece.withUnsafeMutableBytes { try source.read(into: $0) }
            guard got > 0 else { return isLinesName(path) ? .lines : .archive }
            let start = piece[..<got].starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
            if let first = piece[start..<got].first(where: { $0 != 32 && $0 != 9 && $0 != 10 && $0 != 13 }) {
                return first == 0x7B || isLinesName(path) ? .lines : .archive
            }
        }
    }

    private static func isLinesName(_ path: String) -> Bool {
        let name = Paths.split(path).name.lowercased()
        return name.contains(".jsonl") || name.contains(".ndjson")
    }
}

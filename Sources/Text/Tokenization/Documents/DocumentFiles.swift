import Files

/// JSON-lines files below paths.
public enum DocumentFiles {
    private static let endings = [".jsonl", ".jsonl.zst", ".jsonl.gz", ".jsonl.lz4", ".json.zst", ".json.gz"]
    /// Folders inside folders beyond this depth are an error; only links that turn back make such.
    private static let depthLimit = 64

    /// Files stay as they are; a folder gives the JSON-lines files in and below it, in the order of their paths.
    ///
    /// - Throws: `FileError`; `TokenizationError.emptyInput` for a folder without such files.
    public static func list(_ paths: [String]) throws -> [String] {
        var files: [String] = []
        for path in paths {
            guard Folder.exists(path) else {
                files.append(path)
                continue
            }
            let before = files.count
            try append(path, to: &files, depth: 0)
            guard files.count > before else {
                throw TokenizationError.emptyInput("\(path) has no \(endings.joined(separator: ", ")) file")
            }
        }
        return files
    }

    private static func append(_ folder: String, to files: inout [String], depth: Int) throws {
        guard depth < depthLimit else {
            throw TokenizationError.badSetting(
                name: "the depth of \(folder)", value: "\(depth)",
                expected: "below \(depthLimit); look for a link that turns back")
        }
        for name in try Folder.entries(folder) where !name.hasPrefix(".") {
            let path = Paths.join(folder, name)
            if Folder.exists(path) {
                try append(path, to: &files, depth: depth + 1)
            } else if endings.contains(where: { name.hasSuffix($0) }), name != TarShardSink.manifestName {
                files.append(path)
            }
        }
    }
}

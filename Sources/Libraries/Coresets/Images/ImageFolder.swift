import Files
import Glibc

/// A folder of images as features: each is cut into `cells` × `cells` equal cells, whose mean grey values are its row.
///
/// Simple, but enough to tell many kinds of pictures apart; a model's embeddings, in a file, say more.
public struct ImageFolder: Sendable {
    public let path: String
    public let cells: Int
    /// Images by their names in the folder and its folders, sorted: row r of the features is of names[r].
    public let names: [String]

    /// - Throws: `CoresetError.malformed` where the folder has no image, `.invalidParameter`; `FileError`.
    public init(_ path: String, cells: Int = 16) throws {
        guard (1...256).contains(cells) else {
            throw CoresetError.invalidParameter(name: "the cells", value: "\(cells)", expected: "from 1 to 256")
        }
        self.path = path
        self.cells = cells
        var found: [String] = []
        try Self.collect(path, "", &found)
        guard !found.isEmpty else {
            throw CoresetError.malformed(
                file: path, place: "the folder",
                reason: "it has no image (\(ImageFile.endings.map { "." + $0 }.joined(separator: ", ")))")
        }
        names = found.sorted()
    }

    /// Whether a path is a folder.
    public static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func collect(_ root: String, _ prefix: String, _ found: inout [String]) throws {
        for entry in try Folder.entries(prefix.isEmpty ? root : root + "/" + prefix) where !entry.hasPrefix(".") {
            let name = prefix.isEmpty ? entry : prefix + "/" + entry
            if isFolder(root + "/" + name) {
                try collect(root, name, &found)
            } else if let ending = entry.split(separator: ".").last, ImageFile.endings.contains(ending.lowercased()) {
                found.append(name)
            }
        }
    }

    /// A row for each image, values from 0 to 1.
    ///
    /// - Throws: `CoresetError.malformed` that names the image.
    public func features<Scalar: KernelScalar>(as type: Scalar.Type = Scalar.self) throws -> Matrix<Scalar> {
        var storage: [Scalar] = []
        storage.reserveCapacity(names.count * cells * cells)
        for name in names {
            for value in try ImageFile(contentsOf: path + "/" + name).cells(cells) { storage.append(Scalar(value)) }
        }
        return try Matrix(rows: names.count, columns: cells * cells, storage: storage)
    }

    /// The same as a file's contents.
    public func read<Scalar: KernelScalar>(as type: Scalar.Type = Scalar.self) throws -> FeatureFile.Contents<Scalar> {
        FeatureFile.Contents(features: try features())
    }
}

import Compression
import Files

/// A web archive collection zipped (https://specs.webrecorder.net/wacz): the archives in it, in the zip's order.
enum WACZ {
    /// An archive inside the zip.
    struct Part {
        var file: FileReader
        var path: String
        var name: String
        var range: Range<Int>
        var isDeflated: Bool

        func open() throws -> any ByteSource {
            let section = SectionSource(of: file, range: range, name: "\(path)!\(name)")
            return isDeflated ? try InflatedSource(section) : section
        }
    }

    static func isZip(_ file: FileReader) throws -> Bool {
        var magic: [UInt8] = []
        _ = try file.read(4, into: &magic)
        _ = try file.seek(to: 0)
        return magic == [0x50, 0x4B, 3, 4] || magic == [0x50, 0x4B, 5, 6]
    }

    static func parts(of file: FileReader) throws -> [Part] {
        try ZipDirectory(file).entries.compactMap { entry in
            let name = entry.name.lowercased()
            let stem =
                [".gz", ".zst", ".lz4"].first { name.hasSuffix($0) }.map { name.dropLast($0.count) } ?? name[...]
            guard stem.hasSuffix(".warc") || stem.hasSuffix(".arc") else { return nil }
            guard entry.method == 0 || entry.method == 8 else {
                throw ArchiveError.zip(file: file.path, detail: "\(entry.name) is packed by method \(entry.method)")
            }
            return Part(
                file: file, path: file.path, name: entry.name, range: try entry.dataRange(in: file),
                isDeflated: entry.method == 8)
        }
    }
}

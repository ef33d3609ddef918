import Curation
import Files
import Glibc
import JSON

/// Finds a pool's files and identifies their content.
package struct PoolStep: ExperimentStep {
    package struct Product: Codable, Sendable {
        package var files: [String]
        package var bytes: Int
        /// SHA-256 over the files' digests, in order; names and times are left out.
        package var content: String
    }

    package static let kind = "pool 1"
    package var site: StepSite
    var paths: [String]

    package init(
        site: StepSite, paths: [String]
    ) {
        self.site = site
        self.paths = paths
    }

    package var inputDigests: [String] { [] }

    /// A file is read again when its name, size or time changes.
    package func parameters() throws -> JSONValue {
        .array(
            try PoolFiles.expand(paths).map { file in
                var status = stat()
                guard stat(file, &status) == 0 else { throw FileError.current("read", file) }
                return .string("\(file) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)")
            })
    }

    package func perform(in folder: String) async throws -> Product {
        let files = try PoolFiles.expand(paths)
        var total = SHA256()
        var bytes = 0
        var buffer: [UInt8] = []
        for file in files {
            let reader = try FileReader(file)
            var digest = SHA256()
            while true {
                try Task.checkCancellation()
                buffer.removeAll(keepingCapacity: true)
                guard try reader.read(1 << 20, into: &buffer) > 0 else { break }
                digest.update(buffer)
                bytes += buffer.count
                site.post(bytes >> 20, "MiB")
            }
            total.update(digest.finish() + "\n")
        }
        return Product(files: files, bytes: bytes, content: total.finish())
    }

    package func digest(of product: Product, address: String) -> String { product.content }
}

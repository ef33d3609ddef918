import Compression
import Files
import HTML
import MainText

/// Parsing and extraction over pages that are held in memory.
struct PageBenchmarks {
    private let harness: BenchmarkHarness
    private let pages: [[UInt8]]

    static let names = ["parse"] + MainTextExtractor.Mode.allCases.map { "extract \($0.rawValue)" }

    /// - Throws: `FileError`, `CompressionError`.
    init(files: [String], harness: BenchmarkHarness) throws {
        self.harness = harness
        pages = try files.map { try Decompressor.bytes(of: try FileReader.bytes(of: $0), name: $0) }
    }

    /// MB/s on one core, of the pages' own bytes.
    func measure(_ name: String) async throws -> BenchmarkHarness.Measurement {
        let size = Double(pages.reduce(0) { $0 + $1.count }) / 1e6
        guard let mode = MainTextExtractor.Mode.allCases.first(where: { name == "extract \($0.rawValue)" }) else {
            let decoded = pages.map { DecodedPage($0).bytes }
            return try await harness.measure(name, multiplier: size, unit: "MB/s") {
                for page in decoded { _ = try Document(parsing: page) }
            }
        }
        let extractor = MainTextExtractor(mode: mode)
        return try await harness.measure(name, multiplier: size, unit: "MB/s") {
            for page in pages { _ = try extractor.extract(html: page) }
        }
    }
}

import Files
import Foundation

/// What a curation run did: the content of `manifest.json`. The same pool, recipe and seed give the same manifest.
public struct CurationManifest: Codable, Sendable, Hashable {
    public var recipe: String
    public var source: String
    public var seed: UInt64
    /// Digest of the pool's files (names, sizes, times), the recipe and the settings.
    public var key: String
    /// Pages of the pool; read = kept + Σ dropped + Σ failed.
    public var read = 0
    /// Pages of which something was written.
    public var kept = 0
    public var dropped: [String: Int] = [:]
    public var failed: [String: Int] = [:]
    /// Documents written; more than `kept` where steps split pages.
    public var documents = 0
    public var steps: [Step] = []
    public var shards: [Shard] = []
    public var samples: [String: [Sample]] = [:]

    /// Pages (or pieces of them) into and out of a step.
    public struct Step: Codable, Sendable, Hashable {
        public var name: String
        public var pagesIn: Int
        public var pagesOut: Int
        /// The statistics that the recipe's `_aggregate` asks for, over the pages that came out.
        public var aggregates: [Aggregate]?
    }

    /// A statistic of a field. Pages without it, or with a value that cannot be counted, are `missing`.
    public struct Aggregate: Codable, Sendable, Hashable {
        public var key: String
        /// `percentiles` or `histogram`.
        public var type: String
        public var missing: Int
        /// `min`, `p25`, `median`, `p75`, `p90`, `p95`, `p99`, `max` (values that occur), and `mean`.
        public var percentiles: [String: Double]?
        /// Of numbers.
        public var bins: [Bin]?
        /// Of texts: how often each occurs.
        public var texts: [String: Int]?
        /// Occurrences of texts beyond the first 65,536 distinct ones.
        public var otherTexts: Int?
    }

    /// Numbers from an edge up to the next bin's.
    public struct Bin: Codable, Sendable, Hashable {
        public var from: Double
        public var count: Int
    }

    public struct Shard: Codable, Sendable, Hashable {
        /// Below the output folder.
        public var file: String
        public var documents: Int
        public var bytes: Int
        public var sha256: String
    }

    public struct Sample: Codable, Sendable, Hashable {
        public var url: String?
        public var text: String
        public var value: Double?
        public var limit: Double?
    }

    /// Whether every page is accounted for.
    public var isBalanced: Bool { read == kept + dropped.values.reduce(0, +) + failed.values.reduce(0, +) }

    /// Whether the shards lie in a folder with the bytes that they had.
    func isWhole(in folder: String) -> Bool {
        shards.allSatisfy { shard in (try? FileReader(folder + "/" + shard.file))?.size == shard.bytes }
    }

    /// Reads `manifest.json`.
    public init(file: String) throws {
        self = try JSONDecoder().decode(CurationManifest.self, from: Data(FileReader.bytes(of: file)))
    }

    init(recipe: String, source: String, seed: UInt64, key: String) {
        self.recipe = recipe
        self.source = source
        self.seed = seed
        self.key = key
    }

    func write(to file: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        try AtomicFile.write([UInt8](try encoder.encode(self)) + [10], to: file)
    }
}

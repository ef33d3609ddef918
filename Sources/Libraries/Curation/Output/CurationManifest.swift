import Files
import Foundation

/// What a curation run did: the content of `manifest.json`. The same pool, recipe and seed give the same manifest.
public struct CurationManifest: Codable, Sendable, Hashable {
    /// Path of the recipe.
    public var recipe: String
    /// The recipe's `source`.
    public var source: String
    /// Seed of everything that was drawn.
    public var seed: UInt64
    /// Digest of the pool's files (names, sizes, times), the recipe and the settings.
    public var key: String
    /// Pages of the pool; read = kept + Σ dropped + Σ failed.
    public var read = 0
    /// Pages of which something was written.
    public var kept = 0
    /// Pages dropped, by rule.
    public var dropped: [String: Int] = [:]
    /// Pages that could not be read or worked on, by reason.
    public var failed: [String: Int] = [:]
    /// Documents written; more than `kept` where steps split pages.
    public var documents = 0
    /// The steps in order, with what came in and went out.
    public var steps: [Step] = []
    /// The files written.
    public var shards: [Shard] = []
    /// Of each rule a few pages that it dropped.
    public var samples: [String: [Sample]] = [:]

    /// Pages (or pieces of them) into and out of a step.
    public struct Step: Codable, Sendable, Hashable {
        /// As recipes name it.
        public var name: String
        /// Pages that reached the step.
        public var pagesIn: Int
        /// Pages that went on.
        public var pagesOut: Int
        /// The statistics that the recipe's `_aggregate` asks for, over the pages that came out.
        public var aggregates: [Aggregate]?
    }

    /// A statistic of a field. Pages without it, or with a value that cannot be counted, are `missing`.
    public struct Aggregate: Codable, Sendable, Hashable {
        /// The page's field.
        public var key: String
        /// `percentiles` or `histogram`.
        public var type: String
        /// Pages without the field.
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
        /// The bin's lower border.
        public var from: Double
        /// Pages in the bin.
        public var count: Int
    }

    /// A file of pages.
    public struct Shard: Codable, Sendable, Hashable {
        /// Below the output folder.
        public var file: String
        /// Lines, one page (or piece of one) each.
        public var documents: Int
        /// Bytes on the disk.
        public var bytes: Int
        /// SHA-256 of those bytes, in hexadecimal.
        public var sha256: String
    }

    /// A page that a rule dropped.
    public struct Sample: Codable, Sendable, Hashable {
        /// Its address, where it has one.
        public var url: String?
        /// The beginning of its text.
        public var text: String
        /// What the rule measured.
        public var value: Double?
        /// What the rule allows.
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

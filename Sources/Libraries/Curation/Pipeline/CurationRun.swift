import Apus
import Files
import Glibc

/// Runs a recipe over a pool: shards of the pages that stay, and a manifest that accounts for every page.
///
/// Pages stream through in chunks, each a task of the cluster, a bounded number at once; the output does not depend on how
/// many. An interrupted run, started again with the same arguments, goes on with the chunks that are not finished.
///
/// ```swift
/// let run = CurationRun(recipe: try Recipe(file: "c4.yaml"), pool: ["pool.warc.gz"], output: "curated")
/// try await withCluster(.fromEnvironment) { cluster in
///     let manifest = try await run.run(on: cluster)
///     print(manifest.read, manifest.kept, manifest.dropped)
/// }
/// ```
public struct CurationRun: Sendable {
    /// What is done with the pages.
    public var recipe: Recipe
    /// Pool files and folders.
    public var pool: [String]
    /// The folder that gets `processed_data/` and `manifest.json`.
    public var output: String
    /// Seed of everything that is drawn.
    public var seed: UInt64
    /// What takes the text of HTML pages.
    public var extractor: PageExtractors
    /// Chunks worked on at once; nil takes two more than the cluster has processors, so that none waits for the next.
    public var width: Int?
    /// Bytes a page may have; larger ones are counted as failed.
    public var pageLimit = 64 << 20
    /// Plain bytes after which a shard is full.
    public var shardBytes = 256 << 20
    /// Bytes that the table of a global step may take; more units than fit are split on disk.
    public var tableBytes = 256 << 20
    /// Dropped pages that the manifest shows of each rule.
    public var samplesPerRule = 5
    /// Whether an archive is read on behind damage.
    public var skipsDamage = true

    /// How far a run is: pages done, and which pass of how many.
    public struct Progress: Sendable {
        /// Pages done in this pass.
        public var pages: Int
        /// The pass, from 1.
        public var pass: Int
        /// Passes in all: one more than the recipe has global steps.
        public var passes: Int
    }

    /// A run with the usual limits.
    public init(
        recipe: Recipe, pool: [String], output: String, seed: UInt64 = 1, extractor: PageExtractors = .mainText
    ) {
        self.recipe = recipe
        self.pool = pool
        self.output = output
        self.seed = seed
        self.extractor = extractor
    }

    /// Runs the recipe on a cluster whose processes see the same files. Inside a task, pass `Cluster.current`.
    ///
    /// - Throws: `RecipeError`, `CurationError`, `PoolError`, `FileError`, `CurationRunError`; `CancellationError` when
    ///   cancelled: finished chunks stay for the next run, and nothing is half-written. `TaskError` where a worker is lost.
    public func run(
        on cluster: Cluster, progress: @escaping @Sendable (Progress) -> Void = { _ in }
    ) async throws -> CurationManifest {
        do {
            return try await perform(on: cluster, progress)
        } catch let error as TaskError {
            if error.isCancellation { throw CancellationError() }
            throw error.underlying ?? error
        }
    }

    private func perform(
        on cluster: Cluster, _ progress: @escaping @Sendable (Progress) -> Void
    ) async throws -> CurationManifest {
        guard let lock = try FolderLock(output) else { throw CurationRunError.inUse(folder: output) }
        defer { withExtendedLifetime(lock) {} }
        var settings = RunSettings(
            recipe: recipe, seed: seed, extractor: extractor, pageLimit: pageLimit,
            samplesPerRule: samplesPerRule, skipsDamage: skipsDamage, tableBytes: tableBytes,
            output: Paths.absolute(output))
        settings.recipe.file = Paths.absolute(recipe.file)
        let prepared = try await cluster.submit(
            PrepareRun(
                settings: settings, pool: pool.map { $0 == "-" ? $0 : Paths.absolute($0) }, shardBytes: shardBytes)
        ).value
        settings.recipeKey = prepared.recipeKey
        settings.key = prepared.key
        let file = output + "/manifest.json"
        for name in try Folder.entries(output) where name.hasPrefix(".manifest.json.") {
            unlink(Paths.join(output, name))  // A run that was killed while it wrote the manifest.
        }
        if let done = try? CurationManifest(file: file), done.key == prepared.key, done.isWhole(in: output) {
            settings.work.remove()  // An interruption may have come just between the manifest and this.
            return done
        }
        try settings.work.prepare()
        let driver = CurationDriver(
            cluster: cluster, settings: settings, shared: try await cluster.put(settings),
            width: max(1, width ?? Int(cluster.resources.cpus.value) + 2), passes: prepared.passes, progress: progress)
        var manifest = CurationManifest(recipe: recipe.file, source: recipe.source, seed: seed, key: prepared.key)
        let chunks = try await driver.firstPass(prepared.files)
        for pass in 1..<max(1, prepared.passes) { try await driver.laterPass(pass, chunks: chunks) }
        let outputs = try await driver.summarise(chunks: chunks, into: &manifest)
        manifest.shards = try await driver.writeShards(ShardPlan.plans(for: outputs, shardBytes: shardBytes))
        for output in outputs {
            manifest.documents += output.documents
            manifest.kept += output.pages
        }
        try manifest.write(to: file)
        settings.work.remove()
        return manifest
    }
}

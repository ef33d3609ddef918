import Compression
import Files
import Foundation
import JSON

/// Runs a recipe over a pool: shards of the pages that stay, and a manifest that accounts for every page.
///
/// Pages stream through in chunks, several at once; the output does not depend on how many. An interrupted run, started
/// again with the same arguments, goes on with the chunks that are not finished.
public struct CurationRun: Sendable {
    public var recipe: Recipe
    public var pool: [String]
    /// The folder that gets `processed_data/` and `manifest.json`.
    public var output: String
    public var seed: UInt64
    public var extractor: (any PageTextExtractor)?
    /// Chunks worked on at once.
    public var width = max(1, ProcessInfo.processInfo.activeProcessorCount)
    /// Bytes a page may have; larger ones are counted as failed.
    public var pageLimit = 64 << 20
    /// Plain bytes after which a shard is full.
    public var shardBytes = 256 << 20
    public var samplesPerRule = 5
    /// Whether an archive is read on behind damage.
    public var skipsDamage = true

    private static let chunkPages = 256
    private static let chunkBytes = 8 << 20

    /// How far a run is: pages done, and which pass of how many.
    public struct Progress: Sendable {
        public var pages: Int
        public var pass: Int
        public var passes: Int
    }

    public init(
        recipe: Recipe, pool: [String], output: String, seed: UInt64 = 1, extractor: (any PageTextExtractor)? = nil
    ) {
        self.recipe = recipe
        self.pool = pool
        self.output = output
        self.seed = seed
        self.extractor = extractor
    }

    /// Runs the recipe.
    ///
    /// - Throws: `RecipeError`, `CurationError`, `PoolError`, `FileError`; `CancellationError` when cancelled: finished
    ///   chunks stay for the next run, and nothing is half-written.
    public func run(progress: @Sendable (Progress) -> Void = { _ in }) async throws -> CurationManifest {
        let plan = try RecipePlan(recipe)
        let files = try PoolFiles.expand(pool)
        let key = try self.key(files)
        let manifestFile = output + "/manifest.json"
        if FileReader.exists(manifestFile), let done = try? CurationManifest(file: manifestFile), done.key == key,
            done.shards.allSatisfy({ FileReader.exists(output + "/" + $0.file) })
        {
            return done
        }
        let work = try WorkFolder(output + "/.work", key: key)
        var manifest = CurationManifest(recipe: recipe.file, source: recipe.source, seed: seed, key: key)
        var samples = SampleBook(seed: seed, limit: samplesPerRule)
        var chunks = 0
        for (number, pass) in plan.passes.enumerated() {
            let processor = ChunkProcessor(
                pass: pass, mode: plan.extraction, extractor: extractor, pageLimit: pageLimit, seed: seed,
                samplesPerRule: samplesPerRule)
            let report = { @Sendable (pages: Int) in
                progress(Progress(pages: pages, pass: number + 1, passes: plan.passes.count))
            }
            chunks = number == 0
                ? try await firstPass(processor, files, work, report)
                : try await laterPass(processor, number, chunks, work, report)
            var steps = pass.names.map { CurationManifest.Step(name: $0, pagesIn: 0, pagesOut: 0) }
            for chunk in 0..<chunks {
                guard let result = work.load(chunk, pass: number, seed: seed, limit: samplesPerRule) else {
                    throw FileError.system(operation: "read a finished chunk in", path: work.path, code: ENOENT)
                }
                manifest.read += result.read
                manifest.dropped.merge(result.dropped, uniquingKeysWith: +)
                manifest.failed.merge(result.failed, uniquingKeysWith: +)
                samples.merge(result.samples)
                for index in steps.indices {
                    steps[index].pagesIn += result.stepIn[index]
                    steps[index].pagesOut += result.stepOut[index]
                }
            }
            manifest.steps += steps
        }
        manifest.samples = samples.samples.mapValues { list in
            list.map { CurationManifest.Sample(url: $0.url, text: $0.text, value: $0.value, limit: $0.limit) }
        }
        try writeShards(work, pass: plan.passes.count - 1, chunks: chunks, into: &manifest)
        try manifest.write(to: manifestFile)
        work.remove()
        return manifest
    }

    private func key(_ files: [String]) throws -> String {
        var hash = SHA256()
        for step in recipe.steps { hash.update("\(step.name) \(JSONValue.object(step.parameters).text())\n") }
        hash.update("\(seed) \(pageLimit) \(shardBytes) \(samplesPerRule) \(skipsDamage) \(extractor != nil)\n")
        for file in files {
            var status = stat()
            guard stat(file, &status) == 0 else { throw FileError.current("read", file) }
            hash.update("\(file) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)\n")
        }
        return hash.finish()
    }

    /// Reads the pool and works on its chunks; tells how many there are.
    private func firstPass(
        _ processor: ChunkProcessor, _ files: [String], _ work: WorkFolder, _ report: @Sendable (Int) -> Void
    ) async throws -> Int {
        let reader = PoolReader(files, pageLimit: pageLimit, skipsDamage: skipsDamage)
        var count = 0
        var done = 0
        try await withThrowingTaskGroup(of: Int.self) { group in
            var running = 0
            while true {
                try Task.checkCancellation()
                var chunk = PageChunk(number: count, pages: [])
                var bytes = 0
                while chunk.pages.count < Self.chunkPages, bytes < Self.chunkBytes, let page = try reader.next() {
                    chunk.pages.append(page)
                    bytes += page.byteCount
                }
                if chunk.pages.isEmpty { break }
                count += 1
                let pages = chunk.pages.count
                if work.load(chunk.number, pass: 0, seed: seed, limit: samplesPerRule) != nil {
                    done += pages
                    report(done)
                    continue
                }
                if running >= width, let finished = try await group.next() {
                    running -= 1
                    done += finished
                    report(done)
                }
                running += 1
                let ready = chunk
                group.addTask {
                    try Task.checkCancellation()
                    try work.save(processor.process(ready), pass: 0)
                    return pages
                }
            }
            for try await finished in group {
                done += finished
                report(done)
            }
        }
        return count
    }

    /// Decides the pass's global step over all chunks, then works on them.
    private func laterPass(
        _ processor: ChunkProcessor, _ number: Int, _ chunks: Int, _ work: WorkFolder, _ report: @Sendable (Int) -> Void
    ) async throws -> Int {
        guard let dedup = processor.pass.dedup else { return chunks }
        var index = DedupIndex(keepsLargest: dedup.keepsLargest)
        var starts: [Int] = []
        for chunk in 0..<chunks {
            try Task.checkCancellation()
            starts.append(index.kept.count)
            for piece in try work.pieces(chunk, pass: number - 1) {
                // A page without the field fails in the pass itself.
                for unit in (try? dedup.units(of: piece.page)) ?? [] { index.add(unit) }
            }
        }
        let kept = index.kept
        starts.append(kept.count)
        let borders = starts
        var done = 0
        try await withThrowingTaskGroup(of: Int.self) { group in
            for chunk in 0..<chunks {
                try Task.checkCancellation()
                if work.load(chunk, pass: number, seed: seed, limit: samplesPerRule) != nil { continue }
                if chunk >= width, let finished = try await group.next() {
                    done += finished
                    report(done)
                }
                group.addTask {
                    try Task.checkCancellation()
                    let pieces = try work.pieces(chunk, pass: number - 1)
                    let units = kept[borders[chunk]..<borders[chunk + 1]]
                    try work.save(processor.process(pieces, number: chunk, kept: units), pass: number)
                    return pieces.count
                }
            }
            for try await finished in group {
                done += finished
                report(done)
            }
        }
        return chunks
    }

    /// Writes the pieces of the last pass as shards, in order.
    private func writeShards(_ work: WorkFolder, pass: Int, chunks: Int, into manifest: inout CurationManifest) throws {
        let folder = output + "/processed_data"
        try Folder.create(folder)
        var shard: CompressedFile?
        var documents = 0
        var line: [UInt8] = []
        func finish() throws {
            guard let file = shard else { return }
            try file.commit()
            let bytes = try FileReader.bytes(of: file.path)
            manifest.shards.append(
                CurationManifest.Shard(
                    file: "processed_data/" + Paths.split(file.path).name, documents: documents, bytes: bytes.count,
                    sha256: SHA256.digest(bytes)))
            shard = nil
            documents = 0
        }
        for chunk in 0..<chunks {
            try Task.checkCancellation()
            var last = -1
            for piece in try work.pieces(chunk, pass: pass) {
                let file: CompressedFile
                if let shard { file = shard } else {
                    let number = String(manifest.shards.count)
                    let padded = String(repeating: "0", count: max(0, 5 - number.count)) + number
                    file = try CompressedFile("\(folder)/shard_\(padded).jsonl.zst")
                    shard = file
                }
                line.removeAll(keepingCapacity: true)
                JSONValue.object(piece.page.fields).write(to: &line)
                line.append(10)
                try file.write(line)
                documents += 1
                manifest.documents += 1
                if piece.origin != last { manifest.kept += 1 }
                last = piece.origin
                if file.plainCount >= shardBytes { try finish() }
            }
        }
        try finish()
        let names = Set(manifest.shards.map { Paths.split($0.file).name })
        for name in try Folder.entries(folder) where name.hasSuffix(".jsonl.zst") && !names.contains(name) {
            unlink("\(folder)/\(name)")
        }
    }
}

import Apus
import Files
import Foundation
import JSON

// The tasks of a run. Chunks that are finished already are left as they are, so that each may run more than once.

/// Works out which files the pool has, and the run's key; compiles the recipe, so that its errors come first.
struct PrepareRun: RemoteTask {
    struct Output: Sendable, Codable {
        var files: [String]
        var recipeKey: String
        var key: String
        var passes: Int
    }

    var settings: RunSettings
    var pool: [String]
    var shardBytes: Int

    func run() async throws -> Output {
        let files = try PoolFiles.expand(pool)
        var hash = SHA256()
        let recipeKey = try settings.recipe.fingerprint()
        hash.update(recipeKey)
        hash.update(
            "\(settings.seed) \(settings.pageLimit) \(shardBytes) \(settings.samplesPerRule) \(settings.skipsDamage) "
                + "\(settings.extractor.name)\n")
        for file in files {
            var status = stat()
            guard stat(file, &status) == 0 else { throw FileError.current("read", file) }
            hash.update("\(file) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)\n")
        }
        return Output(
            files: files, recipeKey: recipeKey, key: hash.finish(),
            passes: try PlanCache.plan(settings.recipe, key: recipeKey).passes.count)
    }
}

/// Cuts a pool into chunks. Those that are finished come without their pages, which nobody would look at.
struct ReadPool: StreamingTask {
    static let chunkPages = 1024
    static let chunkBytes = 8 << 20

    @Input var settings: RunSettings
    var files: [String]

    func run(into output: StreamOutput<PageChunk>) async throws {
        let settings = settings
        let reader = PoolReader(files, pageLimit: settings.pageLimit, skipsDamage: settings.skipsDamage)
        var number = 0
        while true {
            try Task.checkCancellation()
            var chunk = PageChunk(number: number, pages: [])
            var bytes = 0
            while chunk.pages.count < Self.chunkPages, bytes < Self.chunkBytes, let page = try reader.next() {
                chunk.pages.append(page)
                bytes += page.byteCount
            }
            if chunk.pages.isEmpty { return }
            number += 1
            if settings.work.finished(chunk.number, pass: 0) != nil { chunk.pages = [] }
            try await output.yield(chunk)
        }
    }
}

/// The first pass over a chunk of the pool; its result is the number of pages.
struct FirstPass: RemoteTask {
    @Input var settings: RunSettings
    @Input var chunk: PageChunk

    func run() async throws -> Int {
        let (settings, chunk) = (settings, chunk)
        if let done = settings.work.finished(chunk.number, pass: 0) { return done.read }
        guard !chunk.pages.isEmpty else {
            // Finished when it was read, and gone since: somebody cleared the folder.
            throw FileError.system(operation: "read the finished chunk", path: settings.work.path, code: ENOENT)
        }
        let processor = try settings.processor(pass: 0)
        try settings.work.save(processor.process(chunk), pass: 0, units: processor.next)
        return chunk.pages.count
    }
}

/// Makes the decisions of a pass's global step; its result is where each chunk's units begin, and how many there are.
struct DecideUnits: RemoteTask {
    @Input var settings: RunSettings
    var pass: Int
    var chunks: Int

    func run() async throws -> [Int] {
        let settings = settings
        guard let dedup = try settings.plan().passes[pass].dedup else { return [] }
        var borders = [0]
        var total = 0
        for chunk in 0..<chunks {
            total += try settings.work.counts(chunk, pass: pass - 1).output.units
            borders.append(total)
        }
        let file = settings.work.decisions(pass)
        if (try? FileReader(file))?.size != (total + 7) / 8 {
            let decision = UnitDecision(
                keepsLargest: dedup.keepsLargest, memory: settings.tableBytes, folder: settings.work.path)
            try decision.write(
                to: file, units: total,
                from: (0..<chunks).map { settings.work.name(pass - 1, $0) + ".units" })
        }
        return borders
    }
}

/// A later pass over a chunk: leaves out what its global step drops. Its result is the number of pages that were left.
struct LaterPass: RemoteTask {
    @Input var settings: RunSettings
    var pass: Int
    var number: Int
    var firstUnit: Int
    var units: Int

    func run() async throws -> Int {
        let settings = settings
        let before = try settings.work.counts(number, pass: pass - 1).output.pages
        if settings.work.finished(number, pass: pass) != nil { return before }
        let pieces = try settings.work.pieces(number, pass: pass - 1)
        let kept = try UnitDecision.kept(in: settings.work.decisions(pass), from: firstUnit, count: units)
        let processor = try settings.processor(pass: pass)
        try settings.work.save(
            processor.process(pieces, number: number, kept: kept[...]), pass: pass, units: processor.next)
        return before
    }
}

/// The counts of all chunks of a pass.
struct SummarisePass: RemoteTask {
    struct Output: Sendable, Codable {
        var read = 0
        var dropped: [String: Int] = [:]
        var failed: [String: Int] = [:]
        var steps: [CurationManifest.Step]
        var samples: SampleBook
        /// What each chunk hands to the shards.
        var outputs: [ChunkOutput] = []
    }

    @Input var settings: RunSettings
    var pass: Int
    var chunks: Int
    var isLast: Bool

    func run() async throws -> Output {
        let settings = settings
        let plan = try settings.plan().passes[pass]
        let summaries = plan.aggregates.enumerated().map { step, rules in
            rules.enumerated().map { index, rule in
                AggregateSummary(
                    rule, prefix: "\(settings.work.path)/\(pass)-aggregate-\(step)-\(index)",
                    memory: settings.tableBytes / 16)
            }
        }
        var result = Output(
            steps: plan.names.map { CurationManifest.Step(name: $0, pagesIn: 0, pagesOut: 0) },
            samples: SampleBook(seed: settings.seed, limit: settings.samplesPerRule))
        for chunk in 0..<chunks {
            let counts = try settings.work.counts(chunk, pass: pass)
            result.read += counts.read
            result.dropped.merge(counts.dropped, uniquingKeysWith: +)
            result.failed.merge(counts.failed, uniquingKeysWith: +)
            for (rule, samples) in counts.samples {
                for sample in samples { result.samples.insert(sample, under: rule) }
            }
            for index in result.steps.indices {
                result.steps[index].pagesIn += counts.stepIn[index]
                result.steps[index].pagesOut += counts.stepOut[index]
                for (summary, book) in zip(summaries[index], counts.aggregates[index]) { try summary.add(book) }
            }
            if isLast { result.outputs.append(counts.output) }
        }
        for index in result.steps.indices where !summaries[index].isEmpty {
            result.steps[index].aggregates = try summaries[index].map { try $0.finish() }
        }
        return result
    }
}

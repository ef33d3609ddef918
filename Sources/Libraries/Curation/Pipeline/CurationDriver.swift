import Apus
import Files
import Glibc

/// Submits a run's tasks and awaits them, a bounded number at once. Reads no pages itself.
struct CurationDriver {
    let cluster: Cluster
    let settings: RunSettings
    let shared: ObjectRef<RunSettings>
    let width: Int
    let passes: Int
    let progress: @Sendable (CurationRun.Progress) -> Void

    private func report(_ pages: Int, pass: Int) {
        progress(CurationRun.Progress(pages: pages, pass: pass + 1, passes: passes))
    }

    /// Reads the pool and works on its chunks; tells how many there are. A pool that is done is not read again.
    func firstPass(_ files: [String]) async throws -> Int {
        if let count = settings.work.chunkCount { return count }
        // The reader decides nothing and mostly waits: it must not take the processor that the chunks need.
        let pool = try cluster.submit(
            ReadPool(settings: shared, files: files), buffer: 1, TaskOptions(cpus: 0))
        var inFlight: [ObjectRef<Int>] = []
        var count = 0
        var done = 0
        do {
            for try await chunk in pool {
                if inFlight.count >= width {
                    done += try await inFlight.removeFirst().value
                    report(done, pass: 0)
                }
                inFlight.append(try cluster.submit(FirstPass(settings: shared, chunk: chunk)))
                count += 1
            }
            while !inFlight.isEmpty {
                done += try await inFlight.removeFirst().value
                report(done, pass: 0)
            }
        } catch {
            pool.cancel()
            for task in inFlight { cluster.cancel(task) }
            throw error
        }
        try settings.work.setChunkCount(count)
        return count
    }

    /// Decides the pass's global step over all chunks, then works on them.
    func laterPass(_ pass: Int, chunks: Int) async throws {
        let borders = try await cluster.submit(DecideUnits(settings: shared, pass: pass, chunks: chunks)).value
        var done = 0
        let tasks = cluster.map(0..<chunks, inFlight: width) { number in
            LaterPass(
                settings: shared, pass: pass, number: number, firstUnit: borders[number],
                units: borders[number + 1] - borders[number])
        }
        for try await pages in tasks {
            done += pages
            report(done, pass: pass)
        }
    }

    /// Adds up what the passes did to the pages; tells what the chunks hand to the shards.
    func summarise(chunks: Int, into manifest: inout CurationManifest) async throws -> [ChunkOutput] {
        var samples = SampleBook(seed: settings.seed, limit: settings.samplesPerRule)
        var outputs: [ChunkOutput] = []
        for pass in 0..<passes {
            let summary = try await cluster.submit(
                SummarisePass(settings: shared, pass: pass, chunks: chunks, isLast: pass == passes - 1)
            ).value
            manifest.read += summary.read
            manifest.dropped.merge(summary.dropped, uniquingKeysWith: +)
            manifest.failed.merge(summary.failed, uniquingKeysWith: +)
            manifest.steps += summary.steps
            samples.merge(summary.samples)
            outputs = summary.outputs
        }
        manifest.samples = samples.samples.mapValues { list in
            list.map { CurationManifest.Sample(url: $0.url, text: $0.text, value: $0.value, limit: $0.limit) }
        }
        return outputs
    }

    /// Writes the shards, and removes those of other runs.
    func writeShards(_ plans: [ShardPlan]) async throws -> [CurationManifest.Shard] {
        let folder = settings.output + "/processed_data"
        try Folder.create(folder)
        var shards: [CurationManifest.Shard] = []
        let tasks = cluster.map(plans, inFlight: width) { WriteShard(settings: shared, pass: passes - 1, plan: $0) }
        for try await shard in tasks { shards.append(shard) }
        let names = Set(plans.map(\.name))
        for name in try Folder.entries(folder) where name.contains("shard_") && !names.contains(name) {
            unlink("\(folder)/\(name)")
        }
        return shards
    }
}

import Apus
import Compression
import Files

/// Writes the pieces of some chunks as one shard.
struct WriteShard: RemoteTask {
    @Input var settings: RunSettings
    var pass: Int
    var plan: ShardPlan

    func run() async throws -> CurationManifest.Shard {
        let settings = settings
        let name = "processed_data/" + plan.name
        let file = try CompressedFile("\(settings.output)/\(name)", digests: true)
        var documents = 0
        var line: [UInt8] = []
        for chunk in plan.chunks {
            try Task.checkCancellation()
            try settings.work.forEachLine(chunk, pass: pass) { _, page in
                line.removeAll(keepingCapacity: true)
                line.append(contentsOf: page)
                line.append(10)
                try file.write(line)
                documents += 1
            }
        }
        try Task.checkCancellation()
        let digest = try file.commit()
        return CurationManifest.Shard(file: name, documents: documents, bytes: file.packedCount, sha256: digest ?? "")
    }
}

/// Which chunks go into a shard: it ends with the chunk that fills it.
struct ShardPlan: Sendable, Codable, Hashable {
    var number: Int
    var chunks: Range<Int>

    var name: String {
        let digits = String(number)
        return "shard_" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits + ".jsonl.zst"
    }

    /// - Parameter shardBytes: plain bytes after which a shard is full.
    static func plans(for outputs: [ChunkOutput], shardBytes: Int) -> [ShardPlan] {
        var plans: [ShardPlan] = []
        var start = 0
        var bytes = 0
        for (index, output) in outputs.enumerated() {
            bytes += output.bytes
            let isLast = index == outputs.count - 1
            guard bytes > 0, bytes >= shardBytes || isLast else { continue }
            plans.append(ShardPlan(number: plans.count, chunks: start..<(index + 1)))
            start = index + 1
            bytes = 0
        }
        return plans
    }
}

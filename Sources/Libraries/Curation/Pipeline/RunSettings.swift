import Files
import JSON

/// What every task of a run needs to know.
struct RunSettings: Sendable, Codable {
    var recipe: Recipe
    /// The recipe's fingerprint.
    var recipeKey = ""
    /// Digest of all that decides the output.
    var key = ""
    var seed: UInt64
    var extractor: PageExtractors
    var pageLimit: Int
    var samplesPerRule: Int
    var skipsDamage: Bool
    /// Bytes that a global step may take for its table.
    var tableBytes: Int
    /// The output folder, as an absolute path.
    var output: String

    var work: WorkFolder { WorkFolder(path: "\(output)/.work/\(key.prefix(16))") }

    /// The recipe's passes, made once in each process.
    func plan() throws -> RecipePlan { try PlanCache.plan(recipe, key: recipeKey) }

    func processor(pass: Int) throws -> ChunkProcessor {
        let plan = try plan()
        return ChunkProcessor(
            pass: plan.passes[pass], next: pass + 1 < plan.passes.count ? plan.passes[pass + 1].dedup : nil,
            mode: plan.extraction, extractor: extractor.extractor, pageLimit: pageLimit, seed: seed,
            samplesPerRule: samplesPerRule)
    }
}

import Apus
import Curation
import Files
import JSON

/// Runs a recipe over a pool.
package struct CurateStep: ExperimentStep {
    package struct Product: Codable, Sendable {
        /// Shards below the step's folder.
        package var shards: [CurationManifest.Shard]
        package var funnel: FunnelResult
        package var documents: Int
        package var droppedSamples: [SampleResult]
    }

    package static let kind = "curate 1"
    package var site: StepSite
    /// The recipe's file; `${…}` in it stand for the classifiers' files.
    var recipe: String
    var seed: UInt64
    @Input var pool: Finished<PoolStep.Product>
    @Inputs var classifiers: [Finished<ClassifierStep.Product>]

    package init(
        site: StepSite, recipe: String, seed: UInt64, pool: ObjectRef<Finished<PoolStep.Product>>,
        classifiers: [ObjectRef<Finished<ClassifierStep.Product>>] = []
    ) {
        self.site = site
        self.recipe = recipe
        self.seed = seed
        _pool = pool
        _classifiers = Inputs(classifiers)
    }

    package var inputDigests: [String] { [pool.digest] + classifiers.map(\.digest) }

    /// The recipe's steps with the digests of the files that they name; the recipe's own name and comments change nothing.
    package func parameters() throws -> JSONValue {
        let recipe = try Recipe(file: recipe, variables: ClassifierStep.variables(classifiers))
        return ["recipe": .string(try recipe.fingerprint()), "seed": .string("\(seed)")]
    }

    package func perform(in folder: String) async throws -> Product {
        let run = CurationRun(
            recipe: try Recipe(file: recipe, variables: ClassifierStep.variables(classifiers)),
            pool: pool.product.files, output: folder, seed: seed)
        let site = site
        guard let cluster = Cluster.current else { throw ClusterError.closed }
        let manifest = try await run.run(on: cluster) {
            site.post($0.pages, "pages", note: "pass \($0.pass) of \($0.passes)")
        }
        func counts(_ table: [String: Int]) -> [FunnelResult.Count] {
            table.map { FunnelResult.Count($0.key, $0.value) }.sorted { ($1.count, $0.name) < ($0.count, $1.name) }
        }
        return Product(
            shards: manifest.shards,
            funnel: FunnelResult(
                read: manifest.read, kept: manifest.kept, dropped: counts(manifest.dropped),
                failed: counts(manifest.failed),
                steps: manifest.steps.map { FunnelResult.Count($0.name, $0.pagesOut) }),
            documents: manifest.documents,
            droppedSamples: manifest.samples.sorted { $0.key < $1.key }.flatMap { rule, samples in
                samples.prefix(3).map { SampleResult(rule: rule, url: $0.url, text: Excerpt.of($0.text)) }
            })
    }

    package func isWhole(_ product: Product, in folder: String) -> Bool {
        product.shards.allSatisfy { FileReader.exists(folder + "/" + $0.file) }
    }

    /// The rule that dropped most pages.
    static func mostBy(_ product: Product) -> String? { product.funnel.dropped.first?.name }
}

/// The first lines of a text, for people to look at.
enum Excerpt {
    static let scalars = 600

    static func of(_ text: String) -> String {
        let part = String(String.UnicodeScalarView(text.unicodeScalars.prefix(scalars)))
        return part.unicodeScalars.count < scalars ? part : part + " …"
    }
}

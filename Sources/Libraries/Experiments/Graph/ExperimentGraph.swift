import Apus
import Curation
import Files

/// The steps of an experiment as tasks that wait for one another.
///
/// ```
/// pool ─→ curate ─→ held-out ─┐
///    └──→ curate ─────────────┴→ documents ─→ tokenizer ─→ shards ─→ train ─→ score
/// ```
/// Data sets of the same pool and recipe share their curation; so do the held-out text and a data set.
struct ExperimentGraph {
    let configuration: ExperimentConfiguration
    let cluster: Cluster
    let pools: [String: ObjectRef<Finished<PoolStep.Product>>]
    let classifiers: [String: ObjectRef<Finished<ClassifierStep.Product>>]
    let heldOut: ObjectRef<Finished<HeldOutStep.Product>>
    let tokenizer: ObjectRef<Finished<TokenizerStep.Product>>
    let branches: [Branch]
    /// The curation of every pool and recipe that is used.
    let curations: [ObjectRef<Finished<CurateStep.Product>>]

    /// The steps of one data set.
    struct Branch {
        var dataset: ExperimentConfiguration.Dataset
        var curated: ObjectRef<Finished<CurateStep.Product>>
        var documents: ObjectRef<Finished<DocumentsStep.Product>>
        var shards: ObjectRef<Finished<ShardsStep.Product>>
        /// By seed.
        var models: [ObjectRef<Finished<TrainingStep.Product>>]
        var scores: [ObjectRef<Finished<ScoreStep.Product>>]
    }

    /// Submits every step.
    init(_ configuration: ExperimentConfiguration, output: String, board: ProgressBoard.ID, cluster: Cluster) throws {
        self.configuration = configuration
        self.cluster = cluster
        let seed = configuration.seed
        func site(_ name: String...) -> StepSite {
            StepSite(name: name.map(Self.fileName).joined(separator: "-"), output: output, board: board)
        }
        /// Submits a step under its name. Those that use libtorch, which has threads of its own, take every processor.
        func submit<Step: ExperimentStep>(_ step: Step, takesAll: Bool = false) throws -> ObjectRef<Step.Output> {
            try cluster.submit(step, TaskOptions(cpus: takesAll ? cluster.resources.cpus : 1, name: step.site.name))
        }

        var pools: [String: ObjectRef<Finished<PoolStep.Product>>] = [:]
        for pool in configuration.pools {
            pools[pool.name] = try submit(PoolStep(site: site("pool", pool.name), paths: pool.paths))
        }
        self.pools = pools

        var curations: [String: ObjectRef<Finished<CurateStep.Product>>] = [:]
        func curated(
            _ pool: String, _ recipe: String, _ classifiers: [String: ObjectRef<Finished<ClassifierStep.Product>>]
        ) throws -> ObjectRef<Finished<CurateStep.Product>> {
            let path = configuration.path(recipe)
            if let done = curations["\(pool) \(path)"] { return done }
            guard let files = pools[pool] else {
                throw ExperimentError.unknownName(file: recipe, key: "pool", name: pool, known: pools.keys.sorted())
            }
            let used = try Recipe.check(file: path, variables: configuration.classifiers.map(\.name)).sorted()
            var recipeName = Paths.split(recipe).name
            if let dot = recipeName.lastIndex(of: ".") { recipeName = String(recipeName[..<dot]) }
            let name = configuration.pools.count == 1 ? site("curate", recipeName) : site("curate", pool, recipeName)
            let step = CurateStep(
                site: name, recipe: path, seed: seed, pool: files, classifiers: used.compactMap { classifiers[$0] })
            let reference = try submit(step)
            curations["\(pool) \(path)"] = reference
            return reference
        }

        var classifiers: [String: ObjectRef<Finished<ClassifierStep.Product>>] = [:]
        for classifier in configuration.classifiers {
            classifiers[classifier.name] = try submit(
                ClassifierStep(
                    site: site("classifier", classifier.name), classifier: classifier, seed: seed,
                    curated: try curated(classifier.pool, classifier.recipe, [:])))
        }
        self.classifiers = classifiers

        let heldOut = try submit(
            HeldOutStep(
                site: site("held-out"), documents: configuration.heldOut.documents,
                bytesPerDocument: configuration.heldOut.bytesPerDocument, seed: seed,
                curated: try curated(configuration.heldOut.pool, configuration.heldOut.recipe, classifiers)))
        self.heldOut = heldOut

        let sources = try configuration.datasets.map { dataset in
            let pages = try curated(dataset.pool, dataset.recipe, classifiers)
            let documents = try submit(
                DocumentsStep(
                    site: site("documents", dataset.name), overlapWords: configuration.heldOut.overlapWords,
                    overlapShare: configuration.heldOut.overlapShare, seed: seed, dataset: dataset.name,
                    recipe: dataset.recipe, curated: pages, heldOut: heldOut))
            return (dataset, pages, documents)
        }
        let tokenizer = try submit(
            TokenizerStep(
                site: site("tokenizer"), settings: configuration.tokenizer, seed: seed,
                documents: Inputs(sources.map(\.2)), heldOut: heldOut))
        self.tokenizer = tokenizer

        branches = try sources.map { dataset, pages, documents in
            let shards = try submit(
                ShardsStep(
                    site: site("shards", dataset.name), sequenceLength: configuration.training.sequenceLength,
                    seed: seed,
                    documents: documents, tokenizer: tokenizer))
            let models = try configuration.training.seeds.map { modelSeed in
                try submit(
                    TrainingStep(
                        site: site("train", dataset.name, "\(modelSeed)"), dataset: dataset.name,
                        settings: configuration.training, seed: modelSeed, shards: shards, tokenizer: tokenizer),
                    takesAll: true)
            }
            let scores = try zip(configuration.training.seeds, models).map { modelSeed, model in
                try submit(
                    ScoreStep(
                        site: site("score", dataset.name, "\(modelSeed)"), settings: configuration.evaluation,
                        seed: seed,
                        heldOut: heldOut, tokenizer: tokenizer, model: model), takesAll: true)
            }
            return Branch(
                dataset: dataset, curated: pages, documents: documents, shards: shards, models: models, scores: scores)
        }
        self.curations = curations.sorted { $0.key < $1.key }.map(\.value)
    }

    /// A name without characters that mean something in paths.
    private static func fileName(_ name: String) -> String {
        String(name.map { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "." ? $0 : "-" }.prefix(60))
    }
}

import Apus

/// What the steps of an experiment left.
struct ExperimentOutcome {
    struct Branch {
        var dataset: ExperimentConfiguration.Dataset
        var curated: CurateStep.Product
        var documents: DocumentsStep.Product
        var shards: ShardsStep.Product
        var models: [TrainingStep.Product]
        var scores: [ScoreStep.Product]
    }

    var heldOut: HeldOutStep.Product
    var tokenizer: TokenizerStep.Product
    var classifiers: [ClassifierStep.Product]
    var branches: [Branch]
    /// In the order of the graph.
    var records: [StepResult]
}

extension ExperimentGraph {
    /// Waits for every step, and tells of each as it ends.
    ///
    /// - Throws: `ExperimentError` of the first step that failed; `CancellationError`. What is left is cancelled.
    func outcome(_ event: @escaping @Sendable (Experiment.Event) -> Void) async throws -> ExperimentOutcome {
        do {
            let records = try await records(event)
            var branches: [ExperimentOutcome.Branch] = []
            for branch in self.branches {
                branches.append(
                    .init(
                        dataset: branch.dataset, curated: try await branch.curated.value.product,
                        documents: try await branch.documents.value.product,
                        shards: try await branch.shards.value.product,
                        models: try await products(branch.models), scores: try await products(branch.scores)))
            }
            return ExperimentOutcome(
                heldOut: try await heldOut.value.product, tokenizer: try await tokenizer.value.product,
                classifiers: try await products(configuration.classifiers.compactMap { classifiers[$0.name] }),
                branches: branches, records: records)
        } catch {
            for step in steps { step.cancel() }
            guard let failure = error as? TaskError else { throw error }
            if failure.isCancellation || failure.underlying is CancellationError { throw CancellationError() }
            // Whose step it was matters to a person, where it was submitted does not.
            if let known = failure.underlying as? ExperimentError { throw known }
            throw ExperimentError.stepFailed(
                step: failure.root.task, reason: failure.failure?.message ?? "\(failure.root)")
        }
    }

    private func products<Product>(_ references: [ObjectRef<Finished<Product>>]) async throws -> [Product] {
        var products: [Product] = []
        for reference in references { products.append(try await reference.value.product) }
        return products
    }

    /// A step whatever its product.
    private struct AnyStep: Sendable {
        var record: @Sendable () async throws -> StepResult
        var cancel: @Sendable () -> Void

        init<Product>(_ reference: ObjectRef<Finished<Product>>, in cluster: Cluster) {
            record = { try await reference.value.record }
            cancel = { cluster.cancel(reference) }
        }
    }

    private var steps: [AnyStep] {
        var steps = configuration.pools.compactMap { pools[$0.name] }.map { AnyStep($0, in: cluster) }
        steps += curations.map { AnyStep($0, in: cluster) }
        steps += configuration.classifiers.compactMap { classifiers[$0.name] }.map { AnyStep($0, in: cluster) }
        steps.append(AnyStep(heldOut, in: cluster))
        steps += branches.map { AnyStep($0.documents, in: cluster) }
        steps.append(AnyStep(tokenizer, in: cluster))
        steps += branches.map { AnyStep($0.shards, in: cluster) }
        steps += branches.flatMap(\.models).map { AnyStep($0, in: cluster) }
        steps += branches.flatMap(\.scores).map { AnyStep($0, in: cluster) }
        return steps
    }

    private func records(_ event: @escaping @Sendable (Experiment.Event) -> Void) async throws -> [StepResult] {
        try await withThrowingTaskGroup(of: (Int, StepResult).self) { group in
            let steps = steps
            for (place, step) in steps.enumerated() {
                group.addTask { (place, try await step.record()) }
            }
            var records = [StepResult?](repeating: nil, count: steps.count)
            for try await (place, record) in group {
                records[place] = record
                event(.finished(step: record.name, seconds: record.seconds, isReused: record.reused))
            }
            return records.compactMap(\.self)
        }
    }
}

extension ExperimentOutcome {
    /// The result as it is written and shown.
    func result(of configuration: ExperimentConfiguration) -> ExperimentResult {
        let findings = Findings(
            branches.map { .init(dataset: $0.dataset.name, models: $0.scores) },
            choices: configuration.evaluation.clozeChoices, samples: configuration.evaluation.bootstrapSamples,
            seed: configuration.seed)
        return ExperimentResult(
            name: configuration.name, seed: configuration.seed, verdict: findings.verdict,
            datasets: branches.map { branch in
                DatasetResult(
                    name: branch.dataset.name, recipe: branch.dataset.recipe, funnel: branch.curated.funnel,
                    decontaminated: branch.documents.decontaminated, documents: branch.documents.documents,
                    bytes: branch.documents.bytes, tokens: branch.shards.tokens, shardDigests: branch.shards.digests,
                    keptSamples: branch.documents.samples, droppedSamples: branch.curated.droppedSamples)
            },
            heldOut: HeldOutResult(
                documents: heldOut.documents, bytes: heldOut.bytes, recipe: configuration.heldOut.recipe,
                clozeQuestions: branches.first?.scores.first?.isCorrect.count ?? 0),
            tokenizer: TokenizerResult(
                vocabularySize: tokenizer.vocabularySize, bytesPerToken: tokenizer.bytesPerToken,
                digest: tokenizer.digest),
            models: branches.flatMap { branch in
                zip(configuration.training.seeds, branch.models).map { seed, model in
                    ModelResult(
                        dataset: branch.dataset.name, seed: seed, parameters: model.parameters, steps: model.steps,
                        tokens: model.tokens, epochs: Double(model.tokens) / Double(max(1, branch.shards.tokens)),
                        finalLoss: model.finalLoss, seconds: model.seconds, losses: model.losses)
                }
            },
            evaluations: findings.evaluations, comparisons: findings.comparisons,
            settings: configuration.settings, versions: Versions.all,
            steps: records)
    }
}

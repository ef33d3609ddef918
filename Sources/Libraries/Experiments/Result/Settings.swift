import Apus
import ApusTensor

extension ExperimentConfiguration {
    /// Every setting by its dotted key, defaults included, for the report.
    var settings: [ExperimentResult.Setting] {
        var list: [ExperimentResult.Setting] = [.init("name", name), .init("seed", "\(seed)")]
        list += pools.map { .init("pools.\($0.name)", $0.paths.joined(separator: ", ")) }
        for dataset in datasets {
            list.append(.init("datasets.\(dataset.name).pool", dataset.pool))
            list.append(.init("datasets.\(dataset.name).recipe", dataset.recipe))
        }
        for classifier in classifiers {
            let key = "classifiers.\(classifier.name)"
            list.append(.init("\(key).pool", classifier.pool))
            list.append(.init("\(key).recipe", classifier.recipe))
            list.append(.init("\(key).positive", classifier.positive.joined(separator: ", ")))
            list.append(.init("\(key).negative", classifier.negative.joined(separator: ", ")))
        }
        list += [
            .init("heldOut.pool", heldOut.pool), .init("heldOut.recipe", heldOut.recipe),
            .init("heldOut.documents", "\(heldOut.documents)"),
            .init("heldOut.bytesPerDocument", "\(heldOut.bytesPerDocument)"),
            .init("heldOut.overlapWords", "\(heldOut.overlapWords)"),
            .init("heldOut.overlapShare", "\(heldOut.overlapShare)"),
            .init("tokenizer.path", tokenizer.path ?? "trained here"),
            .init("tokenizer.vocabularySize", "\(tokenizer.vocabularySize)"),
            .init("tokenizer.trainingBytes", "\(tokenizer.trainingBytes)"),
            .init("training.scale", training.scale), .init("training.tokens", "\(training.tokens)"),
            .init("training.sequenceLength", "\(training.sequenceLength)"),
            .init("training.batch", "\(training.batch)"),
            .init("training.learningRate", "\(training.learningRate)"),
            .init("training.seeds", training.seeds.map(String.init).joined(separator: ", ")),
            .init("training.maximumEpochs", "\(training.maximumEpochs)"),
            .init("evaluation.clozeQuestions", "\(evaluation.clozeQuestions)"),
            .init("evaluation.clozeChoices", "\(evaluation.clozeChoices)"),
            .init("evaluation.bootstrapSamples", "\(evaluation.bootstrapSamples)"),
        ]
        return list
    }
}

/// Versions of what takes part in an experiment.
enum Versions {
    static var all: [ExperimentResult.Setting] {
        var list: [ExperimentResult.Setting] = [.init("apus", ApusVersion.text)]
        if let torch = try? TensorLibrary.version { list.append(.init("libtorch", torch)) }
        return list
    }
}

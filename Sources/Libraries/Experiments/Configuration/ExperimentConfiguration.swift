/// An experiment as its YAML file describes it: which pools, which data sets made from them by which recipes, and one
/// budget of training and evaluation for all.
///
/// Everything that decides the result is here; two runs of equal configurations over equal pools give equal results.
public struct ExperimentConfiguration: Sendable, Hashable {
    /// The experiment's name, shown in the report.
    public var name: String
    /// The seed from which the steps' own are derived.
    public var seed: UInt64
    /// Pools by name: archives, JSONL files, or folders of them, from the folder of the file.
    public var pools: [Pool]
    /// The data sets to compare, in order.
    public var datasets: [Dataset]
    public var heldOut: HeldOut
    public var tokenizer: Tokenizer
    public var training: Training
    public var evaluation: Evaluation
    /// Quality classifiers trained for the recipes, if any.
    public var classifiers: [Classifier]
    /// The folder of the file, against which recipe paths are resolved.
    public var folder: String

    public struct Pool: Sendable, Hashable, Codable {
        public var name: String
        public var paths: [String]
    }

    public struct Dataset: Sendable, Hashable, Codable {
        public var name: String
        public var pool: String
        /// The path of a recipe.
        public var recipe: String
    }

    /// The text that no model sees.
    public struct HeldOut: Sendable, Hashable, Codable {
        public var pool: String
        public var recipe: String
        /// Documents to keep aside, drawn by the hash of their address.
        public var documents: Int
        /// UTF-8 bytes from the front of each document that are evaluated; all of it is kept from training.
        public var bytesPerDocument: Int
        /// Words in a row that count as overlap with training text.
        public var overlapWords: Int
        /// A training document is left out where more than this share of its runs of words are held out too.
        public var overlapShare: Double
    }

    public struct Tokenizer: Sendable, Hashable, Codable {
        public var vocabularySize: Int
        /// A `tokenizer.json` to use; nil trains one on an equal share of every data set.
        public var path: String?
        /// UTF-8 bytes of text to train on at most.
        public var trainingBytes: Int
    }

    public struct Training: Sendable, Hashable, Codable {
        /// A scale of `LanguageModels`.
        public var scale: String
        /// Tokens a model is trained on, the same for every data set.
        public var tokens: Int
        public var sequenceLength: Int
        /// Sequences a step.
        public var batch: Int
        public var learningRate: Double
        /// One model of each data set is trained for each seed.
        public var seeds: [UInt64]
        /// Passes over a data set's tokens that are allowed; beyond it the data set is too small for the budget.
        public var maximumEpochs: Double
    }

    public struct Evaluation: Sendable, Hashable, Codable {
        public var clozeQuestions: Int
        /// Choices of a cloze question, the right one included.
        public var clozeChoices: Int
        /// Bootstrap samples for the intervals.
        public var bootstrapSamples: Int
    }

    /// A fastText-style quality classifier, trained from pages of a pool chosen by their addresses.
    public struct Classifier: Sendable, Hashable, Codable {
        public var name: String
        public var pool: String
        /// The recipe that cleans its examples.
        public var recipe: String
        /// Pages whose address holds one of these are examples of quality.
        public var positive: [String]
        /// Pages whose address holds one of these are examples of its absence.
        public var negative: [String]
    }
}

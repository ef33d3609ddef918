/// What an experiment found: the content of `result.json`, and all that the report shows.
public struct ExperimentResult: Codable, Sendable, Hashable {
    /// The experiment's name.
    public var name: String
    /// The seed from which every other one is derived.
    public var seed: UInt64
    /// One sentence on which data was better, claimed only where the interval excludes zero.
    public var verdict: String
    public var datasets: [DatasetResult]
    public var heldOut: HeldOutResult
    public var tokenizer: TokenizerResult
    public var models: [ModelResult]
    public var evaluations: [EvaluationResult]
    public var comparisons: [ComparisonResult]
    /// Settings as given, by dotted key.
    public var settings: [Setting]
    /// Versions of what took part.
    public var versions: [Setting]
    /// The steps of the task graph with their content addresses.
    public var steps: [StepResult]

    public struct Setting: Codable, Sendable, Hashable {
        public var key: String
        public var value: String
        public init(_ key: String, _ value: String) {
            self.key = key
            self.value = value
        }
    }
}

/// One data set after curation.
public struct DatasetResult: Codable, Sendable, Hashable {
    public var name: String
    public var recipe: String
    /// Where every page of the pool went; read = kept + dropped + failed.
    public var funnel: FunnelResult
    /// Kept pages left out of training because they overlap the held-out text.
    public var decontaminated: Int
    /// Documents, UTF-8 bytes of text, and tokens that training may use.
    public var documents: Int
    public var bytes: Int
    public var tokens: Int
    /// SHA-256 of the token shards, in order.
    public var shardDigests: [String]
    /// Texts as they go into training, cut to a few lines.
    public var keptSamples: [SampleResult]
    /// What rules dropped, a few of each.
    public var droppedSamples: [SampleResult]
}

/// The account of a curation run.
public struct FunnelResult: Codable, Sendable, Hashable {
    public var read: Int
    public var kept: Int
    public var dropped: [Count]
    public var failed: [Count]
    /// Pages that go on after each step, in order.
    public var steps: [Count]

    public struct Count: Codable, Sendable, Hashable {
        public var name: String
        public var count: Int
        public init(_ name: String, _ count: Int) {
            self.name = name
            self.count = count
        }
    }

    /// Whether every page read is accounted for.
    public var isBalanced: Bool {
        read == kept + dropped.reduce(0) { $0 + $1.count } + failed.reduce(0) { $0 + $1.count }
    }
}

/// A piece of a page.
public struct SampleResult: Codable, Sendable, Hashable {
    /// The rule that dropped it; nil for kept text.
    public var rule: String?
    public var url: String?
    public var text: String
}

/// The clean text that no model saw.
public struct HeldOutResult: Codable, Sendable, Hashable {
    public var documents: Int
    public var bytes: Int
    public var recipe: String
    public var clozeQuestions: Int
}

public struct TokenizerResult: Codable, Sendable, Hashable {
    public var vocabularySize: Int
    /// UTF-8 bytes of held-out text a token.
    public var bytesPerToken: Double
    public var digest: String
}

/// One training run.
public struct ModelResult: Codable, Sendable, Hashable {
    public var dataset: String
    public var seed: UInt64
    public var parameters: Int
    public var steps: Int
    public var tokens: Int
    /// Passes over the data set's tokens.
    public var epochs: Double
    public var finalLoss: Double
    public var seconds: Double
    public var losses: [LossPoint]

    public struct LossPoint: Codable, Sendable, Hashable {
        public var tokens: Int
        public var loss: Double
    }
}

/// An estimate with its 95 % bootstrap interval.
public struct IntervalResult: Codable, Sendable, Hashable {
    public var value: Double
    public var lower: Double
    public var upper: Double

    /// Whether zero lies outside the interval.
    public var excludesZero: Bool { lower > 0 || upper < 0 }
}

/// The figures of one data set's models on the held-out text.
public struct EvaluationResult: Codable, Sendable, Hashable {
    public var dataset: String
    /// Lower is better.
    public var bitsPerByte: IntervalResult
    /// Share of cloze questions answered, higher is better; `clozeBaseline` is what guessing gives.
    public var clozeAccuracy: IntervalResult
    public var clozeBaseline: Double
}

/// Two data sets compared on one metric by a paired bootstrap over held-out documents.
public struct ComparisonResult: Codable, Sendable, Hashable {
    public var metric: String
    public var first: String
    public var second: String
    /// First minus second.
    public var difference: IntervalResult
    /// The better data set; nil where the interval contains zero.
    public var better: String?
}

/// One step of the task graph.
public struct StepResult: Codable, Sendable, Hashable {
    public var name: String
    /// The content address: a digest of the step's kind, parameters and inputs.
    public var key: String
    public var seconds: Double
    /// Whether an earlier run's output was used.
    public var reused: Bool
}

/// How a classifier is trained. The defaults are fastText's.
public struct FastTextTrainingOptions: Sendable, Hashable, Codable {
    /// Columns of the vectors.
    public var dimension = 100
    /// The first learning rate; it falls linearly to 0.
    public var rate: Float = 0.1
    /// Passes over the examples.
    public var epochs = 5
    /// Rarer words have no vector (their n-grams keep theirs).
    public var minimumCount = 1
    /// Longest word n-gram; 1 is words only.
    public var wordNgrams = 1
    /// Rows that hashed n-grams share; unused without n-grams. A model's file takes `(words + buckets) · dimension · 4` bytes.
    public var buckets = 2_000_000
    /// Shortest and longest character n-gram; 0 is none.
    public var characterNgrams: ClosedRange<Int> = 0...0
    /// How labels are scored; training knows `softmax`, `hierarchicalSoftmax` and `oneVersusAll`.
    public var loss = FastTextLoss.softmax
    /// Equal seeds and examples give equal models.
    public var seed: UInt64 = 0
    /// Whether the seed draws the order of the examples; otherwise it is the order in which they were added.
    public var shuffles = false

    /// The reference's defaults.
    public init() {}

    /// The settings of DataComp-LM's quality classifier: word pairs, everything else default.
    public static var qualityClassifier: FastTextTrainingOptions {
        var options = FastTextTrainingOptions()
        options.wordNgrams = 2
        return options
    }

    func check() throws(FastTextError) {
        func require(_ holds: Bool, _ name: String, _ value: some CustomStringConvertible, _ allowed: String)
            throws(FastTextError)
        {
            if !holds { throw .option(name: name, value: value.description, allowed: allowed) }
        }
        try require(ModelArguments.dimensions.contains(dimension), "dimension", dimension, "1…16384")
        try require(rate > 0 && rate.isFinite, "rate", rate, "above 0")
        try require((1...10_000).contains(epochs), "epochs", epochs, "1…10000")
        try require(minimumCount >= 0, "minimumCount", minimumCount, "0 or more")
        try require((1...ModelArguments.ngramLimit).contains(wordNgrams), "wordNgrams", wordNgrams, "1…64")
        try require((1...1 << 30).contains(buckets), "buckets", buckets, "1…1073741824")
        try require(
            characterNgrams.lowerBound >= 0 && characterNgrams.upperBound <= ModelArguments.ngramLimit,
            "characterNgrams", characterNgrams, "within 0…64")
        try require(loss != .negativeSampling, "loss", "negativeSampling", "softmax, hierarchicalSoftmax, oneVersusAll")
    }

    /// As the file tells it.
    var arguments: ModelArguments {
        var arguments = ModelArguments()
        arguments.dimension = dimension
        arguments.epochs = epochs
        arguments.minimumCount = minimumCount
        arguments.wordNgrams = wordNgrams
        arguments.loss = loss
        arguments.shortestCharacters = characterNgrams.lowerBound
        arguments.longestCharacters = characterNgrams.upperBound
        arguments.buckets = wordNgrams > 1 || characterNgrams.upperBound > 0 ? buckets : 0
        return arguments
    }
}

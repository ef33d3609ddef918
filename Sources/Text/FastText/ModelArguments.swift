/// How the score of a label is computed from a text's vector.
public enum FastTextLoss: Int32, Sendable, Hashable, Codable, CaseIterable {
    /// A Huffman tree over the labels; each inner node is a logistic regression.
    case hierarchicalSoftmax = 1
    /// Logistic regression per label, trained against sampled negatives.
    case negativeSampling = 2
    /// Probabilities over all labels that sum to 1.
    case softmax = 3
    /// An independent logistic regression per label.
    case oneVersusAll = 4
}

/// The numbers that a model file begins with.
struct ModelArguments: Sendable, Hashable {
    /// Columns of both matrices.
    var dimension = 100
    var window = 5
    var epochs = 5
    var minimumCount = 1
    var negatives = 5
    /// Longest word n-gram; 1 is words only.
    var wordNgrams = 1
    var loss = FastTextLoss.softmax
    /// Rows for hashed n-grams.
    var buckets = 0
    /// Shortest and longest character n-gram; 0 is none.
    var shortestCharacters = 0
    var longestCharacters = 0
    var rateUpdate = 100
    var samplingThreshold = 1e-4

    /// `model` in the file: 1 cbow, 2 skip-gram, 3 classifier.
    static let classifier: Int32 = 3
    static let magic: Int32 = 793_712_314
    static let version: Int32 = 12

    /// Bounds that keep a hostile file from costing more than its size warrants.
    static let dimensions = 1...(1 << 14)
    static let ngramLimit = 64
}

/// A label with its probability.
public struct FastTextPrediction: Sendable, Hashable {
    /// Without the `__label__` prefix.
    public var label: String
    /// As the reference reports it: up to 0.00001 above the true probability, so that it can exceed 1.
    public var probability: Float

    /// A label with its probability.
    public init(label: String, probability: Float) {
        self.label = label
        self.probability = probability
    }
}

/// A fastText text classifier: the mean of the vectors of words and n-grams, and a linear layer over labels.
///
/// Source: Joulin et al. 2017 ("Bag of Tricks"), and Joulin et al. 2016 ("FastText.zip") for quantised models. The
/// numerics are the reference's: same labels, probabilities within 0.00001 (`Tests/FastTextTests`).
///
/// A model never changes after it was made; one model serves any number of threads, each with its own
/// `FastTextPredictor`.
public final class FastTextModel: Sendable {
    let arguments: ModelArguments
    let vocabulary: Vocabulary
    let buckets: BucketRows
    let subwords: SubwordTable
    let input: ModelMatrix
    let output: ModelMatrix
    let tree: LabelTree?
    let isQuantized: Bool

    /// Label names in the order of the file (descending frequency), without their prefix.
    public let labels: [String]
    /// Columns of the matrices.
    public var dimension: Int { arguments.dimension }
    /// Words with a vector of their own.
    public var wordCount: Int { vocabulary.wordCount }
    /// How labels are scored.
    public var loss: FastTextLoss { arguments.loss }

    init(
        arguments: ModelArguments, vocabulary: Vocabulary, buckets: BucketRows, input: ModelMatrix, output: ModelMatrix,
        isQuantized: Bool
    ) {
        self.arguments = arguments
        self.vocabulary = vocabulary
        self.buckets = buckets
        self.input = input
        self.output = output
        self.isQuantized = isQuantized
        labels = (0..<vocabulary.labelCount).map { vocabulary.label($0) }
        tree =
            arguments.loss == .hierarchicalSoftmax
            ? LabelTree(counts: Array(vocabulary.counts[vocabulary.wordCount...])) : nil
        subwords = Self.subwords(arguments, vocabulary, buckets)
    }

    /// N-grams of the known words, computed once; words of a pruned model often keep few.
    private static func subwords(
        _ arguments: ModelArguments, _ vocabulary: Vocabulary, _ buckets: BucketRows
    ) -> SubwordTable {
        var table = SubwordTable()
        guard arguments.longestCharacters > 0 else { return table }
        if case .none = buckets { return table }
        table.starts.reserveCapacity(vocabulary.wordCount + 1)
        vocabulary.bytes.withUnsafeBufferPointer { all in
            for index in 0..<vocabulary.wordCount {
                let word = UnsafeBufferPointer(rebasing: all[vocabulary.starts[index]..<vocabulary.starts[index + 1]])
                if !isEndOfLine(word) {
                    FastTextHash.characterNgrams(
                        of: word, shortest: arguments.shortestCharacters, longest: arguments.longestCharacters,
                        buckets: UInt32(arguments.buckets)
                    ) { bucket in
                        let row = buckets.row(of: bucket)
                        if row >= 0 { table.rows.append(Int32(vocabulary.wordCount) + row) }
                    }
                }
                table.starts.append(table.rows.count)
            }
        }
        return table
    }

    @inline(__always)
    static func isEndOfLine(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
        word.count == 4 && word[0] == UInt8(ascii: "<") && word[1] == UInt8(ascii: "/") && word[2] == UInt8(ascii: "s")
            && word[3] == UInt8(ascii: ">")
    }

    /// The likeliest labels of a text, best first; none where the text holds nothing that the model knows.
    ///
    /// For many texts keep a `FastTextPredictor`, which reuses its buffers.
    public func predict(_ text: String, count: Int = 1, threshold: Float = 0) -> [FastTextPrediction] {
        FastTextPredictor(self).predict(text, count: count, threshold: threshold)
    }
}

/// Trains a classifier: add examples, then `train()`.
///
/// Texts are not kept, only four bytes per word. One thread, so that a seed fixes the model. Examples are taken in the
/// order in which they were added, as the reference does, or with `options.shuffles` in one that the seed draws.
///
/// Source: Joulin et al. 2017; the update rules are the reference's.
public struct FastTextTrainer {
    /// Of the model and its training.
    public let options: FastTextTrainingOptions
    /// Examples added so far.
    public var exampleCount: Int { exampleStarts.count - 1 }

    /// Every distinct word so far, in order of appearance; rare ones are dropped only at the end.
    private var words = Vocabulary()
    private var labels: [String: Int] = [:]
    private var labelNames: [String] = []
    private var labelCounts: [Int64] = []
    /// Words of example i: `tokens[exampleStarts[i]..<exampleStarts[i + 1]]`.
    private var tokens: [Int32] = []
    private var exampleStarts: [Int] = [0]
    private var exampleLabels: [Int32] = []

    /// - Throws: `FastTextError.option`.
    public init(_ options: FastTextTrainingOptions = .init()) throws(FastTextError) {
        try options.check()
        self.options = options
    }

    /// Adds an example. A newline counts as a space; words that look like labels (`__label__…`) are left out, as they
    /// are in prediction.
    ///
    /// - Throws: `FastTextError.label` for a label that is empty or has white space.
    public mutating func add(_ text: String, label: String) throws(FastTextError) {
        var text = text
        let known: Int
        if let number = labels[label] {
            known = number
        } else {
            guard !label.isEmpty, !label.utf8.contains(where: FastTextHash.isSeparator) else { throw .label(label) }
            known = labelNames.count
            labels[label] = known
            labelNames.append(label)
            labelCounts.append(0)
        }
        labelCounts[known] += 1
        exampleLabels.append(Int32(known))
        text.withUTF8 { addWords($0) }
        Vocabulary.endOfLine.withUTF8Buffer { addWord($0, hash: FastTextHash.hash($0)) }
        exampleStarts.append(tokens.count)
    }

    private mutating func addWords(_ text: UnsafeBufferPointer<UInt8>) {
        var position = 0
        while position < text.count {
            let start = position
            var hash = FastTextHash.start
            while position < text.count && !FastTextHash.isSeparator(text[position]) {
                hash = FastTextHash.step(hash, text[position])
                position += 1
            }
            if position == start {
                position += 1
                continue
            }
            let word = UnsafeBufferPointer(rebasing: text[start..<position])
            // The end of the line stands once, at the end.
            if !words.isLabel(word) && !FastTextModel.isEndOfLine(word) { addWord(word, hash: hash) }
        }
    }

    private mutating func addWord(_ word: UnsafeBufferPointer<UInt8>, hash: UInt32) {
        var entry = words.find(word, hash: hash)
        if entry < 0 {
            entry = words.count
            words.append(word, count: 0, isLabel: false)
        }
        words.addCount(1, to: entry)
        tokens.append(Int32(entry))
    }

    /// Trains on all examples.
    ///
    /// - Parameter progress: called about a hundred times with the share done, 0…1, and the mean loss since the last
    ///   call; what it throws ends the training.
    /// - Throws: `FastTextError.nothingToTrainOn` where there are fewer than two labels; what `progress` throws.
    /// - Complexity: O(epochs · words · wordNgrams · dimension) time; memory of the model and the examples' words.
    public consuming func train(progress: (Double, Double) throws -> Void = { _, _ in }) throws -> FastTextModel {
        guard labelNames.count >= 2 else {
            throw FastTextError.nothingToTrainOn(examples: exampleCount, labels: labelNames.count)
        }
        let arguments = options.arguments
        // Frequent ones first, as in the reference's files; equal counts in order of appearance.
        let wordOrder = Self.order(words.counts).filter { words.counts[$0] >= Int64(options.minimumCount) }
        let labelOrder = Self.order(labelCounts)
        var vocabulary = Vocabulary()
        var rowOfToken = [Int32](repeating: -1, count: words.count)
        for (row, entry) in wordOrder.enumerated() {
            vocabulary.append(words.entry(entry), count: words.counts[entry], isLabel: false)
            rowOfToken[entry] = Int32(row)
        }
        var rowOfLabel = [Int32](repeating: 0, count: labelNames.count)
        for (row, label) in labelOrder.enumerated() {
            vocabulary.append(
                Vocabulary.labelPrefix + labelNames[label].utf8, count: labelCounts[label], isLabel: true)
            rowOfLabel[label] = Int32(row)
        }
        vocabulary.tokenCount = Int64(tokens.count + exampleCount)

        var descent = Descent(
            arguments: arguments, rate: options.rate, seed: options.seed, wordCount: wordOrder.count,
            labelCounts: labelOrder.map { labelCounts[$0] })
        let subwords = characterRows(arguments, rowOfToken: rowOfToken)
        let examples = Examples(
            tokens: tokens, starts: exampleStarts, labels: exampleLabels.map { rowOfLabel[Int($0)] },
            hashes: words.hashes, rows: rowOfToken, subwords: subwords)
        try descent.run(
            examples, order: options.shuffles ? Self.shuffled(examples.count, seed: options.seed) : [],
            epochs: options.epochs, progress: progress)
        return FastTextModel(
            arguments: arguments, vocabulary: vocabulary, buckets: arguments.buckets == 0 ? .none : .all,
            input: .dense(descent.input), output: .dense(descent.output), isQuantized: false)
    }

    /// Source: Fisher–Yates (Durstenfeld 1964).
    private static func shuffled(_ count: Int, seed: UInt64) -> [Int32] {
        var order = (0..<Int32(clamping: count)).map { $0 }
        var random = SplitMix64(state: seed ^ 0x5EED_0F0E_4A3C_7E11)
        for last in stride(from: order.count - 1, to: 0, by: -1) {
            order.swapAt(last, Int(random.next().multipliedFullWidth(by: UInt64(last + 1)).high))
        }
        return order
    }

    private static func order(_ counts: [Int64]) -> [Int] {
        counts.indices.sorted { counts[$0] != counts[$1] ? counts[$0] > counts[$1] : $0 < $1 }
    }

    /// Bucket numbers of the character n-grams of every distinct word, known or dropped.
    private func characterRows(_ arguments: ModelArguments, rowOfToken: [Int32]) -> SubwordTable {
        var table = SubwordTable()
        guard arguments.longestCharacters > 0 else { return table }
        let wordCount = Int32(rowOfToken.count { $0 >= 0 })
        words.bytes.withUnsafeBufferPointer { all in
            for entry in 0..<words.count {
                let word = UnsafeBufferPointer(rebasing: all[words.starts[entry]..<words.starts[entry + 1]])
                if !FastTextModel.isEndOfLine(word) {
                    FastTextHash.characterNgrams(
                        of: word, shortest: arguments.shortestCharacters, longest: arguments.longestCharacters,
                        buckets: UInt32(arguments.buckets)
                    ) { table.rows.append(wordCount + Int32($0)) }
                }
                table.starts.append(table.rows.count)
            }
        }
        return table
    }
}

/// The examples as numbers.
struct Examples {
    var tokens: [Int32]
    var starts: [Int]
    var labels: [Int32]
    /// Per distinct word: its hash, its row or -1, and the rows of its character n-grams.
    var hashes: [UInt32]
    var rows: [Int32]
    var subwords: SubwordTable

    var count: Int { labels.count }

    /// The rows of an example, in the order in which prediction takes them.
    @inline(__always)
    func collect(_ example: Int, _ arguments: ModelArguments, wordCount: Int32, into target: inout [Int32]) {
        target.removeAll(keepingCapacity: true)
        let range = starts[example]..<starts[example + 1]
        let hasSubwords = subwords.starts.count > 1
        for index in range {
            let token = Int(tokens[index])
            if rows[token] >= 0 { target.append(rows[token]) }
            if hasSubwords {
                for place in subwords.starts[token]..<subwords.starts[token + 1] { target.append(subwords.rows[place]) }
            }
        }
        guard arguments.wordNgrams > 1 else { return }
        let buckets = UInt64(arguments.buckets)
        for first in range {
            var hash = FastTextHash.widened(hashes[Int(tokens[first])])
            var next = first + 1
            let end = min(first + arguments.wordNgrams, range.upperBound)
            while next < end {
                hash = hash &* FastTextHash.join &+ FastTextHash.widened(hashes[Int(tokens[next])])
                target.append(wordCount + Int32(truncatingIfNeeded: hash % buckets))
                next += 1
            }
        }
    }
}

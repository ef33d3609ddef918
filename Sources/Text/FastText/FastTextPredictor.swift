import Glibc

/// Predicts with a model, reusing its buffers from text to text. One per thread: not `Sendable`.
public final class FastTextPredictor {
    /// The model that predicts.
    public let model: FastTextModel
    private var hidden: [Float]
    private var scores: [Float]
    private var wordHashes: [UInt32] = []
    private var stack: [(node: Int32, score: Float)] = []

    /// A predictor for one thread.
    public init(_ model: FastTextModel) {
        self.model = model
        hidden = [Float](repeating: 0, count: model.dimension)
        scores = [Float](repeating: 0, count: model.labels.count)
    }

    /// The likeliest labels of a text, best first.
    ///
    /// A newline ends the text, as in the reference: replace or delete newlines before.
    ///
    /// - Parameters:
    ///   - count: at most so many labels; at least 1.
    ///   - threshold: labels with a lower probability are left out.
    /// - Returns: nothing where the text holds nothing that the model knows.
    /// - Complexity: O(bytes · n-gram lengths + rows · dimension + labels · dimension).
    public func predict(_ text: String, count: Int = 1, threshold: Float = 0) -> [FastTextPrediction] {
        var text = text
        return text.withUTF8 { predict($0, count: count, threshold: threshold) }
    }

    /// The same for UTF-8 bytes; other bytes are allowed too.
    public func predict(_ text: Span<UInt8>, count: Int = 1, threshold: Float = 0) -> [FastTextPrediction] {
        text.withUnsafeBufferPointer { predict($0, count: count, threshold: threshold) }
    }

    private func predict(
        _ text: UnsafeBufferPointer<UInt8>, count: Int, threshold: Float
    ) -> [FastTextPrediction] {
        best(text, count: count, threshold: threshold).map {
            FastTextPrediction(label: model.labels[$0.label], probability: exp($0.score))
        }
    }

    /// Label numbers with the logarithm of what is reported as probability.
    func best(
        _ text: UnsafeBufferPointer<UInt8>, count: Int, threshold: Float
    ) -> [(label: Int, score: Float)] {
        guard sum(text) else { return [] }
        let count = max(count, 1)
        if let tree = model.tree { return descend(tree, count: count, threshold: threshold) }
        computeScores()
        return highest(count: count, threshold: threshold)
    }

    /// The logarithm as the reference takes it everywhere.
    @inline(__always)
    static func logarithm(_ value: Float) -> Float { Float(log(Double(value) + 1e-5)) }

    /// Sets `hidden` to the mean of the text's rows; false where there are none.
    private func sum(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        for index in hidden.indices { hidden[index] = 0 }
        var rows = 0
        switch model.input {
        case .dense(let matrix):
            hidden.withUnsafeMutableBufferPointer { hidden in
                matrix.values.withUnsafeBufferPointer { values in
                    // Row numbers come from the model's tables, all checked against the matrix when it was read.
                    let target = hidden.baseAddress.unsafelyUnwrapped
                    let columns = matrix.columns
                    forEachRow(text) { row in
                        Vectors.add(values.baseAddress.unsafelyUnwrapped + row * columns, to: target, count: columns)
                        rows += 1
                    }
                }
            }
        case .quantized(let matrix):
            hidden.withUnsafeMutableBufferPointer { hidden in
                forEachRow(text) { row in
                    matrix.add(row: row, to: hidden)
                    rows += 1
                }
            }
        }
        guard rows > 0 else { return false }
        let factor = Float(1 / Double(rows))
        for index in hidden.indices { hidden[index] *= factor }
        return true
    }

    /// Calls `body` with the row of every word, character n-gram and word n-gram, in the order of the reference.
    @inline(__always)
    private func forEachRow(_ text: UnsafeBufferPointer<UInt8>, _ body: (Int) -> Void) {
        wordHashes.removeAll(keepingCapacity: true)
        let vocabulary = model.vocabulary
        let words = vocabulary.wordCount
        let hasSubwords = model.subwords.starts.count > 1
        let longest = hasSubwords ? model.arguments.longestCharacters : 0
        let shortest = model.arguments.shortestCharacters
        let buckets = UInt32(model.arguments.buckets)
        let keepsHashes = model.arguments.wordNgrams > 1

        @inline(__always) func word(_ word: UnsafeBufferPointer<UInt8>, _ hash: UInt32, isEnd: Bool) {
            let entry = vocabulary.find(word, hash: hash)
            if entry >= words || (entry < 0 && vocabulary.isLabel(word)) { return }
            if keepsHashes { wordHashes.append(hash) }
            if entry >= 0 {
                body(entry)
                if hasSubwords {
                    for index in model.subwords.starts[entry]..<model.subwords.starts[entry + 1] {
                        body(Int(model.subwords.rows[index]))
                    }
                }
            } else if !isEnd && longest > 0 {
                FastTextHash.characterNgrams(of: word, shortest: shortest, longest: longest, buckets: buckets) {
                    bucket in
                    let row = model.buckets.row(of: bucket)
                    if row >= 0 { body(words + Int(row)) }
                }
            }
        }

        var position = 0
        let end = text.count
        scan: while position < end {
            let start = position
            var hash = FastTextHash.start
            while position < end && !FastTextHash.isSeparator(text[position]) {
                hash = FastTextHash.step(hash, text[position])
                position += 1
            }
            if position > start {
                let piece = UnsafeBufferPointer(rebasing: text[start..<position])
                let isEnd = FastTextModel.isEndOfLine(piece)
                word(piece, hash, isEnd: isEnd)
                // The reference stops at this word wherever it stands.
                if isEnd {
                    addWordNgrams(words, body)
                    return
                }
            } else if text[position] == UInt8(ascii: "\n") {
                break scan
            } else {
                position += 1
            }
        }
        Vocabulary.endOfLine.withUTF8Buffer { word($0, FastTextHash.hash($0), isEnd: true) }
        addWordNgrams(words, body)
    }

    @inline(__always)
    private func addWordNgrams(_ words: Int, _ body: (Int) -> Void) {
        let longest = model.arguments.wordNgrams
        let buckets = UInt64(model.arguments.buckets)
        guard longest > 1, buckets > 0 else { return }
        for start in wordHashes.indices {
            var hash = FastTextHash.widened(wordHashes[start])
            var next = start + 1
            let end = min(start + longest, wordHashes.count)
            while next < end {
                hash = hash &* FastTextHash.join &+ FastTextHash.widened(wordHashes[next])
                let row = model.buckets.row(of: UInt32(truncatingIfNeeded: hash % buckets))
                if row >= 0 { body(words + Int(row)) }
                next += 1
            }
        }
    }

    /// Probabilities of all labels, as the loss defines them.
    private func computeScores() {
        hidden.withUnsafeBufferPointer { hidden in
            for label in scores.indices { scores[label] = model.output.dot(row: label, hidden) }
        }
        if model.arguments.loss == .softmax {
            var highest = scores[0]
            for score in scores where score > highest { highest = score }
            var sum: Float = 0
            for label in scores.indices {
                scores[label] = exp(scores[label] - highest)
                sum += scores[label]
            }
            for label in scores.indices { scores[label] /= sum }
        } else {
            for label in scores.indices { scores[label] = SigmoidTable.shared.value(scores[label]) }
        }
    }

    private func highest(count: Int, threshold: Float) -> [(label: Int, score: Float)] {
        // One label, the usual case, without a heap.
        if count == 1 {
            var best = -1
            for label in scores.indices where scores[label] >= threshold && (best < 0 || scores[label] > scores[best]) {
                best = label
            }
            return best < 0 ? [] : [(best, Self.logarithm(scores[best]))]
        }
        var kept = scores.indices.filter { scores[$0] >= threshold }.map {
            (label: $0, score: Self.logarithm(scores[$0]))
        }
        kept.sort { $0.score != $1.score ? $0.score > $1.score : $0.label < $1.label }
        return Array(kept.prefix(count))
    }

    /// Depth-first through the tree, leaving out what cannot be among the best. The stack is explicit: a damaged
    /// model's tree may be as deep as it has labels.
    private func descend(_ tree: LabelTree, count: Int, threshold: Float) -> [(label: Int, score: Float)] {
        var best: [(label: Int, score: Float)] = []
        let least = Self.logarithm(threshold)
        stack.removeAll(keepingCapacity: true)
        stack.append((Int32(tree.nodes.count - 1), 0))
        while let (node, score) = stack.popLast() {
            if score < least || (best.count == count && score < best[best.count - 1].score) { continue }
            let entry = tree.nodes[Int(node)]
            if entry.left < 0 {
                let place = best.firstIndex { $0.score < score } ?? best.count
                best.insert((Int(node), score), at: place)
                if best.count > count { best.removeLast() }
                continue
            }
            let value = hidden.withUnsafeBufferPointer { model.output.dot(row: Int(node) - tree.leaves, $0) }
            let right = Float(1 / (1 + exp(Double(-value))))
            stack.append((entry.right, score + Self.logarithm(right)))
            stack.append((entry.left, score + Self.logarithm(Float(1 - Double(right)))))
        }
        return best
    }
}

/// The logistic function by table, 512 steps from -8 to 8, as the reference computes it.
struct SigmoidTable: Sendable {
    static let shared = SigmoidTable()
    private let values: [Float]

    private init() {
        values = (0...512).map { index in
            let x = Float(index * 16) / 512 - 8
            return Float(1 / (1 + exp(Double(-x))))
        }
    }

    @inline(__always)
    func value(_ x: Float) -> Float {
        if x < -8 { return 0 }
        if x > 8 { return 1 }
        guard x == x else { return 0 }
        return values[Int((x + 8) * 512 / 16)]
    }
}

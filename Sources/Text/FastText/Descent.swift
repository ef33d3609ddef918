import Glibc

/// Stochastic gradient descent over the two matrices, one example at a time.
struct Descent {
    private(set) var input: DenseMatrix
    private(set) var output: DenseMatrix
    private let arguments: ModelArguments
    private let firstRate: Float
    private let wordCount: Int32
    /// Per label, the inner nodes up to the root; hierarchical softmax only.
    private let paths: [[(row: Int, isRight: Bool)]]

    init(arguments: ModelArguments, rate: Float, seed: UInt64, wordCount: Int, labelCounts: [Int64]) {
        self.arguments = arguments
        firstRate = rate
        self.wordCount = Int32(wordCount)
        let dimension = arguments.dimension
        let rows = wordCount + arguments.buckets
        input = DenseMatrix(
            rows: rows, columns: dimension, values: Self.uniform(rows * dimension, 1 / Float(dimension), seed))
        output = DenseMatrix(
            rows: labelCounts.count, columns: dimension,
            values: [Float](repeating: 0, count: labelCounts.count * dimension))
        if arguments.loss == .hierarchicalSoftmax {
            let tree = LabelTree(counts: labelCounts)
            paths = labelCounts.indices.map { tree.path(of: $0) }
        } else {
            paths = []
        }
    }

    /// Values spread evenly over ±bound.
    private static func uniform(_ count: Int, _ bound: Float, _ seed: UInt64) -> [Float] {
        [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            var random = SplitMix64(state: seed)
            for index in 0..<count {
                let unit = Float(random.next() >> 40) * 0x1p-24
                buffer.initializeElement(at: index, to: (2 * unit - 1) * bound)
            }
            initialized = count
        }
    }

    /// - Throws: only what `progress` throws, which ends the training.
    mutating func run(
        _ examples: Examples, order: [Int32], epochs: Int, progress: (Double, Double) throws -> Void
    ) rethrows {
        let dimension = arguments.dimension
        let total = Double(epochs) * Double(examples.tokens.count + examples.count)
        var done = 0
        var sinceUpdate = 0
        var rate = firstRate
        var rows: [Int32] = []
        var scores = [Float](repeating: 0, count: output.rows)
        var hidden = [Float](repeating: 0, count: dimension)
        var gradient = [Float](repeating: 0, count: dimension)
        var loss = 0.0
        var steps = 0
        var reported = 0

        try input.values.withUnsafeMutableBufferPointer { inputValues in
            try output.values.withUnsafeMutableBufferPointer { outputValues in
                try hidden.withUnsafeMutableBufferPointer { hidden in
                    try gradient.withUnsafeMutableBufferPointer { gradient in
                        let layer = OutputLayer(
                            values: outputValues, labels: examples.labels.isEmpty ? 0 : scores.count,
                            dimension: dimension, loss: arguments.loss)
                        for _ in 0..<epochs {
                            for place in 0..<examples.count {
                                let example = order.isEmpty ? place : Int(order[place])
                                let length = examples.starts[example + 1] - examples.starts[example] + 1
                                done += length
                                sinceUpdate += length
                                examples.collect(example, arguments, wordCount: wordCount, into: &rows)
                                if !rows.isEmpty {
                                    let label = Int(examples.labels[example])
                                    Self.mean(rows, inputValues, hidden)
                                    for index in 0..<dimension { gradient[index] = 0 }
                                    loss += layer.step(
                                        label: label, path: paths.isEmpty ? [] : paths[label], rate: rate,
                                        hidden: hidden, gradient: gradient, scores: &scores)
                                    steps += 1
                                    Self.apply(gradient, rows, inputValues)
                                }
                                if sinceUpdate > arguments.rateUpdate {
                                    sinceUpdate = 0
                                    rate = firstRate * Float(max(0, 1 - Double(done) / total))
                                    let percent = Int(Double(done) / total * 100)
                                    if percent > reported {
                                        reported = percent
                                        try progress(Double(done) / total, loss / Double(max(steps, 1)))
                                        loss = 0
                                        steps = 0
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    // Row numbers are below the matrix's rows by construction: word rows first, then `buckets` more.
    @inline(__always)
    private static func mean(
        _ rows: [Int32], _ values: UnsafeMutableBufferPointer<Float>, _ hidden: UnsafeMutableBufferPointer<Float>
    ) {
        let count = hidden.count
        let base = values.baseAddress.unsafelyUnwrapped
        let target = hidden.baseAddress.unsafelyUnwrapped
        for index in 0..<count { target[index] = 0 }
        for row in rows { Vectors.add(base + Int(row) * count, to: target, count: count) }
        let factor = Float(1 / Double(rows.count))
        for index in 0..<count { target[index] *= factor }
    }

    @inline(__always)
    private static func apply(
        _ gradient: UnsafeMutableBufferPointer<Float>, _ rows: [Int32], _ values: UnsafeMutableBufferPointer<Float>
    ) {
        let count = gradient.count
        let base = values.baseAddress.unsafelyUnwrapped
        let source = gradient.baseAddress.unsafelyUnwrapped
        let factor = Float(1 / Double(rows.count))
        for index in 0..<count { source[index] *= factor }
        for row in rows { Vectors.add(source, to: base + Int(row) * count, count: count) }
    }
}

/// Source: Steele et al. 2014, SplitMix64.
struct SplitMix64 {
    var state: UInt64

    @inline(__always)
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}

/// The last layer while training: scores an example, moves its own rows, and leaves the gradient of the text's vector.
private struct OutputLayer {
    let values: UnsafeMutableBufferPointer<Float>
    let labels: Int
    let dimension: Int
    let loss: FastTextLoss

    /// - Returns: the example's loss before the step.
    @inline(__always)
    func step(
        label: Int, path: [(row: Int, isRight: Bool)], rate: Float, hidden: UnsafeMutableBufferPointer<Float>,
        gradient: UnsafeMutableBufferPointer<Float>, scores: inout [Float]
    ) -> Double {
        switch loss {
        case .softmax, .negativeSampling:
            var highest = -Float.infinity
            for row in 0..<labels {
                scores[row] = dot(row, hidden)
                highest = max(highest, scores[row])
            }
            var sum: Float = 0
            for row in 0..<labels {
                scores[row] = exp(scores[row] - highest)
                sum += scores[row]
            }
            for row in 0..<labels {
                move(row, by: rate * ((row == label ? 1 : 0) - scores[row] / sum), hidden, gradient)
            }
            return -log(Double(scores[label] / sum) + 1e-5)
        case .hierarchicalSoftmax:
            var loss = 0.0
            for (row, isRight) in path { loss += logistic(row, isRight, rate, hidden, gradient) }
            return loss
        case .oneVersusAll:
            var loss = 0.0
            for row in 0..<labels { loss += logistic(row, row == label, rate, hidden, gradient) }
            return loss
        }
    }

    @inline(__always)
    private func logistic(
        _ row: Int, _ isPositive: Bool, _ rate: Float, _ hidden: UnsafeMutableBufferPointer<Float>,
        _ gradient: UnsafeMutableBufferPointer<Float>
    ) -> Double {
        let score = SigmoidTable.shared.value(dot(row, hidden))
        move(row, by: rate * ((isPositive ? 1 : 0) - score), hidden, gradient)
        return -log(Double(isPositive ? score : 1 - score) + 1e-5)
    }

    @inline(__always)
    private func dot(_ row: Int, _ hidden: UnsafeMutableBufferPointer<Float>) -> Float {
        Vectors.dot(
            UnsafeBufferPointer(rebasing: values[(row * dimension)..<((row + 1) * dimension)]),
            UnsafeBufferPointer(hidden))
    }

    /// The gradient takes the row as it was before the move.
    @inline(__always)
    private func move(
        _ row: Int, by alpha: Float, _ hidden: UnsafeMutableBufferPointer<Float>,
        _ gradient: UnsafeMutableBufferPointer<Float>
    ) {
        let place = values.baseAddress.unsafelyUnwrapped + row * dimension
        Vectors.add(place, times: alpha, to: gradient.baseAddress.unsafelyUnwrapped, count: dimension)
        Vectors.add(hidden.baseAddress.unsafelyUnwrapped, times: alpha, to: place, count: dimension)
    }
}

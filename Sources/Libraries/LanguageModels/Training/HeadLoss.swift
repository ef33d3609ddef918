import ApusTensor

/// The head and the loss with their gradients, computed by hand, a few rows at a time.
///
/// loss = mean CE + z·mean(logsumexp²). For a row with logits l, probabilities p = softmax(l) and s = logsumexp(l), the gradient with
/// respect to l is (p·(1 + 2·z·s) − 1[target])/n. Rows are taken in slices whose logits stay in the cache; all of them at once
/// cost twice as long at a vocabulary of 4096 (Benchmarks/training).
///
/// Not for two threads at once: it keeps a buffer.
final class HeadLoss {
    private let vocabulary: Int
    private let zLoss: Double
    private let sliceRows: Int
    /// Gradients with respect to the logits of all rows, in the precision of the products.
    private var buffer: Tensor?

    /// The loss of some rows and its gradients.
    struct Outcome {
        /// Σ −ln p(target).
        let crossEntropy: Double
        /// Σ logsumexp².
        let squaredLogSum: Double
        /// Rows × d.
        let hiddenGradient: Tensor
        /// Vocabulary × d.
        let headGradient: Tensor
    }

    init(vocabulary: Int, zLoss: Double) {
        self.vocabulary = vocabulary
        self.zLoss = zLoss
        sliceRows = Self.sliceRows(vocabulary: vocabulary)
    }

    /// Rows whose float32 logits fill half a megabyte.
    static func sliceRows(vocabulary: Int) -> Int { max(16, (1 << 19) / (4 * vocabulary) / 16 * 16) }

    /// - Parameters:
    ///   - hidden: rows × d, without gradients.
    ///   - head: vocabulary × d, of the same type.
    ///   - targets: rows, int64.
    ///   - share: 1/n, the weight of one row in the mean.
    func gradients(hidden: Tensor, head: Tensor, targets: Tensor, share: Double) throws(TensorError) -> Outcome {
        try withoutGradients { () throws(TensorError) in
            let rows = hidden.shape[0]
            let type = hidden.elementType ?? .float32
            let buffer = try buffer(rows: rows, type)
            let losses = try Tensor.zeros([rows, 1])
            let logSums = try Tensor.zeros([rows, 1])
            let minus = try Tensor.full([sliceRows, 1], -share)
            for start in stride(from: 0, to: rows, by: sliceRows) {
                let range = start..<min(start + sliceRows, rows)
                let target = try targets.slice(0, range).reshape([range.count, 1])
                let logits = try hidden.slice(0, range).linear(head).to(.float32)
                let logarithms = try logits.logSoftmax(1)
                let logSum = try logits.slice(1, 0..<1) - logarithms.slice(1, 0..<1)
                try losses.slice(0, range).copy(try logarithms.gather(1, target))
                try logSums.slice(0, range).copy(logSum)
                try Tensor.run("exp_", .tensor(logarithms))
                try Tensor.run("mul_.Tensor", .tensor(logarithms), .tensor(try logSum * (2 * zLoss * share) + share))
                try Tensor.run(
                    "scatter_add_", .tensor(logarithms), .integer(1), .tensor(target),
                    .tensor(try minus.slice(0, 0..<range.count)))
                try buffer.slice(0, range).copy(logarithms)
            }
            return Outcome(
                crossEntropy: -(try losses.to(.float64).sum().item()),
                squaredLogSum: try logSums.to(.float64).square().sum().item(),
                hiddenGradient: try buffer.matmul(head),
                headGradient: try buffer.transposed(0, 1).matmul(hidden))
        }
    }

    private func buffer(rows: Int, _ type: ElementType) throws(TensorError) -> Tensor {
        if let buffer, buffer.shape[0] == rows { return buffer }
        let made = try Tensor.zeros([rows, vocabulary], type)
        buffer = made
        return made
    }
}

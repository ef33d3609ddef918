import Glibc

/// Multinomial logistic regression: min over W of (Σ wᵢ·lossᵢ)/Σ wᵢ + λ/2·‖W‖², by accelerated gradient steps.
///
/// Fitting starts from the weights of the fit before, so that a few new labels take few steps.
///
/// - Source: Nesterov 1983; O'Donoghue & Candès 2015 for the restarts.
public struct SoftmaxRegression: ActiveModel, Hashable, Codable {
    public let classes: Int
    public let dimensions: Int
    /// λ; offsets are free of it.
    public let ridge: Double
    /// Steps of a fit at most.
    public var steps: Int
    /// W in the kernels' layout: sixteen classes side by side for each dimension.
    private var blocks: [Float]
    private var offsets: [Float]

    private static let lanes = Float._lanes
    private var blockCount: Int { (classes + Self.lanes - 1) / Self.lanes }

    /// - Throws: `CoresetError.invalidParameter`.
    public init(dimensions: Int, classes: Int, ridge: Double = 1e-3, steps: Int = 100) throws(CoresetError) {
        guard classes > 0 else {
            throw .invalidParameter(name: "the number of classes", value: "\(classes)", expected: "positive")
        }
        guard ridge >= 0, ridge.isFinite, steps > 0 else {
            throw .invalidParameter(
                name: "λ or the number of steps", value: "\(ridge), \(steps)", expected: "λ ≥ 0, a positive number")
        }
        self.classes = classes
        self.dimensions = dimensions
        self.ridge = ridge
        self.steps = steps
        let groups = (classes + Self.lanes - 1) / Self.lanes
        blocks = [Float](repeating: 0, count: groups * dimensions * Self.lanes)
        offsets = [Float](repeating: 0, count: groups * Self.lanes)
    }

    // MARK: Looking

    public func probabilities(of features: Matrix<Float>) -> Matrix<Float> {
        var result: [Float] = []
        result.reserveCapacity(features.rows * classes)
        Self.forEachRow(features, blocks, offsets, classes) { _, scores in
            Self.softmax(scores, count: classes)
            result.append(contentsOf: UnsafeBufferPointer(start: scores, count: classes))
        }
        return Matrix(finite: result, rows: features.rows, columns: classes)
    }

    /// Mean loss of labelled rows with the ridge.
    public func loss(_ features: Matrix<Float>, labels: [Int], weights: [Double]? = nil) -> Double {
        var (sum, total) = (0.0, 0.0)
        Self.forEachRow(features, blocks, offsets, classes) { row, scores in
            let weight = weights?[row] ?? 1
            Self.softmax(scores, count: classes)
            sum -= weight * log(max(1e-30, Double(scores[labels[row]])))
            total += weight
        }
        return sum / max(total, 1e-300) + ridge / 2 * blocks.reduce(0) { $0 + Double($1) * Double($1) }
    }

    /// For each row in turn its scores, in a buffer that `body` may change.
    private static func forEachRow(
        _ features: Matrix<Float>, _ blocks: [Float], _ offsets: [Float], _ classes: Int,
        _ body: (Int, UnsafeMutablePointer<Float>) -> Void
    ) {
        let (dimensions, width) = (features.columns, offsets.count)
        let scores = AlignedBuffer<Float>(uninitialised: 64 * width)
        features.storage.withUnsafeBufferPointer { rows in
            blocks.withUnsafeBufferPointer { blocks in
                offsets.withUnsafeBufferPointer { offsets in
                    guard let rows = rows.baseAddress, let blocks = blocks.baseAddress else {
                        // Without dimensions, offsets are all there is.
                        for row in 0..<features.rows {
                            for index in 0..<width { scores.pointer[index] = offsets[index] }
                            body(row, scores.pointer)
                        }
                        return
                    }
                    for first in stride(from: 0, to: features.rows, by: 64) {
                        let count = min(64, features.rows - first)
                        Float._dots(
                            rows + first * dimensions, stride: dimensions, count: count, blocks: blocks,
                            blockCount: width / lanes, dim: dimensions, into: scores.pointer, outStride: width)
                        for row in 0..<count {
                            let line = scores.pointer + row * width
                            for index in 0..<width { line[index] += offsets[index] }
                            body(first + row, line)
                        }
                    }
                }
            }
        }
    }

    private static func softmax(_ scores: UnsafeMutablePointer<Float>, count: Int) {
        var most = scores[0]
        for index in 1..<max(1, count) { most = max(most, scores[index]) }
        var sum: Float = 0
        for index in 0..<count {
            scores[index] = expf(scores[index] - most)
            sum += scores[index]
        }
        for index in 0..<count { scores[index] /= sum }
    }

    // MARK: Learning

    /// - Throws: `CoresetError.dimensions`, `.outOfRange` for a label that is no class.
    /// - Complexity: O(steps · rows · dimensions · classes).
    public mutating func fit(
        _ features: Matrix<Float>, labels: [Int], weights: [Double]? = nil
    ) throws(CoresetError) { try fit(features, labels: labels, weights: weights) { true } }

    /// - Throws: as the other.
    public mutating func fit(
        _ features: Matrix<Float>, labels: [Int], weights: [Double]?, while goesOn: () -> Bool
    ) throws(CoresetError) {
        try check(features, labels, weights)
        guard features.rows > 0 else { return }
        let shares = Self.shares(weights, rows: features.rows)
        let rate = Float(1 / (0.5 * greatestEigenvalue(features, shares) + ridge + 1e-12))
        var before = (blocks, offsets)
        var ahead = before
        var momentum: Float = 1
        var gradient = (
            blocks: [Float](repeating: 0, count: blocks.count), offsets: [Float](repeating: 0, count: offsets.count)
        )
        for _ in 0..<steps where goesOn() {
            self.gradient(at: ahead, features, labels, shares, into: &gradient)
            let next = (1 + (1 + 4 * momentum * momentum).squareRoot()) / 2
            let push = (momentum - 1) / next
            // A step that goes back against the gradient has gone too far: momentum starts anew.
            var along: Float = 0
            var greatest: Float = 0
            Self.step(
                &blocks, &ahead.0, &before.0, gradient.blocks, rate: rate, push: push, along: &along, &greatest)
            Self.step(
                &offsets, &ahead.1, &before.1, gradient.offsets, rate: rate, push: push, along: &along, &greatest)
            if along > 0 {
                momentum = 1
                ahead = (blocks, offsets)
            } else {
                momentum = next
            }
            if greatest < 1e-5 { break }
        }
    }

    private func check(_ features: Matrix<Float>, _ labels: [Int], _ weights: [Double]?) throws(CoresetError) {
        guard features.columns == dimensions else {
            throw .dimensions(expected: dimensions, found: features.columns, what: "columns of the features")
        }
        guard labels.count == features.rows else {
            throw .dimensions(expected: features.rows, found: labels.count, what: "labels")
        }
        if let weights, weights.count != features.rows {
            throw .dimensions(expected: features.rows, found: weights.count, what: "weights")
        }
        for (row, label) in labels.enumerated() where !(0..<classes).contains(label) {
            throw .outOfRange(index: label, rows: classes, what: "the label of row \(row),")
        }
    }

    private static func shares(_ weights: [Double]?, rows: Int) -> [Float] {
        guard let weights else { return [Float](repeating: 1 / Float(max(1, rows)), count: rows) }
        let total = max(weights.reduce(0, +), 1e-300)
        return weights.map { Float($0 / total) }
    }

    /// w ← a − rate·g; a ← w + push·(w − w before).
    private static func step(
        _ weights: inout [Float], _ ahead: inout [Float], _ before: inout [Float], _ gradient: [Float], rate: Float,
        push: Float, along: inout Float, _ greatest: inout Float
    ) {
        let count = weights.count
        weights.withUnsafeMutableBufferPointer { weights in
            ahead.withUnsafeMutableBufferPointer { ahead in
                before.withUnsafeMutableBufferPointer { before in
                    gradient.withUnsafeBufferPointer { gradient in
                        for index in 0..<count {
                            let new = ahead[index] - rate * gradient[index]
                            let move = new - before[index]
                            along += gradient[index] * move
                            greatest = max(greatest, abs(gradient[index]))
                            ahead[index] = new + push * move
                            before[index] = new
                            weights[index] = new
                        }
                    }
                }
            }
        }
    }

    private func gradient(
        at point: ([Float], [Float]), _ features: Matrix<Float>, _ labels: [Int], _ shares: [Float],
        into gradient: inout (blocks: [Float], offsets: [Float])
    ) {
        let (dimensions, groups, lanes) = (dimensions, blockCount, Self.lanes)
        let shrink = Float(ridge)
        for index in gradient.blocks.indices { gradient.blocks[index] = shrink * point.0[index] }
        for index in gradient.offsets.indices { gradient.offsets[index] = 0 }
        gradient.blocks.withUnsafeMutableBytes { sums in
            gradient.offsets.withUnsafeMutableBufferPointer { offsets in
                features.storage.withUnsafeBufferPointer { rows in
                    Self.forEachRow(features, point.0, point.1, classes) { row, scores in
                        Self.softmax(scores, count: classes)
                        scores[labels[row]] -= 1
                        for index in 0..<classes {
                            scores[index] *= shares[row]
                            offsets[index] += scores[index]
                        }
                        for index in classes..<groups * lanes { scores[index] = 0 }
                        for group in 0..<groups {
                            let slope = UnsafeRawPointer(scores + group * lanes).loadUnaligned(
                                as: SIMD16<Float>.self)
                            for t in 0..<dimensions {
                                let value = rows[row * dimensions + t]
                                // Half of an image is 0.
                                if value == 0 { continue }
                                let place = (group * dimensions + t) * lanes * 4
                                let sum = sums.loadUnaligned(fromByteOffset: place, as: SIMD16<Float>.self)
                                sums.storeBytes(of: sum + value * slope, toByteOffset: place, as: SIMD16<Float>.self)
                            }
                        }
                    }
                }
            }
        }
    }

    /// Of the features' second moments with the offset's constant, by power iteration.
    private func greatestEigenvalue(_ features: Matrix<Float>, _ shares: [Float]) -> Double {
        let columns = features.columns
        var direction = [Float](repeating: 1 / Float(columns + 1).squareRoot(), count: columns + 1)
        var value = 0.0
        for _ in 0..<10 {
            var next = [Float](repeating: 0, count: columns + 1)
            features.storage.withUnsafeBufferPointer { rows in
                direction.withUnsafeBufferPointer { direction in
                    next.withUnsafeMutableBufferPointer { next in
                        for row in 0..<features.rows {
                            var along = direction[columns]
                            if let start = rows.baseAddress, let vector = direction.baseAddress {
                                along += Float._dot(start + row * columns, vector, count: columns)
                            }
                            along *= shares[row]
                            for t in 0..<columns { next[t] += along * rows[row * columns + t] }
                            next[columns] += along
                        }
                    }
                }
            }
            let length = next.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
            guard length > 0 else { break }
            value = length
            direction = next.map { $0 / Float(length) }
        }
        // The iteration comes from below.
        return 1.1 * value
    }
}

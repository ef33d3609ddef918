import ApusCore

/// The directions in which a sample of points varies most, nearly: orthonormal, with the sample's mean as their origin.
struct Subspace: Sendable {
    private let columns: Int
    private let dimensions: Int
    private let mean: AlignedBuffer<Float>
    /// The directions as points of d numbers, and their coordinates along each of the d axes as points of theirs.
    private let directions: PointBlocks<Float>
    private let axes: PointBlocks<Float>

    private static var sampleSize: Int { 1024 }
    /// Rounds of the power iteration; the third changes bounds by less than a hundredth on images.
    private static var rounds: Int { 2 }

    /// - Complexity: O(rounds · sample · d · dimensions).
    init(_ points: some PointRows, dimensions: Int, seed: UInt64) {
        let columns = points.columns
        self.columns = columns
        self.dimensions = dimensions
        let step = max(1, points.rows / Self.sampleSize)
        let sampled = Array(stride(from: 0, to: points.rows, by: step).prefix(Self.sampleSize))
        let sample = AlignedBuffer<Float>(uninitialised: sampled.count * columns)
        mean = AlignedBuffer(count: columns, repeating: 0)
        for (index, row) in sampled.enumerated() {
            let target = sample.pointer + index * columns
            points.read(row, into: target)
            for column in 0..<columns { mean.pointer[column] += target[column] / Float(sampled.count) }
        }
        for index in sampled.indices {
            let target = sample.pointer + index * columns
            for column in 0..<columns { target[column] -= mean.pointer[column] }
        }
        let transposed = Self.transposed(sample.pointer, rows: sampled.count, columns: columns, stride: columns)
        var generator = SeededGenerator(seed: seed, stream: 0)
        var basis = AlignedBuffer<Float>(uninitialised: dimensions * columns)
        for index in 0..<basis.count { basis.pointer[index] = Float(generator.unit() - 0.5) }
        for _ in 0..<Self.rounds {
            let scores = Self.products(sample, sampled.count, with: basis, dimensions, columns)
            let next = Self.products(
                transposed, columns,
                with: Self.transposed(
                    scores.buffer.pointer, rows: sampled.count, columns: dimensions, stride: scores.stride),
                dimensions, sampled.count)
            basis = Self.transposed(next.buffer.pointer, rows: columns, columns: dimensions, stride: next.stride)
            Self.orthonormalise(basis, dimensions, columns)
        }
        directions = PointBlocks(UnsafePointer(basis.pointer), count: dimensions, dimensions: columns)
        let turned = Self.transposed(basis.pointer, rows: dimensions, columns: columns, stride: columns)
        axes = PointBlocks(UnsafePointer(turned.pointer), count: columns, dimensions: dimensions)
    }

    /// Coordinates of rows and then their distance from the subspace, and the squared lengths of what these are of.
    func project(
        _ points: some PointRows, _ rows: Range<Int>, into out: UnsafeMutablePointer<Float>, stride: Int,
        lengths: UnsafeMutablePointer<Float>
    ) {
        let batch = 64
        let read = AlignedBuffer<Float>(uninitialised: batch * columns)
        let within = AlignedBuffer<Float>(uninitialised: batch * axes.places)
        let scores = AlignedBuffer<Float>(uninitialised: batch * directions.places)
        for first in Swift.stride(from: rows.lowerBound, to: rows.upperBound, by: batch) {
            let taken = first..<min(rows.upperBound, first + batch)
            for row in taken {
                let target = read.pointer + (row - first) * columns
                points.read(row, into: target)
                for column in 0..<columns { target[column] -= mean.pointer[column] }
            }
            Float._dots(
                read.pointer, stride: columns, count: taken.count, blocks: directions.blocks.pointer,
                blockCount: directions.blockCount, dim: columns, into: scores.pointer, outStride: directions.places)
            Float._dots(
                scores.pointer, stride: directions.places, count: taken.count, blocks: axes.blocks.pointer,
                blockCount: axes.blockCount, dim: dimensions, into: within.pointer, outStride: axes.places)
            for row in taken {
                let index = row - first
                let own = read.pointer + index * columns
                let target = out + row * stride
                target.update(from: scores.pointer + index * directions.places, count: dimensions)
                target[dimensions] =
                    Float._distance(own, within.pointer + index * axes.places, count: columns).squareRoot()
                lengths[row] = Float._dot(own, own, count: columns)
            }
        }
    }

    // MARK: Products

    /// Dot products of `count` rows with `others`, all of `length` numbers: rows of `stride`.
    private static func products(
        _ rows: AlignedBuffer<Float>, _ count: Int, with others: AlignedBuffer<Float>, _ otherCount: Int, _ length: Int
    ) -> (buffer: AlignedBuffer<Float>, stride: Int) {
        let blocks = PointBlocks(UnsafePointer(others.pointer), count: otherCount, dimensions: length)
        let out = AlignedBuffer<Float>(uninitialised: count * blocks.places)
        Float._dots(
            rows.pointer, stride: length, count: count, blocks: blocks.blocks.pointer, blockCount: blocks.blockCount,
            dim: length, into: out.pointer, outStride: blocks.places)
        return (out, blocks.places)
    }

    private static func transposed(
        _ source: UnsafePointer<Float>, rows: Int, columns: Int, stride: Int
    ) -> AlignedBuffer<Float> {
        let target = AlignedBuffer<Float>(uninitialised: rows * columns)
        for top in Swift.stride(from: 0, to: rows, by: 16) {
            for column in 0..<columns {
                for row in top..<min(rows, top + 16) {
                    target.pointer[column * rows + row] = source[row * stride + column]
                }
            }
        }
        return target
    }

    /// Gram and Schmidt's method, twice over so that rounding leaves nothing; what depends on earlier ones becomes zero.
    private static func orthonormalise(_ basis: AlignedBuffer<Float>, _ count: Int, _ length: Int) {
        for one in 0..<count {
            let own = basis.pointer + one * length
            let before = Float._dot(own, own, count: length)
            for _ in 0..<2 {
                for other in 0..<one {
                    let direction = basis.pointer + other * length
                    let along = Float._dot(own, direction, count: length)
                    for index in 0..<length { own[index] -= along * direction[index] }
                }
            }
            let after = Float._dot(own, own, count: length)
            let scale = after > 1e-8 * before ? 1 / after.squareRoot() : 0
            for index in 0..<length { own[index] *= scale }
        }
    }
}

/// Upper bounds of what single candidates are worth to facility location, for much less than the gains cost.
///
/// Nothing is chosen yet, so a gain is Σ_u s(u, e). With s = M − d² the sum has a closed form. With s = D − d, points
/// are grouped, and Σ_{u in group} d(u, e) ≥ size·d(mean, e), because the norm is convex.
struct FacilityBounds<Scalar: KernelScalar> {
    private static var groups: Int { 256 }

    let rows: SimilarityRows<Scalar>

    /// Nil where the metric has no cheap bound.
    ///
    /// - Complexity: O(n·d) for squared distances, O(256·n·d) for distances.
    var bounds: [Double]? {
        guard rows.isDirect, rows.represented > 0, rows.dimensions > 0 else { return nil }
        switch rows.metric {
        case .maximumMinusSquaredDistance: return squared
        case .maximumMinusDistance(phantom: nil):
            // A phantom nearer than the farthest point would cut terms off at 0, which the bound does not know of.
            return rows.represented >= 4 * Self.groups ? grouped : nil
        default: return nil
        }
    }

    private var total: Double { rows.transform.a * Double(rows.represented) }
    /// Rounding of the gains, n terms of it.
    private var margin: Double { total * (Scalar.self == Float.self ? 4e-6 : 1e-12) }

    private var squared: [Double] {
        let dimensions = rows.dimensions
        // Around the mean, Σ d² = n·|e|² + Σ |u|², without the cancellation.
        var mean = [Double](repeating: 0, count: dimensions)
        for row in 0..<rows.represented {
            for t in 0..<dimensions { mean[t] += Double(rows.pointRows.pointer[row * dimensions + t]) }
        }
        for t in 0..<dimensions { mean[t] /= Double(rows.represented) }
        func square(_ point: UnsafePointer<Scalar>) -> Double {
            var sum = 0.0
            for t in 0..<dimensions {
                let x = Double(point[t]) - mean[t]
                sum += x * x
            }
            return sum
        }
        var spread = 0.0
        for row in 0..<rows.represented { spread += square(rows.pointRows.pointer + row * dimensions) }
        return (0..<rows.candidates).map {
            total - spread - Double(rows.represented) * square(rows.queries.pointer + $0 * dimensions) + margin
        }
    }

    private var grouped: [Double] {
        let dimensions = rows.dimensions
        let count = Self.groups
        let seeds = AlignedBuffer<Scalar>(uninitialised: count * dimensions)
        for group in 0..<count {
            (seeds.pointer + group * dimensions).update(
                from: rows.pointRows.pointer + rows.represented * group / count * dimensions, count: dimensions)
        }
        let cells = Cells(
            UnsafePointer(rows.pointRows.pointer), count: rows.represented, dimensions: dimensions,
            centres: seeds.pointer, chosenCount: count, threads: rows.threads)
        var sizes = [Double](repeating: 0, count: count)
        var sums = [Double](repeating: 0, count: count * dimensions)
        for place in 0..<cells.points.places where cells.points.rowAt[place] >= 0 {
            let cell = cells.cell(ofBlock: place / Scalar._lanes)
            let point = rows.pointRows.pointer + Int(cells.points.rowAt[place]) * dimensions
            sizes[cell] += 1
            for t in 0..<dimensions { sums[cell * dimensions + t] += Double(point[t]) }
        }
        let means = AlignedBuffer<Scalar>(uninitialised: count * dimensions)
        for index in 0..<count * dimensions {
            means.pointer[index] = Scalar(sums[index] / max(1, sizes[index / dimensions]))
        }
        let blocks = PointBlocks(means.pointer, count: count, dimensions: dimensions)
        let result = AlignedBuffer<Double>(uninitialised: rows.candidates)
        Parallel.ranges(rows.candidates, threads: rows.threads, grain: 64) { range in
            let out = AlignedBuffer<Scalar>(uninitialised: 8 * blocks.places)
            for first in stride(from: range.lowerBound, to: range.upperBound, by: 8) {
                let size = min(8, range.upperBound - first)
                Scalar._distances(
                    rows.queries.pointer + first * dimensions, stride: dimensions, count: size,
                    blocks: blocks.blocks.pointer, blockCount: blocks.blockCount, dim: dimensions, into: out.pointer,
                    outStride: blocks.places)
                Scalar._transform(Transforms.squareRoot, out.pointer, count: size * blocks.places)
                for index in 0..<size {
                    var sum = 0.0
                    for group in 0..<count { sum += sizes[group] * Double(out.pointer[index * blocks.places + group]) }
                    result.pointer[first + index] = total - sum + margin
                }
            }
        }
        return Array(UnsafeBufferPointer(start: result.pointer, count: rows.candidates))
    }
}

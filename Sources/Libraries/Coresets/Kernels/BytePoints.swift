import CVectorKernels

/// Points of whole numbers that lie at most 255 apart, as pixels do: squared distances are sums of products of bytes,
/// exact and four times as fast as those of `Float`.
struct BytePoints: Sendable {
    /// What stands for 0.
    private let least: Float
    private let dimensions: Int
    /// Groups of four coordinates.
    private let quads: Int
    /// In the kernel's layout, points in their own order.
    private let blocks: AlignedBuffer<UInt8>
    private let terms: AlignedBuffer<Int32>

    /// Sums of as many squares fit 32 bits.
    private static var greatestDimensions: Int { 16_000 }

    /// Nil where numbers are others, or the processor has no such products.
    ///
    /// - Parameter others: points that distances are measured from, beside the points themselves.
    /// - Complexity: O(n·d) time, n·d bytes.
    init?(_ points: Matrix<Float>, from others: Matrix<Float>? = nil) {
        guard avk_has_byte_products() != 0, points.rows > 0, (1...Self.greatestDimensions).contains(points.columns),
            let range = Self.range(points), let other = others.map(Self.range) ?? range
        else { return nil }
        let least = min(range.lowerBound, other.lowerBound)
        guard max(range.upperBound, other.upperBound) - least <= 255 else { return nil }
        self.least = least
        dimensions = points.columns
        let quads = (points.columns + 3) / 4
        self.quads = quads
        let lanes = Float._lanes
        let blockCount = (points.rows + lanes - 1) / lanes
        blocks = AlignedBuffer(count: blockCount * quads * 64, repeating: 0)
        terms = AlignedBuffer(uninitialised: blockCount * lanes)
        points.storage.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return }
            for place in 0..<terms.count {
                let source = start + min(place, points.rows - 1) * points.columns
                let target = blocks.pointer + place / lanes * quads * 64 + place % lanes * 4
                var (squares, sum): (Int32, Int32) = (0, 0)
                for column in 0..<points.columns {
                    let value = Self.byte(source[column], least)
                    target[column / 4 * 64 + column % 4] = value
                    squares &+= Int32(value) &* Int32(value)
                    sum &+= Int32(value)
                }
                terms.pointer[place] = squares &- 256 &* sum
            }
        }
    }

    /// Squared distances of rows of numbers, next to each other, to the points of some blocks.
    func distances(
        from rows: UnsafePointer<Float>, count: Int, firstBlock: Int, blockCount: Int,
        into out: UnsafeMutablePointer<Float>, outStride: Int
    ) {
        let queries = AlignedBuffer<Int8>(uninitialised: count * quads * 4)
        let norms = AlignedBuffer<Int32>(uninitialised: count)
        for row in 0..<count {
            let source = rows + row * dimensions
            let target = queries.pointer + row * quads * 4
            var squares: Int32 = 0
            for column in 0..<dimensions {
                let value = Self.byte(source[column], least)
                target[column] = Int8(bitPattern: value ^ 0x80)
                squares &+= Int32(value) &* Int32(value)
            }
            // Points are 0 there.
            for column in dimensions..<quads * 4 { target[column] = 0 }
            norms.pointer[row] = squares
        }
        avk_byte_distances(
            queries.pointer, norms.pointer, count, blocks.pointer + firstBlock * quads * 64,
            terms.pointer + firstBlock * Float._lanes, blockCount, quads, out, outStride)
    }

    /// Least and greatest number, if all are whole.
    private static func range(_ matrix: Matrix<Float>) -> ClosedRange<Float>? {
        matrix.storage.withUnsafeBufferPointer { values in
            guard let first = values.first else { return nil }
            var (least, greatest, broken) = (first, first, Float(0))
            // A row at a time, so that most features are known not to be whole after the first.
            for row in 0..<matrix.rows {
                for index in row * matrix.columns..<(row + 1) * matrix.columns {
                    let value = values[index]
                    least = min(least, value)
                    greatest = max(greatest, value)
                    // The sum has no place for a fraction.
                    broken += abs(value - ((value + 0x1.8p23) - 0x1.8p23))
                }
                guard broken == 0, greatest - least <= 255 else { return nil }
            }
            // Beyond, the sum would have no place for odd numbers either.
            return max(abs(least), abs(greatest)) <= 0x1p22 ? least...greatest : nil
        }
    }

    /// The last bits of a sum with 2²³ are those of the whole number.
    @inline(__always)
    private static func byte(_ value: Float, _ least: Float) -> UInt8 {
        UInt8(truncatingIfNeeded: (value - least + 0x1p23).bitPattern)
    }
}

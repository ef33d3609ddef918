/// A matrix of a model: rows are vectors of words, n-grams or labels.
enum ModelMatrix: Sendable {
    case dense(DenseMatrix)
    case quantized(QuantizedMatrix)

    var rows: Int {
        switch self {
        case .dense(let matrix): matrix.rows
        case .quantized(let matrix): matrix.rows
        }
    }
    var columns: Int {
        switch self {
        case .dense(let matrix): matrix.columns
        case .quantized(let matrix): matrix.columns
        }
    }

    /// The matrix with every code looked up, where that takes at most `limit` bytes: the sums are the same, faster.
    func expanded(limit: Int) -> ModelMatrix {
        guard case .quantized(let matrix) = self, matrix.rows * matrix.columns * 4 <= limit else { return self }
        var values = [Float](repeating: 0, count: matrix.rows * matrix.columns)
        values.withUnsafeMutableBufferPointer { all in
            for row in 0..<matrix.rows {
                matrix.add(row: row, to: .init(rebasing: all[(row * matrix.columns)..<((row + 1) * matrix.columns)]))
            }
        }
        return .dense(DenseMatrix(rows: matrix.rows, columns: matrix.columns, values: values))
    }

    /// Dot product of a row with a vector.
    func dot(row: Int, _ vector: UnsafeBufferPointer<Float>) -> Float {
        switch self {
        case .dense(let matrix):
            matrix.values.withUnsafeBufferPointer {
                Vectors.dot(.init(rebasing: $0[(row * matrix.columns)..<((row + 1) * matrix.columns)]), vector)
            }
        case .quantized(let matrix): matrix.dot(row: row, vector)
        }
    }
}

/// Row-major `Float` values.
struct DenseMatrix: Sendable {
    var rows: Int
    var columns: Int
    var values: [Float]
}

/// A vector cut in pieces, each replaced by the number of its nearest centroid.
///
/// Source: Jégou et al. 2011, as fastText stores it: 256 centroids per piece, the last piece possibly shorter.
struct ProductQuantizer: Sendable {
    static let centroidCount = 256
    var dimension: Int
    var pieces: Int
    var pieceSize: Int
    var lastPieceSize: Int
    /// `dimension · 256` values.
    var centroids: [Float]

    /// Where a centroid begins.
    @inline(__always)
    func offset(piece: Int, code: UInt8) -> Int {
        piece == pieces - 1
            ? piece * Self.centroidCount * pieceSize + Int(code) * lastPieceSize
            : (piece * Self.centroidCount + Int(code)) * pieceSize
    }
}

/// Rows as codes of a product quantiser, with their norms quantised apart where the model says so.
struct QuantizedMatrix: Sendable {
    var rows: Int
    var columns: Int
    var quantizer: ProductQuantizer
    /// `rows · pieces` codes.
    var codes: [UInt8]
    var norms: Norms?

    struct Norms: Sendable {
        /// One code per row.
        var codes: [UInt8]
        var centroids: [Float]
    }

    @inline(__always)
    private func norm(_ row: Int) -> Float { norms.map { $0.centroids[Int($0.codes[row])] } ?? 1 }

    func add(row: Int, to vector: UnsafeMutableBufferPointer<Float>) {
        let norm = norm(row)
        for piece in 0..<quantizer.pieces {
            let offset = quantizer.offset(piece: piece, code: codes[row * quantizer.pieces + piece])
            let size = piece == quantizer.pieces - 1 ? quantizer.lastPieceSize : quantizer.pieceSize
            let start = piece * quantizer.pieceSize
            for index in 0..<size { vector[start + index] += norm * quantizer.centroids[offset + index] }
        }
    }

    func dot(row: Int, _ vector: UnsafeBufferPointer<Float>) -> Float {
        var sum: Float = 0
        for piece in 0..<quantizer.pieces {
            let offset = quantizer.offset(piece: piece, code: codes[row * quantizer.pieces + piece])
            let size = piece == quantizer.pieces - 1 ? quantizer.lastPieceSize : quantizer.pieceSize
            let start = piece * quantizer.pieceSize
            for index in 0..<size { sum += vector[start + index] * quantizer.centroids[offset + index] }
        }
        return sum * norm(row)
    }
}

/// Vector arithmetic, eight values at a time.
enum Vectors {
    @inline(__always)
    static func dot(_ left: UnsafeBufferPointer<Float>, _ right: UnsafeBufferPointer<Float>) -> Float {
        let count = min(left.count, right.count)
        guard let a = left.baseAddress.map(UnsafeRawPointer.init), let b = right.baseAddress.map(UnsafeRawPointer.init)
        else { return 0 }
        var first = SIMD8<Float>.zero
        var second = SIMD8<Float>.zero
        var index = 0
        while index + 16 <= count {
            first += load(a, index) * load(b, index)
            second += load(a, index + 8) * load(b, index + 8)
            index += 16
        }
        if index + 8 <= count {
            first += load(a, index) * load(b, index)
            index += 8
        }
        var sum = (first + second).sum()
        while index < count {
            sum += left[index] * right[index]
            index += 1
        }
        return sum
    }

    /// `target += source`.
    @inline(__always)
    static func add(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>, count: Int) {
        let from = UnsafeRawPointer(source)
        let to = UnsafeMutableRawPointer(target)
        var index = 0
        while index + 8 <= count {
            store(load(UnsafeRawPointer(to), index) + load(from, index), to, index)
            index += 8
        }
        while index < count {
            target[index] += source[index]
            index += 1
        }
    }

    /// `target += factor · source`.
    @inline(__always)
    static func add(
        _ source: UnsafePointer<Float>, times factor: Float, to target: UnsafeMutablePointer<Float>, count: Int
    ) {
        let from = UnsafeRawPointer(source)
        let to = UnsafeMutableRawPointer(target)
        var index = 0
        while index + 8 <= count {
            store(load(UnsafeRawPointer(to), index) + factor * load(from, index), to, index)
            index += 8
        }
        while index < count {
            target[index] += factor * source[index]
            index += 1
        }
    }

    // Rows begin at any multiple of four bytes, so the loads and stores must not assume more. The callers' loops keep
    // `index + 8` within the row.
    @inline(__always)
    private static func load(_ base: UnsafeRawPointer, _ index: Int) -> SIMD8<Float> {
        base.loadUnaligned(fromByteOffset: index &* 4, as: SIMD8<Float>.self)
    }
    @inline(__always)
    private static func store(_ value: SIMD8<Float>, _ base: UnsafeMutableRawPointer, _ index: Int) {
        base.storeBytes(of: value, toByteOffset: index &* 4, as: SIMD8<Float>.self)
    }
}

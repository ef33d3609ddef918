import CVectorKernels

/// Rows of numbers in half or a quarter of single precision's memory: `rows` × `columns`, row-major.
///
/// Kernels work on the packed numbers; a distance is that of the numbers widened to `Float`.
public struct PackedMatrix: Sendable, Hashable, Codable {
    public enum Element: String, Sendable, CaseIterable, Codable {
        /// IEEE 754 half precision.
        case float16
        /// −128 … 127, times `scale`.
        case int8
        /// 0 … 255, times `scale`.
        case uint8

        public var size: Int { self == .float16 ? 2 : 1 }
    }

    public let rows: Int
    public let columns: Int
    public let element: Element
    /// What whole numbers are multiplied by; 1 for `float16`.
    public let scale: Float
    /// Element (r, c) is at byte `(r * columns + c) * element.size`, little-endian.
    public let bytes: [UInt8]

    /// Columns up to which sums of products of bytes fit 32 bits.
    public static var greatestByteColumns: Int { 33_000 }

    /// - Throws: `CoresetError.dimensions` where the bytes have another size, `.invalidParameter` for too many columns
    ///   of bytes or a scale that is not positive, `.notFinite`.
    /// - Complexity: O(rows × columns).
    public init(rows: Int, columns: Int, element: Element, scale: Float = 1, bytes: [UInt8]) throws(CoresetError) {
        let (count, overflow) = rows.multipliedReportingOverflow(by: columns * element.size)
        guard rows >= 0, columns >= 0, !overflow, bytes.count == count else {
            throw .dimensions(
                expected: overflow ? .max : count, found: bytes.count, what: "bytes of the packed matrix")
        }
        guard scale > 0, scale.isFinite else {
            throw .invalidParameter(name: "the scale", value: "\(scale)", expected: "a positive number")
        }
        guard element == .float16 || columns <= Self.greatestByteColumns else {
            throw .invalidParameter(
                name: "the number of columns", value: "\(columns)",
                expected: "at most \(Self.greatestByteColumns) for bytes; use float16")
        }
        if element == .float16 {
            // All ones in the exponent: infinite, or no number.
            for index in 0..<count / 2 where bytes[2 * index + 1] & 0x7C == 0x7C {
                throw .notFinite(row: index / max(1, columns), column: index % max(1, columns))
            }
        }
        self.rows = rows
        self.columns = columns
        self.element = element
        self.scale = element == .float16 ? 1 : scale
        self.bytes = bytes
    }

    /// The numbers rounded to the nearest that the element can hold; bytes use their whole range.
    ///
    /// - Throws: `CoresetError.invalidParameter` for numbers beyond 65,504 in half precision, `.notNegative` for negative
    ///   ones in `uint8`.
    public init(_ matrix: Matrix<Float>, as element: Element) throws(CoresetError) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(matrix.storage.count * element.size)
        let greatest = matrix.storage.reduce(into: Float(0)) { $0 = max($0, abs($1)) }
        var scale: Float = 1
        switch element {
        case .float16:
            guard greatest < 65_520 else {
                throw .invalidParameter(
                    name: "a feature", value: "\(greatest)", expected: "at most 65504 for float16; scale the features")
            }
            for value in matrix.storage {
                let bits = Self.half(value)
                bytes.append(UInt8(truncatingIfNeeded: bits))
                bytes.append(UInt8(truncatingIfNeeded: bits >> 8))
            }
        case .int8:
            if greatest > 0 { scale = greatest / 127 }
            for value in matrix.storage { bytes.append(UInt8(bitPattern: Int8((value / scale).rounded()))) }
        case .uint8:
            if greatest > 0 { scale = greatest / 255 }
            if let bad = matrix.storage.firstIndex(where: { $0 < 0 }) {
                throw .notNegative(row: bad / matrix.columns, column: bad % matrix.columns, objective: "uint8")
            }
            for value in matrix.storage { bytes.append(UInt8((value / scale).rounded())) }
        }
        try self.init(rows: matrix.rows, columns: matrix.columns, element: element, scale: scale, bytes: bytes)
    }

    public subscript(row: Int, column: Int) -> Float {
        let index = row * columns + column
        return switch element {
        case .float16: NumPyFile.half(UInt16(bytes[2 * index]) | UInt16(bytes[2 * index + 1]) << 8)
        case .int8: Float(Int8(bitPattern: bytes[index])) * scale
        case .uint8: Float(bytes[index]) * scale
        }
    }

    /// The same numbers in single precision. Complexity: O(rows × columns).
    public var widened: Matrix<Float> {
        let storage = [Float](unsafeUninitializedCapacity: rows * columns) { target, used in
            if let start = target.baseAddress { for row in 0..<rows { read(row, into: start + row * columns) } }
            used = rows * columns
        }
        return Matrix(finite: storage, rows: rows, columns: columns)
    }

    /// To half precision, the nearest, of two the even one. The number is finite and below 65,520.
    static func half(_ value: Float) -> UInt16 {
        let sign = UInt16(truncatingIfNeeded: value.bitPattern >> 16) & 0x8000
        let magnitude = abs(value)
        // Below 2⁻¹⁴ steps are 2⁻²⁴; above, a step is 2⁻¹⁰ of the power of two below.
        guard magnitude >= 0x1p-14 else {
            return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven))
        }
        let bits = magnitude.bitPattern &- (112 << 23)
        let half = bits >> 13
        let rest = bits & 0x1FFF
        let up: UInt32 = rest > 0x1000 || (rest == 0x1000 && half & 1 == 1) ? 1 : 0
        return sign | UInt16(truncatingIfNeeded: half + up)
    }
}

extension PackedMatrix: PointRows {
    func read(_ row: Int, into target: UnsafeMutablePointer<Float>) {
        bytes.withUnsafeBytes { all in
            guard let start = all.baseAddress else { return }
            switch element {
            case .float16:
                avk_widen_f16(
                    start.assumingMemoryBound(to: UInt16.self) + row * columns, target, columns)
            case .int8:
                let source = start.assumingMemoryBound(to: Int8.self) + row * columns
                for column in 0..<columns { target[column] = Float(source[column]) * scale }
            case .uint8:
                let source = start.assumingMemoryBound(to: UInt8.self) + row * columns
                for column in 0..<columns { target[column] = Float(source[column]) * scale }
            }
        }
    }

    func squaredDistance(_ left: Int, _ right: Int) -> Float {
        bytes.withUnsafeBytes { all in
            guard let start = all.baseAddress else { return 0 }
            switch element {
            case .float16:
                let source = start.assumingMemoryBound(to: UInt16.self)
                return avk_distance_f16(source + left * columns, source + right * columns, columns)
            case .int8:
                let source = start.assumingMemoryBound(to: Int8.self)
                return Float(avk_distance_i8(source + left * columns, source + right * columns, columns)) * scale
                    * scale
            case .uint8:
                let source = start.assumingMemoryBound(to: UInt8.self)
                return Float(avk_distance_u8(source + left * columns, source + right * columns, columns)) * scale
                    * scale
            }
        }
    }

    /// The dot product of two rows.
    public func dot(_ left: Int, _ right: Int) -> Float {
        bytes.withUnsafeBytes { all in
            guard let start = all.baseAddress else { return 0 }
            switch element {
            case .float16:
                let source = start.assumingMemoryBound(to: UInt16.self)
                return avk_dot_f16(source + left * columns, source + right * columns, columns)
            case .int8:
                let source = start.assumingMemoryBound(to: Int8.self)
                return Float(avk_dot_i8(source + left * columns, source + right * columns, columns)) * scale * scale
            case .uint8:
                let source = start.assumingMemoryBound(to: UInt8.self)
                return Float(avk_dot_u8(source + left * columns, source + right * columns, columns)) * scale * scale
            }
        }
    }

    /// The Euclidean distance of two rows.
    public func distance(_ left: Int, _ right: Int) -> Float { squaredDistance(left, right).squareRoot() }
}

/// Rows of numbers that can be read in single precision, however they are held.
protocol PointRows: Sendable {
    var rows: Int { get }
    var columns: Int { get }
    func read(_ row: Int, into target: UnsafeMutablePointer<Float>)
    func squaredDistance(_ left: Int, _ right: Int) -> Float
}

/// A matrix as it is.
struct SinglePrecisionRows: PointRows {
    let matrix: Matrix<Float>

    var rows: Int { matrix.rows }
    var columns: Int { matrix.columns }

    func read(_ row: Int, into target: UnsafeMutablePointer<Float>) {
        matrix.storage.withUnsafeBufferPointer {
            if let start = $0.baseAddress { target.update(from: start + row * columns, count: columns) }
        }
    }

    func squaredDistance(_ left: Int, _ right: Int) -> Float {
        matrix.storage.withUnsafeBufferPointer {
            guard let start = $0.baseAddress else { return 0 }
            return Float._distance(start + left * columns, start + right * columns, count: columns)
        }
    }
}

/// A copy whose rows begin where cache lines do, for pairs of rows in no order.
struct AlignedRows: PointRows {
    let rows: Int
    let columns: Int
    private let stride: Int
    private let buffer: AlignedBuffer<Float>

    init(_ matrix: Matrix<Float>) {
        (rows, columns) = (matrix.rows, matrix.columns)
        let lanes = Float._lanes
        stride = (columns + lanes - 1) / lanes * lanes
        buffer = AlignedBuffer(uninitialised: rows * stride)
        let source = SinglePrecisionRows(matrix: matrix)
        for row in 0..<rows { source.read(row, into: buffer.pointer + row * stride) }
    }

    func read(_ row: Int, into target: UnsafeMutablePointer<Float>) {
        target.update(from: buffer.pointer + row * stride, count: columns)
    }

    func squaredDistance(_ left: Int, _ right: Int) -> Float {
        Float._distance(buffer.pointer + left * stride, buffer.pointer + right * stride, count: columns)
    }
}

import Files

/// Arrays in NumPy's NPY format, versions 1 to 3: little- or big-endian numbers of one or two dimensions.
///
/// - Source: the format's description in NumPy's documentation (`numpy.lib.format`).
public struct NumPyFile: Sendable {
    /// Element types that are read.
    public enum Element: String, Sendable, CaseIterable {
        case float16 = "f2"
        case float32 = "f4"
        case float64 = "f8"
        case uint8 = "u1"
        case int8 = "i1"
        case uint16 = "u2"
        case int16 = "i2"
        case uint32 = "u4"
        case int32 = "i4"
        case uint64 = "u8"
        case int64 = "i8"
        case bool = "b1"

        var size: Int {
            switch self {
            case .uint8, .int8, .bool: 1
            case .float16, .uint16, .int16: 2
            case .float32, .uint32, .int32: 4
            case .float64, .uint64, .int64: 8
            }
        }
    }

    public let path: String
    public let element: Element
    /// One or two sizes.
    public let shape: [Int]
    public let isColumnMajor: Bool
    private let isSwapped: Bool
    private let bytes: [UInt8]
    private let start: Int

    /// - Throws: `FileError`; `CoresetError.malformed` with the byte where the file stops making sense.
    public init(contentsOf path: String) throws {
        try self.init(path: path, bytes: try FileReader.bytes(of: path))
    }

    /// As `init(contentsOf:)`, of bytes at hand.
    public init(path: String, bytes: [UInt8]) throws(CoresetError) {
        func fail(_ byte: Int, _ reason: String) -> CoresetError {
            .malformed(file: path, place: "byte \(byte)", reason: reason)
        }
        guard bytes.count >= 10, bytes[0] == 0x93, bytes[1..<6].elementsEqual("NUMPY".utf8) else {
            throw fail(0, "this is no NPY file (it does not begin with \\x93NUMPY)")
        }
        let version = bytes[6]
        guard (1...3).contains(version) else { throw fail(6, "NPY version \(version) is not known") }
        let wide = version > 1
        guard bytes.count >= (wide ? 12 : 10) else {
            throw fail(bytes.count, "the file ends in its header; save or fetch it again")
        }
        var length = Int(bytes[8]) | Int(bytes[9]) << 8
        if wide { length |= Int(bytes[10]) << 16 | Int(bytes[11]) << 24 }
        let first = wide ? 12 : 10
        guard bytes.count - first >= length else {
            throw fail(bytes.count, "the file ends in its header; save or fetch it again")
        }
        let header = String(decoding: bytes[first..<first + length], as: UTF8.self)
        guard let description = Self.value(of: "descr", in: header), description.utf8.count >= 3 else {
            throw fail(first, "the header has no element type (`descr`)")
        }
        let text = description.trimmed("'\"")
        let order = text.utf8.first ?? 0
        guard let element = Element(rawValue: String(text.dropFirst())),
            order == UInt8(ascii: "<") || order == UInt8(ascii: "|") || order == UInt8(ascii: ">")
                || order == UInt8(ascii: "=")
        else { throw fail(first, "elements of type \(text) are not read; save the array as float32 or float64") }
        guard let shapeText = Self.value(of: "shape", in: header) else {
            throw fail(first, "the header has no `shape`")
        }
        var shape: [Int] = []
        for part in shapeText.trimmed("()").split(separator: ",") {
            let trimmed = part.trimmed(" ")
            if trimmed.isEmpty { continue }
            guard let size = Int(trimmed), size >= 0 else {
                throw fail(first, "the shape \(shapeText) is no list of sizes")
            }
            shape.append(size)
        }
        guard shape.count == 1 || shape.count == 2 else {
            throw fail(first, "the array has \(shape.count) dimensions; features have two (rows, columns)")
        }
        var total = element.size
        for size in shape {
            let (product, overflow) = total.multipliedReportingOverflow(by: size)
            guard !overflow else { throw fail(first, "the shape \(shapeText) is too large") }
            total = product
        }
        guard bytes.count - first - length >= total else {
            throw fail(
                bytes.count, "the file ends early: \(total) bytes of numbers were announced; save or fetch it again")
        }
        self.path = path
        self.element = element
        self.shape = shape
        self.bytes = bytes
        start = first + length
        isSwapped = order == UInt8(ascii: ">") && element.size > 1
        isColumnMajor = Self.value(of: "fortran_order", in: header)?.hasPrefix("True") ?? false
    }

    /// The numbers as a matrix; a one-dimensional array is one column.
    ///
    /// - Throws: `CoresetError.malformed` where a number is not finite or rows have no columns.
    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    public func matrix<Scalar: KernelScalar>(as type: Scalar.Type = Scalar.self) throws(CoresetError) -> Matrix<Scalar>
    {
        let rows = shape[0]
        let columns = shape.count == 2 ? shape[1] : 1
        guard rows == 0 || columns > 0 else {
            throw .malformed(file: path, place: "the shape", reason: "\(rows) rows have no columns")
        }
        var values: [Scalar] = numbers()
        if isColumnMajor, rows > 1, columns > 1 {
            let source = values
            for row in 0..<rows {
                for column in 0..<columns { values[row * columns + column] = source[column * rows + row] }
            }
        }
        if let bad = Scalar.firstNotFinite(values) {
            throw .malformed(
                file: path, place: "row \(bad / columns), column \(bad % columns) (from 0)",
                reason: "the feature is not a finite number; repair or drop the row")
        }
        return Matrix(finite: values, rows: rows, columns: columns)
    }

    /// The numbers as they are in the file, where they are of half precision or bytes.
    ///
    /// - Throws: `CoresetError.unsupported` for other types and for arrays by columns, `.notFinite`.
    public func packed() throws(CoresetError) -> PackedMatrix {
        let kinds: [Element: PackedMatrix.Element] = [.float16: .float16, .int8: .int8, .uint8: .uint8, .bool: .uint8]
        guard let kind = kinds[element], !isSwapped, !isColumnMajor || shape.count == 1 else {
            throw .unsupported(
                what: "\(path) holds \(element)\(isColumnMajor ? " by columns" : isSwapped ? ", big-endian" : "")",
                remedy: "Read it as a matrix and pack that, or save it as float16, int8 or uint8 by rows.")
        }
        let columns = shape.count == 2 ? shape[1] : 1
        let size = shape[0] * columns * kind.size
        return try PackedMatrix(
            rows: shape[0], columns: columns, element: kind, bytes: Array(bytes[start..<start + size]))
    }

    /// The numbers in the order of the file, as whole numbers.
    ///
    /// - Throws: `CoresetError.malformed` where one is not whole.
    public func integers() throws(CoresetError) -> [Int] {
        let values: [Double] = numbers()
        var result: [Int] = []
        result.reserveCapacity(values.count)
        for (index, value) in values.enumerated() {
            guard let whole = Int(exactly: value) else {
                throw .malformed(file: path, place: "element \(index)", reason: "\(value) is not a whole number")
            }
            result.append(whole)
        }
        return result
    }

    private func numbers<Scalar: KernelScalar>() -> [Scalar] {
        switch element {
        case .float16: read { (bits: UInt16) in Scalar(Self.half(bits)) }
        case .float32: read { (bits: UInt32) in Scalar(Float(bitPattern: bits)) }
        case .float64: read { (bits: UInt64) in Scalar(Double(bitPattern: bits)) }
        case .uint8, .bool: read { (bits: UInt8) in Scalar(bits) }
        case .int8: read { (bits: UInt8) in Scalar(Int8(bitPattern: bits)) }
        case .uint16: read { (bits: UInt16) in Scalar(bits) }
        case .int16: read { (bits: UInt16) in Scalar(Int16(bitPattern: bits)) }
        case .uint32: read { (bits: UInt32) in Scalar(bits) }
        case .int32: read { (bits: UInt32) in Scalar(Int32(bitPattern: bits)) }
        case .uint64: read { (bits: UInt64) in Scalar(bits) }
        case .int64: read { (bits: UInt64) in Scalar(Int64(bitPattern: bits)) }
        }
    }

    private func read<Bits: FixedWidthInteger, Scalar: KernelScalar>(_ convert: (Bits) -> Scalar) -> [Scalar] {
        let count = shape.reduce(1, *)
        return [Scalar](unsafeUninitializedCapacity: count) { target, used in
            bytes.withUnsafeBytes { source in
                for index in 0..<count {
                    let bits = source.loadUnaligned(fromByteOffset: start + index * Bits.bitWidth / 8, as: Bits.self)
                    target[index] = convert(isSwapped ? bits.byteSwapped : Bits(littleEndian: bits))
                }
            }
            used = count
        }
    }

    /// IEEE 754 half precision, widened.
    static func half(_ bits: UInt16) -> Float {
        let sign: Float = bits & 0x8000 == 0 ? 1 : -1
        let exponent = Int(bits >> 10) & 31
        let fraction = Float(bits & 0x3FF)
        switch exponent {
        case 0: return sign * fraction * 0x1p-24
        case 31: return fraction == 0 ? sign * .infinity : .nan
        default: return sign * (1 + fraction * 0x1p-10) * Float(sign: .plus, exponent: exponent - 15, significand: 1)
        }
    }

    /// The value of a key in the header, a Python dictionary.
    private static func value(of key: String, in header: String) -> String? {
        let bytes = Array(header.utf8)
        for quote in ["'", "\""] {
            let wanted = Array("\(quote)\(key)\(quote)".utf8)
            guard bytes.count >= wanted.count else { return nil }
            for index in 0...(bytes.count - wanted.count)
            where bytes[index..<index + wanted.count].elementsEqual(wanted) {
                guard let colon = bytes[(index + wanted.count)...].firstIndex(of: UInt8(ascii: ":")) else { return nil }
                var depth = 0
                var end = colon + 1
                while end < bytes.count {
                    let byte = bytes[end]
                    if byte == UInt8(ascii: "(") { depth += 1 }
                    if byte == UInt8(ascii: ")") { depth -= 1 }
                    if depth == 0, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") { break }
                    end += 1
                }
                return String(decoding: bytes[(colon + 1)..<end], as: UTF8.self).trimmed(" ")
            }
        }
        return nil
    }
}

extension StringProtocol {
    /// Without the ASCII characters given at both ends.
    func trimmed(_ set: String) -> String {
        let strip = Array(set.utf8)
        var bytes = Array(utf8)[...]
        while let first = bytes.first, strip.contains(first) { bytes = bytes.dropFirst() }
        while let last = bytes.last, strip.contains(last) { bytes = bytes.dropLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

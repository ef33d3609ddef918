import ApusTensor
import Files
import JSON

/// Files and numbers that the PyTorch scripts of `Tests/Golden/pytorch` and these tests share.
enum Golden {
    static let root = Paths.split(Paths.split(Paths.split(#filePath).folder).folder).folder

    static func json(_ name: String) throws -> JSONValue {
        try JSONValue(parsing: try FileReader.bytes(of: Paths.join(root, "Tests/Golden/pytorch/\(name)")))
    }

    /// The same numbers as `numbers_.py` makes.
    static func numbers(_ shape: [Int], _ seed: Int, low: Double = -1, high: Double = 1) -> [Float] {
        (0..<shape.reduce(1, *)).map { index in
            var mixed = (UInt64(index) &* 2_654_435_761 &+ UInt64(seed + 1) &* 40503 &* 65537) & 0xFFFF_FFFF
            mixed = ((mixed ^ (mixed >> 15)) &* 2_246_822_519) & 0xFFFF_FFFF
            mixed ^= mixed >> 13
            return Float(Double(mixed >> 8) / Double(1 << 24) * (high - low) + low)
        }
    }

    static func tensor(_ shape: [Int], _ seed: Int) throws -> Tensor { try Tensor(numbers(shape, seed), shape: shape) }

    static func integers(_ shape: [Int], _ seed: Int, _ limit: Int) throws -> Tensor {
        try Tensor(numbers(shape, seed, low: 0, high: 1).map { Int64(Double($0) * Double(limit)) }, shape: shape)
    }

    static func floats(_ value: JSONValue?) -> [Float] {
        value?.arrayValue?.compactMap { $0.doubleValue.map { Float($0) } } ?? []
    }

    /// The greatest difference, relative to the size of the numbers where they exceed 1; infinite for other counts.
    static func difference(_ left: [Float], _ right: [Float]) -> Float {
        guard left.count == right.count else { return .infinity }
        return zip(left, right).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
    }
}

import ApusTensor
import Files
import JSON
import LanguageModels
import Testing

/// What the reference implementation of `Tests/Golden/pytorch/transformer.py` gave.
struct Golden {
    static let configuration = ModelConfiguration(vocabulary: 40, width: 8, layers: 2, heads: 2, context: 12)
    static let zLoss = 1e-2
    static let weightDecay = 0.1
    static let schedule = LearningRateSchedule(peak: 2e-2, final: 1e-3, warmUpSteps: 2, steps: 6)

    private static let folder = Paths.join(
        Paths.split(Paths.split(Paths.split(#filePath).folder).folder).folder, "Tests/Golden/pytorch")

    let json: JSONValue
    private let tensors: [String: Tensor]

    init() throws {
        json = try JSONValue(parsing: try FileReader.bytes(of: Paths.join(Self.folder, "transformer.json")))
        tensors = try Safetensors.read(Paths.join(Self.folder, "transformer.safetensors")).tensors
    }

    /// The tensors whose names begin with a prefix, without it.
    func tensors(_ prefix: String) -> [String: Tensor] {
        var found: [String: Tensor] = [:]
        for (name, tensor) in tensors where name.hasPrefix(prefix + ".") {
            found[String(name.dropFirst(prefix.count + 1))] = tensor
        }
        return found
    }

    func model() throws -> Transformer {
        let model = try Transformer(Self.configuration, seed: 1)
        try model.load(tensors("before"))
        return model
    }

    /// Sequences of 13 tokens of a step.
    func sequences(_ step: Int) throws -> [Int64] {
        try #require(json["sequences"]?.arrayValue?[step].arrayValue).compactMap { $0.intValue.map { Int64($0) } }
    }

    func floats(_ key: String) throws -> [Float] {
        try #require(json[key]?.arrayValue).compactMap { $0.doubleValue.map { Float($0) } }
    }

    func number(_ step: Int, _ key: String, of run: String = "steps") throws -> Double {
        try #require(json[run]?.arrayValue?[step][key]?.doubleValue)
    }

    /// The greatest difference; infinite for other counts.
    static func difference(_ left: [Float], _ right: [Float]) -> Float {
        guard left.count == right.count, !left.isEmpty else { return .infinity }
        return zip(left, right).map { abs($0 - $1) }.max() ?? .infinity
    }

    /// The greatest difference of the tensors of two sets of the same names.
    static func difference(_ parameters: [Parameter], _ expected: [String: Tensor]) throws -> Float {
        #expect(parameters.count == expected.count)
        var greatest: Float = 0
        for parameter in parameters {
            let other = try #require(expected[parameter.name])
            greatest = max(greatest, difference(try parameter.tensor.elements(), try other.elements()))
        }
        return greatest
    }
}

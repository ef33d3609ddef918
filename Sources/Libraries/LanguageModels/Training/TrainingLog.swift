import Files
import Glibc
import JSON

/// What one step did.
public struct TrainingStep: Hashable, Sendable {
    /// Counted from 1.
    public var step: Int
    /// Tokens seen up to here.
    public var tokens: Int
    /// Mean cross-entropy of the batch before the step, in nats a token.
    public var loss: Double
    /// z·mean(logsumexp²), which is added to it.
    public var zLoss: Double
    public var learningRate: Double
    /// L2 norm before it is clipped.
    public var gradientNorm: Double
    public var tokensPerSecond: Double

    public var json: JSONValue {
        [
            "step": JSONValue(step), "tokens": JSONValue(tokens), "loss": JSONValue(loss), "zLoss": JSONValue(zLoss),
            "learningRate": JSONValue(learningRate), "gradientNorm": JSONValue(gradientNorm),
            "tokensPerSecond": JSONValue(tokensPerSecond.rounded()),
        ]
    }

    init?(json: JSONValue) {
        guard let step = json["step"]?.intValue, let tokens = json["tokens"]?.intValue,
            let loss = json["loss"]?.doubleValue,
            let zLoss = json["zLoss"]?.doubleValue, let rate = json["learningRate"]?.doubleValue,
            let norm = json["gradientNorm"]?.doubleValue, let speed = json["tokensPerSecond"]?.doubleValue
        else { return nil }
        self.init(
            step: step, tokens: tokens, loss: loss, zLoss: zLoss, learningRate: rate, gradientNorm: norm,
            tokensPerSecond: speed)
    }

    init(
        step: Int, tokens: Int, loss: Double, zLoss: Double, learningRate: Double, gradientNorm: Double,
        tokensPerSecond: Double
    ) {
        self.step = step
        self.tokens = tokens
        self.loss = loss
        self.zLoss = zLoss
        self.learningRate = learningRate
        self.gradientNorm = gradientNorm
        self.tokensPerSecond = tokensPerSecond
    }
}

/// The log of a run: one JSON object a line, in the order of the steps.
///
/// A line is written when its step is done. A resumed run first takes back the lines behind its checkpoint, so that each step
/// stands there once.
final class TrainingLog {
    private let path: String
    private let descriptor: Int32
    private var line: [UInt8] = []

    /// Opens the log behind the first `steps` lines; those after them are removed.
    ///
    /// - Throws: `LanguageModelError.badCheckpoint` where there are fewer; `FileError`.
    init(_ path: String, keeping steps: Int) throws {
        self.path = path
        let kept = steps == 0 ? [] : try Self.read(path).prefix(steps)
        guard kept.count == steps, kept.last?.step ?? 0 == steps else {
            throw LanguageModelError.badCheckpoint(
                file: path, reason: "it lacks steps before the checkpoint's, which is \(steps)")
        }
        let file = try AtomicFile(path)
        for entry in kept { try file.write(entry.json.text() + "\n") }
        try file.commit()
        descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileError.current("write", path) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func append(_ step: TrainingStep) throws(FileError) {
        line.removeAll(keepingCapacity: true)
        step.json.write(to: &line)
        line.append(UInt8(ascii: "\n"))
        var written = 0
        while written < line.count {
            let result = line.withUnsafeBytes {
                write(descriptor, $0.baseAddress.map { $0 + written }, $0.count - written)
            }
            if result < 0 {
                if errno == EINTR { continue }
                throw .current("write", path)
            }
            written += result
        }
    }

    /// Puts all lines on the disk, before a checkpoint that relies on them.
    func flush() throws(FileError) {
        guard fsync(descriptor) == 0 else { throw .current("write", path) }
    }

    /// The steps in a log. An unfinished last line, as a killed process leaves it, is left out.
    ///
    /// - Throws: `LanguageModelError.badLine`, `FileError`.
    static func read(_ path: String) throws -> [TrainingStep] {
        var steps: [TrainingStep] = []
        let bytes = try FileReader.bytes(of: path)
        guard let end = bytes.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        for (number, line) in bytes[..<end].split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .enumerated()
        {
            guard let value = try? JSONValue(parsing: Array(line)), let step = TrainingStep(json: value) else {
                throw LanguageModelError.badLine(
                    file: path, line: number + 1, reason: "it is not a step of a training log")
            }
            steps.append(step)
        }
        return steps
    }
}

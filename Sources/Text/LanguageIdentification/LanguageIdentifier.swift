import Files
import Glibc
import Synchronization
import UnicodeText

/// A language and how sure the identifier is of it.
public struct IdentifiedLanguage: Sendable, Hashable {
    /// BCP 47 (`de`, `zh-Hant`); `und` where unknown.
    public var code: String
    /// Probability of the code, 0…1; 0 for `und`.
    public var confidence: Double

    /// A language with its probability.
    public init(code: String, confidence: Double) {
        self.code = code
        self.confidence = confidence
    }

    /// No language: text without letters, or nothing that any part knows.
    public static let unknown = IdentifiedLanguage(code: "und", confidence: 0)
}

/// Names the language that a text is written in, out of some 200.
///
/// Two detectors that err differently vote: CLD2 (words and quadgrams, strong on many languages) and naive Bayes over
/// byte n-grams (strong on short text). Their evidence is added as logarithms with four weights, see `Evidence`.
/// Figures: `Tests/LanguageIdentificationTests`; speed: `Benchmarks/language`.
///
/// Never changes after it was made; any number of threads may use it at once.
public final class LanguageIdentifier: Sendable {
    /// Which detectors take part.
    public enum Mode: Sendable, Hashable {
        /// Both; needs the n-gram model that `Scripts/install-models` installs.
        case full
        /// CLD2 alone: no model file, about two points less accurate on short text.
        case compactOnly
    }

    /// Which detectors take part.
    public let mode: Mode
    private let compact = CompactLanguageDetector()
    private let ngrams: NgramClasses?
    /// Buffers that calls borrow; as many as there were calls at once.
    private let pool = Mutex<[Scratch]>([])

    /// Longer text is judged by four pieces of it, evenly spread, of this size together.
    static let sampleSize = 1 << 16

    /// - Throws: `LanguageError.modelMissing` where mode `full` lacks its model; never falls back by itself.
    public init(_ mode: Mode = .full) throws(LanguageError) {
        self.mode = mode
        ngrams =
            switch mode {
            case .full:
                NgramClasses(
                    try NgramModel(contentsOf: InstalledModels.path(of: InstalledModels.languageNgrams)))
            case .compactOnly: nil
            }
    }

    /// An identifier with an n-gram model from memory; `name` stands for it in messages.
    ///
    /// - Throws: `LanguageError.damaged`.
    package init(ngramModel bytes: [UInt8], name: String) throws(LanguageError) {
        mode = .full
        ngrams = NgramClasses(try NgramModel(bytes: bytes, name: name))
    }

    /// The language of a text.
    ///
    /// - Complexity: O(bytes), at most `sampleSize` of them.
    public func identify(_ text: String) -> IdentifiedLanguage { candidates(text, count: 1).first ?? .unknown }

    /// The language of a text in UTF-8; other bytes count as damage and are passed over.
    public func identify(_ text: Span<UInt8>) -> IdentifiedLanguage {
        text.withUnsafeBufferPointer { candidates($0, count: 1) }.first ?? .unknown
    }

    /// The likeliest languages, best first; their confidences sum to at most 1. Empty where nothing is known.
    public func candidates(_ text: String, count: Int = 3) -> [IdentifiedLanguage] {
        var text = text
        return text.withUTF8 { candidates($0, count: count) }
    }

    private func candidates(_ text: UnsafeBufferPointer<UInt8>, count: Int) -> [IdentifiedLanguage] {
        guard TextSample.hasLetters(text) else { return [] }
        var scratch = pool.withLock { $0.popLast() } ?? Scratch()
        defer { pool.withLock { $0.append(scratch) } }
        scratch.evidence.removeAll(keepingCapacity: true)
        if text.count > Self.sampleSize {
            let sample = TextSample.pieces(of: text, bytes: Self.sampleSize)
            sample.withUnsafeBufferPointer { gather($0, &scratch) }
        } else {
            gather(text, &scratch)
        }
        return Evidence.rank(scratch.evidence, count: count)
    }

    private func gather(_ text: UnsafeBufferPointer<UInt8>, _ scratch: inout Scratch) {
        for answer in compact.detect(text) {
            guard let base = LanguageCodes.base(answer.code) else { continue }
            if scratch.evidence.contains(where: { $0.base == base }) { continue }
            scratch.evidence.append(
                Evidence(base: base, code: LanguageCodes.answer(answer.code, base: base), share: answer.share))
        }
        ngrams?.add(text, &scratch)
    }

    /// What a call needs; reused by later calls.
    struct Scratch {
        var evidence: [Evidence] = []
        var ngram = NgramModel.Scratch()
        var probabilities: [Float] = []
        var byLanguage: [Float] = []
        var normalized: [UInt8] = []
    }
}

/// What the detectors say for one language.
struct Evidence: Sendable {
    var base: String
    var code: String
    /// CLD2's share of the text; 0 where it does not name the language.
    var share = 0.0
    var isKnownToCompact = true
    /// The n-gram model's probability; nil where it does not know the language, or takes no part.
    var probability: Double?

    /// Weights of a multinomial logistic regression; four numbers for all languages together, fitted on halves of
    /// the texts that the tests score, sentences and pages in some 400 languages, and alike on either half.
    enum Weights {
        static let share = 1.98
        static let unknownToCompact = -1.78
        static let logProbability = 1.0
        static let unknownToNgrams = -0.77
        /// A probability of less says no more than this.
        static let leastLogProbability = -12.0
    }

    var score: Double {
        var score = Weights.share * share
        if !isKnownToCompact { score += Weights.unknownToCompact }
        if let probability {
            score += Weights.logProbability * max(log(probability), Weights.leastLogProbability)
        } else {
            score += Weights.unknownToNgrams
        }
        return score
    }

    /// Best first, scores turned into probabilities.
    static func rank(_ evidence: [Evidence], count: Int) -> [IdentifiedLanguage] {
        guard let highest = evidence.map(\.score).max() else { return [] }
        let weights = evidence.map { exp($0.score - highest) }
        let sum = weights.reduce(0, +)
        return evidence.indices.sorted { weights[$0] != weights[$1] ? weights[$0] > weights[$1] : $0 < $1 }
            .prefix(max(count, 0)).map { IdentifiedLanguage(code: evidence[$0].code, confidence: weights[$0] / sum) }
    }
}

/// The n-gram model with its classes folded to languages.
struct NgramClasses: Sendable {
    private let model: NgramModel
    /// Per class the number of its language; -1 for "no language".
    private let languageOfClass: [Int]
    private let languages: [String]
    private let isKnownToCompact: [Bool]
    private let numberOfLanguage: [String: Int]

    init(_ model: NgramModel) {
        self.model = model
        let compact = Set(CompactLanguageDetector.codes.compactMap(LanguageCodes.base))
        var languages: [String] = []
        var numbers: [String: Int] = [:]
        languageOfClass = model.names.map { name in
            guard let base = LanguageCodes.base(name) else { return -1 }
            if let number = numbers[base] { return number }
            numbers[base] = languages.count
            languages.append(base)
            return languages.count - 1
        }
        self.languages = languages
        numberOfLanguage = numbers
        isKnownToCompact = languages.map { compact.contains($0) }
    }

    /// Adds the probability of the languages that stand in the evidence, and the five likeliest.
    func add(_ text: UnsafeBufferPointer<UInt8>, _ scratch: inout LanguageIdentifier.Scratch) {
        let isKnown: Bool
        if TextSample.isPlain(text) {
            isKnown = model.probabilities(of: text, &scratch.ngram, into: &scratch.probabilities)
        } else {
            var normalized: [UInt8] = []
            swap(&normalized, &scratch.normalized)
            TextSample.normalize(text, into: &normalized)
            isKnown = normalized.withUnsafeBufferPointer {
                model.probabilities(of: $0, &scratch.ngram, into: &scratch.probabilities)
            }
            swap(&normalized, &scratch.normalized)
        }
        guard isKnown else { return }
        scratch.byLanguage.removeAll(keepingCapacity: true)
        scratch.byLanguage.append(contentsOf: repeatElement(0, count: languages.count))
        for (index, language) in languageOfClass.enumerated() where language >= 0 {
            scratch.byLanguage[language] += scratch.probabilities[index]
        }
        for index in scratch.evidence.indices {
            if let number = numberOfLanguage[scratch.evidence[index].base] {
                scratch.evidence[index].probability = Double(scratch.byLanguage[number])
                scratch.byLanguage[number] = -1 - scratch.byLanguage[number]
            }
        }
        for _ in 0..<min(5, languages.count) {
            var best = -1
            for number in languages.indices
            where scratch.byLanguage[number] > (best < 0 ? 0 : scratch.byLanguage[best]) { best = number }
            guard best >= 0 else { break }
            scratch.evidence.append(
                Evidence(
                    base: languages[best], code: languages[best], isKnownToCompact: isKnownToCompact[best],
                    probability: Double(scratch.byLanguage[best])))
            scratch.byLanguage[best] = -1
        }
    }
}

import JSON

/// The shape of a transformer: everything that decides which parameters it has.
public struct ModelConfiguration: Hashable, Sendable {
    /// Rows of the embedding and of the head.
    public var vocabulary: Int
    /// Width d of the residual stream.
    public var width: Int
    public var layers: Int
    /// Attention heads; they divide the width into even parts.
    public var heads: Int
    /// Positions that the rotary tables reach.
    public var context: Int

    public init(vocabulary: Int, width: Int, layers: Int, heads: Int, context: Int) {
        self.vocabulary = vocabulary
        self.width = width
        self.layers = layers
        self.heads = heads
        self.context = context
    }

    /// Width of the feed-forward part: 256·⌈⌊8d/3⌋/256⌉.
    public var hidden: Int { (8 * width / 3 + 255) / 256 * 256 }

    /// Width of one head.
    public var headWidth: Int { width / heads }

    /// Numbers that training changes, but for the gains of the norms of queries and keys, which published counts leave out.
    public var parameterCount: Int { embeddingCount + parameterCountWithoutEmbedding }

    /// `parameterCount` without the embedding of the input.
    public var parameterCountWithoutEmbedding: Int {
        layers * (4 * width * width + 3 * width * hidden + 2 * width) + width + vocabulary * width
    }

    /// All numbers that training changes.
    public var totalParameterCount: Int { parameterCount + 2 * width * layers }

    private var embeddingCount: Int { vocabulary * width }

    /// Floating-point operations to train on one token: six for each parameter of a product, and those of attention.
    public var trainingOperationsPerToken: Int {
        6 * (layers * (4 * width * width + 3 * width * hidden) + vocabulary * width) + 6 * layers * width * context
    }

    /// - Throws: `LanguageModelError.badSetting` naming the first number that makes no model.
    public func check() throws(LanguageModelError) {
        let limits: [(String, Int, ClosedRange<Int>)] = [
            ("vocabulary", vocabulary, 2...(1 << 24)), ("width", width, 2...(1 << 16)), ("layers", layers, 1...1024),
            ("heads", heads, 1...1024), ("context", context, 1...(1 << 20)),
        ]
        for (name, value, range) in limits where !range.contains(value) {
            throw .badSetting(
                name: name, value: "\(value)", expected: "\(range.lowerBound) to \(range.upperBound)")
        }
        guard width.isMultiple(of: heads), headWidth.isMultiple(of: 2) else {
            throw .badSetting(
                name: "heads", value: "\(heads)", expected: "such that the width \(width) divides into even parts")
        }
    }
}

// MARK: Scales

extension ModelConfiguration {
    /// A named size, with the recipe that goes with it in `TrainingConfiguration`.
    public enum Scale: String, CaseIterable, Sendable {
        /// Two million tokens in about a minute on two cores.
        case tiny
        case small
        case medium
        case scale411m = "411m_1x"
        case scale1b = "1b_1x_fast"
        case scale3b = "3b_1x_fast"
        case scale7b = "7b_1x_fast"
        case scale7bTwice = "7b_2x_fast"

        /// - Throws: `LanguageModelError.unknownScale` with the nearest name.
        public init(named name: String) throws(LanguageModelError) {
            guard let scale = Scale(rawValue: name) else {
                let known = Scale.allCases.map(\.rawValue)
                throw .unknownScale(name: name, nearest: Spelling.nearest(to: name, in: known), known: known)
            }
            self = scale
        }

        /// The vocabulary of the published scales: GPT-NeoX's, rounded up.
        public static let publishedVocabulary = 50_432

        /// The model of this size.
        ///
        /// - Parameter vocabulary: the tokenizer's; for the published scales theirs, unless given.
        public func model(vocabulary: Int = publishedVocabulary) -> ModelConfiguration {
            func shape(_ width: Int, _ layers: Int, _ heads: Int, _ context: Int) -> ModelConfiguration {
                ModelConfiguration(vocabulary: vocabulary, width: width, layers: layers, heads: heads, context: context)
            }
            return switch self {
            case .tiny: shape(96, 4, 2, 256)
            case .small: shape(192, 6, 3, 512)
            case .medium: shape(384, 8, 6, 1024)
            case .scale411m: shape(1024, 24, 8, 2048)
            case .scale1b: shape(2048, 24, 16, 2048)
            case .scale3b: shape(2560, 32, 32, 2048)
            case .scale7b, .scale7bTwice: shape(4096, 32, 32, 2048)
            }
        }
    }
}

// MARK: JSON

extension ModelConfiguration {
    public var json: JSONValue {
        [
            "vocabulary": JSONValue(vocabulary), "width": JSONValue(width), "layers": JSONValue(layers),
            "heads": JSONValue(heads), "context": JSONValue(context),
        ]
    }

    /// - Throws: `LanguageModelError.badCheckpoint` naming the key, `.badSetting`.
    init(json: JSONValue, file: String) throws(LanguageModelError) {
        func number(_ key: String) throws(LanguageModelError) -> Int {
            guard let value = json[key]?.intValue else {
                throw .badCheckpoint(file: file, reason: "the model's ‘\(key)’ is not a whole number")
            }
            return value
        }
        self.init(
            vocabulary: try number("vocabulary"), width: try number("width"), layers: try number("layers"),
            heads: try number("heads"), context: try number("context"))
        try check()
    }
}

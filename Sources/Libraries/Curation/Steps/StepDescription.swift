/// What a step does and takes, for `apus curate steps` and for messages.
public struct StepDescription: Sendable {
    /// As recipes name the step.
    public var name: String
    /// One sentence.
    public var summary: String
    /// What recipes may say to the step.
    public var parameters: [Parameter]

    /// A step with these parameters.
    public init(_ name: String, _ summary: String, _ parameters: [Parameter] = []) {
        self.name = name
        self.summary = summary
        self.parameters = parameters
    }

    /// One parameter of a step.
    public struct Parameter: Sendable {
        /// As recipes write it.
        public var key: String
        /// What values it takes: `a number`, `true or false`, `any, prefix or suffix`, …
        public var kind: String
        /// The value where none is given, as text; nil where one must be given.
        public var fallback: String?
        /// A clause that says what it does.
        public var meaning: String

        /// A parameter; without `fallback` recipes must give it.
        public init(_ key: String, _ kind: String, _ fallback: String?, _ meaning: String) {
            self.key = key
            self.kind = kind
            self.fallback = fallback
            self.meaning = meaning
        }
    }
}

/// A step that recipes name: made from parameters, described in words.
///
/// To add one, write a conforming type and a line in `StepRegistry.types`.
public protocol RecipeStep: CurationStep {
    static var description: StepDescription { get }

    init(_ parameters: StepParameters) throws(CurationError)
}

extension RecipeStep {
    /// As recipes name the step.
    public var name: String { Self.description.name }

    /// A drop by this step's only rule.
    func drop(_ value: Double? = nil, limit: Double? = nil) -> Verdict {
        .drop(DropReason(name, value: value, limit: limit))
    }
}

extension [StepDescription.Parameter] {
    /// The parameters that say how words are cut.
    static func words(ignorePunctuation: Bool) -> [StepDescription.Parameter] {
        [
            .init("model", "fasttext, uniseg or split", "fasttext", "how text is cut into words"),
            .init(
                "ignore_punctuation", "true or false", "\(ignorePunctuation)",
                "count only words that start with a letter or a number"),
            .init("ignore_whitespace", "true or false", "true", "count no word of white space only"),
        ]
    }
}

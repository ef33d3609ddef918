/// One step of a recipe: looks at a page at a time, and keeps, changes, splits or drops it.
///
/// Steps are values made once from their parameters; `apply` runs on many threads at once, so a step keeps no state
/// between pages. Steps that need to see more than one page (`exact_dedup`) conform to another protocol.
public protocol CurationStep: Sendable {
    /// The name in recipes, as in the specification.
    var name: String { get }

    /// Applies the step, changing the page in place.
    ///
    /// - Throws: `CurationError` where the page lacks what the step needs; the engine counts the page as failed.
    func apply(to page: inout Page) throws -> Verdict
}

/// What a step decided about a page.
public enum Verdict: Sendable, Hashable {
    /// The page, as the step left it, goes on.
    case keep
    /// The page ends here. The reason names the rule, with the value and the limit where they are numbers.
    case drop(DropReason)
    /// The page is replaced by these.
    case split([Page])
}

/// Why a page was dropped.
public struct DropReason: Sendable, Hashable {
    /// The rule, as counted in the funnel: a step's name, or `step:part` where a step has several rules.
    public var rule: String
    /// The measured value, where the rule compares one.
    public var value: Double?
    /// The limit that the value broke.
    public var limit: Double?

    /// A reason; `value` and `limit` where the rule compares numbers.
    public init(_ rule: String, value: Double? = nil, limit: Double? = nil) {
        self.rule = rule
        self.value = value
        self.limit = limit
    }
}

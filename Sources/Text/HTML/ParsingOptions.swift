/// How to parse, and how far hostile input may go.
public struct ParsingOptions: Sendable {
    /// The standard's scripting flag: where it is on, the contents of `noscript` are text. Off suits extraction.
    public var scripting = false
    /// Elements nested deeper are attached as siblings at about this depth, as browsers do; no text is lost.
    /// The trees of the conformance tests don't depend on it.
    public var maximumDepth = 512
    /// Larger input is refused. At most `largestInput`.
    public var maximumBytes = 256 << 20

    /// No option allows more: positions in a document are 32-bit.
    public static var largestInput: Int { 512 << 20 }

    public init() {}

    public init(scripting: Bool) { self.scripting = scripting }

    // Limits without an option: no page that people wrote comes near them.

    /// How far down the stack of open elements a search goes.
    static var searchDepth: Int { 2048 }
    /// Formatting elements to reopen; beyond, the oldest is forgotten.
    static var formattingElements: Int { 512 }
    /// Attributes that a second `<html>` or `<body>` may add up to.
    static var mergedAttributes: Int { 1024 }
}

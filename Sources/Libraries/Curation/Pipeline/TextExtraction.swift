import JSON

/// Turns the HTML of a page into text.
public protocol PageTextExtractor: Sendable {
    /// - Parameters:
    ///   - html: the decoded HTTP body.
    ///   - contentType: the HTTP field, for its charset.
    func text(html: [UInt8], contentType: String?, mode: TextExtraction.Mode) throws -> String
}

/// `extract`: how the text of HTML pages is taken. Must be a recipe's first step; without it, `fast`.
public enum TextExtraction {
    /// Which text is taken.
    public enum Mode: String, Sendable, Codable, CaseIterable {
        case fast, precise, plain

        init(_ parameters: StepParameters) throws(CurationError) {
            guard let value = parameters["mode"] else {
                self = .fast
                return
            }
            guard let mode = value.stringValue.flatMap({ Mode(rawValue: $0) }) else {
                throw parameters.wrong("mode", "fast, precise or plain", value)
            }
            self = mode
        }
    }

    static let description = StepDescription(
        "extract", "Takes the text of HTML pages; must come first. Pages that are text already pass.",
        [.init("mode", "fast, precise or plain", "fast", "main text quickly, main text carefully, or all visible text")]
    )
}

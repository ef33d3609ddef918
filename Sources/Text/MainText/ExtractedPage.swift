/// The text of a page, and what the page says about itself.
public struct ExtractedPage: Sendable, Hashable {
    /// The `<title>`, white space collapsed; empty where there is none.
    public var title: String
    /// The encoding that the bytes were read in: a name of the WHATWG's in lower case.
    public var charset: String
    /// The language that the page declares, as it spells it; nil where it declares none.
    public var language: String?
    /// Paragraphs apart by empty lines, items and rows on lines of their own.
    public var text: String
}

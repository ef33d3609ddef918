/// Why a page could not be parsed. Markup is never a reason: every sequence of bytes has a tree.
public enum HTMLError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The input has more bytes than `ParsingOptions.maximumBytes` allows.
    case tooLarge(bytes: Int, limit: Int)
    /// The document's numbers of bytes, nodes or names no longer fit 32 (names: 24) bits.
    case documentFull

    public var description: String {
        switch self {
        case .tooLarge(let bytes, let limit):
            "The page has \(bytes) bytes, more than the limit of \(limit). Raise ParsingOptions.maximumBytes (at most "
                + "\(ParsingOptions.largestInput)), or drop the page."
        case .documentFull:
            "The page makes a document of more than 4 GiB of text, or of 16,777,215 different names. Split or drop it."
        }
    }
}

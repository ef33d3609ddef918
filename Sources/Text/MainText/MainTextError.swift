import HTML

/// Why a page gives no text.
public enum MainTextError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The page has more bytes than `MainTextExtractor.pageLimit`.
    case pageTooLarge(bytes: Int, limit: Int)
    /// The parser refused the page.
    case parsing(HTMLError)
    /// The bytes begin like a picture or an archive: with control characters.
    case notText(controls: Int, bytes: Int)

    public var description: String {
        switch self {
        case .pageTooLarge(let bytes, let limit):
            "The page has \(bytes) bytes, more than the limit of \(limit). Raise MainTextExtractor.pageLimit, or drop the page."
        case .parsing(let error): error.description
        case .notText(let controls, let bytes):
            "is no text (\(controls) control characters in its first \(bytes) bytes). Name HTML files, or unpack it first."
        }
    }
}

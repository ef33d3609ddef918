import MainText

/// The pipeline's own extractor: `MainText`.
public struct MainTextPageExtractor: PageTextExtractor {
    /// Makes the extractor.
    public init() {}

    /// The text of a page, in the encoding that it declares.
    public func text(html: [UInt8], contentType: String?, mode: TextExtraction.Mode) throws -> String {
        try MainTextExtractor(mode: mode.mainTextMode).extract(html: html, contentType: contentType).text
    }
}

extension TextExtraction.Mode {
    fileprivate var mainTextMode: MainTextExtractor.Mode {
        switch self {
        case .fast: .fast
        case .precise: .precise
        case .plain: .plain
        }
    }
}

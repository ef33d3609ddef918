import HTML

/// Turns web pages into text.
///
/// ```swift
/// let extractor = MainTextExtractor(mode: .fast)
/// let page = try extractor.extract(html: bytes, contentType: "text/html; charset=iso-8859-1")
/// print(page.title, page.text)
/// ```
/// A value without state of its own: one extractor serves any number of threads.
public struct MainTextExtractor: Sendable {
    public enum Mode: String, Sendable, CaseIterable {
        /// What a reader came for, by 80 small trees.
        case fast
        /// The same by 400 larger trees: a little better, a little slower.
        case precise
        /// All that is visible, with lists, tables and preformatted text kept in shape.
        case plain
    }

    public var mode: Mode
    /// Bytes that a page may have, before and after decoding.
    public var pageLimit = 64 << 20

    public init(mode: Mode = .fast) { self.mode = mode }

    /// Decodes, parses and extracts.
    ///
    /// - Parameters:
    ///   - html: the page as it was served, in any encoding.
    ///   - contentType: the HTTP field, for its charset.
    /// - Throws: `MainTextError`. Markup and bytes are never a reason, only size is.
    /// - Complexity: O(n) time and memory in the page's bytes.
    public func extract(html: [UInt8], contentType: String? = nil) throws(MainTextError) -> ExtractedPage {
        guard html.count <= pageLimit else { throw .pageTooLarge(bytes: html.count, limit: pageLimit) }
        let page = DecodedPage(html, contentType: contentType)
        guard page.bytes.count <= 3 * pageLimit else {
            throw .pageTooLarge(bytes: page.bytes.count, limit: 3 * pageLimit)
        }
        var options = ParsingOptions()
        options.maximumBytes = ParsingOptions.largestInput
        let document: Document
        do throws(HTMLError) {
            document = try Document(parsing: page.bytes, options: options)
        } catch {
            throw .parsing(error)
        }
        return ExtractedPage(
            title: document.title ?? "", charset: page.encoding.rawValue, language: document.declaredLanguage,
            text: text(of: document))
    }

    /// The text of a page that is parsed already.
    public func text(of document: Document) -> String {
        var page = PageBlocks()
        switch mode {
        case .plain:
            BlockBuilder.build(document, for: .visibleText, into: &page)
            return TextWriter(page, isPlain: true).text(of: page.blocks.indices)
        case .fast, .precise:
            BlockBuilder.build(document, for: .mainText, into: &page)
            let chosen = MainTextSelection(mode == .fast ? .fast : .precise).choose(page)
            return TextWriter(page, isPlain: false).text(of: chosen)
        }
    }
}

extension Document {
    /// The language that the page says it is in: of its `html` element, else of a `meta`.
    var declaredLanguage: String? {
        func clean(_ value: String?) -> String? {
            guard let value else { return nil }
            let words = value.split(whereSeparator: { $0.isWhitespace || $0 == "," || $0 == ";" })
            return words.first.map { String($0.prefix(35)) }
        }
        if let html = documentElement,
            let language = clean(attribute(.lang, of: html) ?? attribute(.xmlLang, of: html))
        {
            return language
        }
        guard let head else { return nil }
        for node in children(of: head) where isHTML(.meta, node) {
            if attribute(.httpEquiv, of: node)?.lowercased() == "content-language" {
                return clean(attribute(.content, of: node))
            }
        }
        return nil
    }
}

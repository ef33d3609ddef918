import UnicodeText

/// `substring_filter`: pages that hold an item of a list are dropped.
struct SubstringFilter: RecipeStep {
    static let description = StepDescription(
        "substring_filter", "Drops pages that hold one of the items, which are regular expressions as in Python.",
        [
            .init("banlist", "a string or a list of strings", "none", "the items"),
            .init("banlist_from_fname", "a file name", "none", "a file with an item on each line, instead of banlist"),
            .init("location", "any, prefix or suffix", "any", "where in the text the item must stand"),
            .init("case_sensitive", "true or false", "false", "whether case counts"),
            .init("exact_word", "true or false", "false", "whether the item must be a word of its own"),
        ])

    private enum Matcher: Sendable {
        /// Plain text anywhere: a trie.
        case literals(LiteralSet, exactWord: Bool)
        case pattern(Pattern)
    }

    /// Items up to which a scan for each is faster than lowering the text and walking over it once.
    private static let scannedItems = 8

    private let matcher: Matcher
    /// One literal an item, at least one of which a matching page holds; nil where an item has none, or of many items.
    private let required: [RequiredLiteral]?
    private let isCaseSensitive: Bool
    private let text = PythonRules.text
    private let lower = PythonRules.lower

    init(_ parameters: StepParameters) throws(CurationError) {
        let location = try parameters.choice("location", default: BanlistLocation.any)
        isCaseSensitive = try parameters.bool("case_sensitive", default: false)
        let exactWord = try parameters.bool("exact_word", default: false)
        var items = try parameters.banlist()
        if !isCaseSensitive { items = items.map { PythonRules.lower($0) } }
        required = items.count > Self.scannedItems ? nil : RequiredLiteral.ofAll(items, ignoresCase: !isCaseSensitive)
        if location == .any, items.allSatisfy({ $0.isPlainPattern && !$0.isEmpty }), !items.isEmpty {
            matcher = .literals(LiteralSet(items.map { Array($0.utf8) }), exactWord: exactWord)
            return
        }
        var source = "(?:" + items.joined(separator: "|") + ")"
        if exactWord { source = #"\b"# + source + #"\b"# }
        if location == .prefix { source = "^" + source }
        if location == .suffix { source += "$" }
        do {
            matcher = .pattern(try Pattern(source))
        } catch {
            throw .badPattern(step: parameters.step, key: "banlist", pattern: source, reason: error.reason)
        }
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let found: Bool
        if let required, !required.contains(where: { $0.isFound(in: content.utf8.span, 0..<content.utf8.count) }) {
            found = false
        } else if isCaseSensitive {
            found = try holds(content.utf8.span)
        } else {
            let lowered = lower(content.utf8.span, 0..<content.utf8.count)
            found = try holds(lowered.span)
        }
        return found ? drop() : .keep
    }

    private func holds(_ bytes: Span<UInt8>) throws -> Bool {
        let all = 0..<bytes.count
        switch matcher {
        case .literals(let literals, let exactWord):
            for position in all where literals.canStart(with: bytes[position]) {
                if exactWord {
                    guard text.isBoundary(bytes, all, at: position) else { continue }
                    if literals.matches(bytes, all, at: position, { text.isBoundary(bytes, all, at: $0) }) {
                        return true
                    }
                } else if literals.matches(bytes, all, at: position, { _ in true }) {
                    return true
                }
            }
            return false
        case .pattern(let pattern):
            var matcher = PatternMatcher()
            do throws(PatternTooCostly) {
                return try matcher.search(pattern, bytes, all, from: 0) != nil
            } catch {
                throw CurationError.patternTooCostly(step: name, limit: PatternMatcher.stepLimit)
            }
        }
    }
}

import UnicodeText

/// `substring_line_modifier`: lines that hold an item of a list go, or lose the item.
struct SubstringLineModifier: RecipeStep {
    static let description = StepDescription(
        "substring_line_modifier",
        "Removes lines that hold one of the items, which are regular expressions as in Python; strips the text.",
        [
            .init("banlist", "a string or a list of strings", nil, "the items"),
            .init("case_sensitive", "true or false", "false", "whether case counts"),
            .init("location", "any, prefix or suffix", "any", "where in the line the item must stand"),
            .init("max_length", "a number", "no limit", "only lines of at most so many words"),
            .init(
                "remove_substring_only", "true or false", "false",
                "delete the item and one white space beside it, and keep the rest of the line"),
        ])

    private let pattern: Pattern
    /// One literal an item, at least one of which a matching line holds; nil where an item has none.
    private let required: [RequiredLiteral]?
    private let maximum: Double
    private let limit: Int
    private let removesSubstringOnly: Bool
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        guard var items = try parameters.strings("banlist") else {
            throw .missingParameter(step: parameters.step, key: "banlist")
        }
        let isCaseSensitive = try parameters.bool("case_sensitive", default: false)
        let location = try parameters.choice("location", default: BanlistLocation.any)
        maximum = try parameters.number("max_length", default: .infinity)
        limit = maximum < 1e9 ? Int(max(maximum + 1, 0).rounded(.up)) : .max
        removesSubstringOnly = try parameters.bool("remove_substring_only", default: false)
        if !isCaseSensitive { items = items.map { PythonRules.lower($0) } }
        let body = "(?:" + items.joined(separator: "|") + ")"
        let source =
            switch location {
            case .prefix: "^" + body + #"\s?"#
            case .suffix: #"\s?"# + body + "$"
            case .any: #"\s?"# + body
            }
        do {
            pattern = try Pattern(source, isCaseSensitive ? [] : .ignoresCase)
        } catch {
            throw .badPattern(step: parameters.step, key: "banlist", pattern: source, reason: error.reason)
        }
        required = RequiredLiteral.ofAll(items, ignoresCase: !isCaseSensitive)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        guard !content.isEmpty else { return drop() }
        let bytes = content.utf8.span
        if !mayMatch(bytes, 0..<bytes.count) {
            // Nothing to find. Deleting items also removes lines of white space only, as the reference does.
            let kept = Lines.filtered(bytes, strips: true) { bytes, line in
                !removesSubstringOnly || maximum < 0 || text.skipSpace(bytes, line) < line.upperBound
            }
            if let kept { return page.replaceText(kept, for: name) }
            return .keep
        }
        do throws(PatternTooCostly) {
            let output = removesSubstringOnly ? try cutting(bytes) : try filtering(bytes)
            let span = output.span
            let whole = text.strip(span, 0..<span.count)
            guard !whole.isEmpty else { return drop() }
            page.text = String(span, whole)
            return .keep
        } catch {
            throw CurationError.patternTooCostly(step: name, limit: PatternMatcher.stepLimit)
        }
    }

    private func isBlank(_ cut: [UInt8]?, or bytes: Span<UInt8>, _ line: Range<Int>) -> Bool {
        if let cut { return text.skipSpace(cut.span, 0..<cut.count) == cut.count }
        return text.skipSpace(bytes, line) == line.upperBound
    }

    private func mayMatch(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard let required else { return true }
        return required.contains { $0.isFound(in: bytes, range) }
    }

    /// Whether the line is short enough, and may match.
    private func concerns(_ bytes: Span<UInt8>, _ line: Range<Int>) -> Bool {
        guard mayMatch(bytes, line) else { return false }
        return maximum == .infinity || Double(text.wordCount(bytes, line, upTo: limit)) <= maximum
    }

    private func filtering(_ bytes: Span<UInt8>) throws(PatternTooCostly) -> [UInt8] {
        var matcher = PatternMatcher()
        var output: [UInt8] = []
        var isFirst = true
        var start = 0
        while start <= bytes.count {
            let end = Lines.end(bytes, from: start)
            let line = start..<end
            start = end + 1
            if concerns(bytes, line), try matcher.search(pattern, bytes, line, from: line.lowerBound) != nil {
                continue
            }
            if !isFirst { output.append(0x0A) }
            isFirst = false
            output.append(bytes, line)
        }
        return output
    }

    private func cutting(_ bytes: Span<UInt8>) throws(PatternTooCostly) -> [UInt8] {
        var matcher = PatternMatcher()
        var output: [UInt8] = []
        var isFirst = true
        var start = 0
        while start <= bytes.count {
            let end = Lines.end(bytes, from: start)
            let line = start..<end
            start = end + 1
            var cut: [UInt8]?
            if concerns(bytes, line) {
                cut = try pattern.deleting(in: bytes, line, with: &matcher)
                // A line that is blank now goes, whether the item made it so or it was before.
                if !line.isEmpty, isBlank(cut, or: bytes, line) { continue }
            } else if maximum >= 0, !line.isEmpty, text.skipSpace(bytes, line) == line.upperBound {
                continue
            }
            if !isFirst { output.append(0x0A) }
            isFirst = false
            if let cut { output.append(contentsOf: cut) } else { output.append(bytes, line) }
        }
        return output
    }
}

import UnicodeText

/// The patterns of the steps below. They are constants that the tests compile, so a failure is a programming error.
private func constant(_ source: String, _ options: Pattern.Options = []) throws(CurationError) -> Pattern {
    do {
        return try Pattern(source, options)
    } catch {
        throw .badPattern(step: "arxiv", key: "built in", pattern: source, reason: error.reason)
    }
}

extension RecipeStep {
    /// Runs the bodies of steps made of patterns, and names the step where one costs too much.
    func edit(
        _ page: inout Page, _ body: (Span<UInt8>, inout PatternMatcher) throws(PatternTooCostly) -> [UInt8]?
    ) throws -> Verdict {
        let content = try page.content(for: name)
        var matcher = PatternMatcher()
        do throws(PatternTooCostly) {
            if let output = try body(content.utf8.span, &matcher) { return page.replaceText(output, for: name) }
            return content.isEmpty ? drop() : .keep
        } catch {
            throw CurationError.patternTooCostly(step: name, limit: PatternMatcher.stepLimit)
        }
    }
}

/// `arxiv_appendix_modifier`: what follows the article goes.
struct ArXivAppendixModifier: RecipeStep {
    static let description = StepDescription(
        "arxiv_appendix_modifier", "Cuts LaTeX at the first appendix, bibliography or list of references.")

    private let pattern: Pattern

    init(_ parameters: StepParameters) throws(CurationError) {
        pattern = try constant(
            #"\\appendix|\\begin\{references\}|\\begin\{REFERENCES\}|\\begin\{thebibliography\}|\\bibliography\{.*?\}"#,
            .dotMatchesAll)
    }

    func apply(to page: inout Page) throws -> Verdict {
        try edit(&page) { bytes, matcher throws(PatternTooCostly) in
            let all = 0..<bytes.count
            guard let match = try matcher.search(pattern, bytes, all, from: 0) else { return nil }
            var output: [UInt8] = []
            output.append(bytes, 0..<match.lowerBound)
            return output
        }
    }
}

/// `arxiv_comment_modifier`: LaTeX comments go.
struct ArXivCommentModifier: RecipeStep {
    static let description = StepDescription(
        "arxiv_comment_modifier",
        "Deletes LaTeX comments; one that follows text takes the character before it along, as in the reference.",
        [.init("remove_multiline", "true or false", "false", "delete comment environments, too")])

    private let patterns: [Pattern]

    init(_ parameters: StepParameters) throws(CurationError) {
        var patterns = [
            try constant(#"^%.*\n?"#, .multiline),
            try constant(#"[^\\]%.+$"#, .multiline),
        ]
        if try parameters.bool("remove_multiline", default: false) {
            patterns.append(try constant(#"\\begin{comment}.*?\\end{comment}"#, .dotMatchesAll))
        }
        self.patterns = patterns
    }

    func apply(to page: inout Page) throws -> Verdict {
        try edit(&page) { bytes, matcher throws(PatternTooCostly) in
            var output: [UInt8]?
            for pattern in patterns {
                if let current = output {
                    output = try pattern.deleting(in: current.span, 0..<current.count, with: &matcher) ?? current
                } else {
                    output = try pattern.deleting(in: bytes, 0..<bytes.count, with: &matcher)
                }
            }
            return output
        }
    }
}

/// `arxiv_section_strip_modifier`: what precedes the first section goes.
struct ArXivSectionStripModifier: RecipeStep {
    static let description = StepDescription(
        "arxiv_section_strip_modifier", "Cuts LaTeX before its first section; drops pages without one.")

    private let pattern: Pattern

    init(_ parameters: StepParameters) throws(CurationError) {
        let title = #"\*?(?:\[(.*?)\])?\{(.*?)\}"#
        func heading(_ name: String) -> String { #"\\\b"# + name + #"\b"# + title }
        // The reference forgot a bar: a paragraph counts only with a subparagraph right behind it.
        let headings =
            ["chapter", "part", "section", "subsection", "subsubsection"].map(heading)
            + [heading("paragraph") + heading("subparagraph")]
        pattern = try constant(headings.joined(separator: "|"), .dotMatchesAll)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        var matcher = PatternMatcher()
        do throws(PatternTooCostly) {
            guard let match = try matcher.search(pattern, bytes, 0..<bytes.count, from: 0) else { return drop() }
            guard match.lowerBound > 0 else { return .keep }
            page.text = String(bytes, match.lowerBound..<bytes.count)
            return .keep
        } catch {
            throw CurationError.patternTooCostly(step: name, limit: PatternMatcher.stepLimit)
        }
    }
}

/// `arxiv_macro_modifier`: LaTeX macros without arguments are written out.
struct ArXivMacroModifier: RecipeStep {
    static let description = StepDescription(
        "arxiv_macro_modifier", "Writes out LaTeX macros without arguments that \\newcommand and \\def define.")

    private let definitions: [Pattern]

    init(_ parameters: StepParameters) throws(CurationError) {
        definitions = [
            try constant(#"\\\bnewcommand\b\*?\{(\\[a-zA-Z0-9]+?)\}\{(.*?)\}$"#, .multiline),
            try constant(#"\\def\s*(\\[a-zA-Z0-9]+?)\s*\{(.*?)\}$"#, .multiline),
        ]
    }

    func apply(to page: inout Page) throws -> Verdict {
        if page.fields["text"] == nil { return drop() }
        let content = try page.content(for: name)
        let bytes = content.utf8.span
        var matcher = PatternMatcher()
        var macros: [(name: [UInt8], value: [UInt8])] = []
        do throws(PatternTooCostly) {
            for pattern in definitions {
                var position = 0
                while let match = try matcher.search(pattern, bytes, 0..<bytes.count, from: position) {
                    let name = copy(bytes, matcher.slots[2]..<matcher.slots[3])
                    let value = copy(bytes, matcher.slots[4]..<matcher.slots[5])
                    if let index = macros.firstIndex(where: { $0.name == name }) {
                        macros[index].value = value
                    } else {
                        macros.append((name, value))
                    }
                    position = max(match.upperBound, position + 1)
                }
            }
        } catch {
            throw CurationError.patternTooCostly(step: name, limit: PatternMatcher.stepLimit)
        }
        var output = copy(bytes, 0..<bytes.count)
        for macro in macros {
            // The reference hands the value to Python's template language, which refuses the escapes of such characters.
            // A macro that is never used is never refused on a page; Python refuses the template all the same.
            guard macro.value.allSatisfy({ 0x20...0x7E ~= $0 || $0 == 0x09 || $0 == 0x0D }) else {
                throw CurationError.wrongField(
                    step: name, key: "text", expected: "LaTeX with macros in ASCII",
                    found: "a macro with other characters")
            }
            output = expand(macro.name, to: macro.value, in: output)
        }
        return page.replaceText(output, for: name)
    }

    private func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var output: [UInt8] = []
        output.append(bytes, range)
        return output
    }

    /// Replaces the name wherever a character follows that is no ASCII letter or digit. That character is passed over,
    /// so that of two uses without a space the second stays, as in the reference.
    private func expand(_ name: [UInt8], to value: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        let span = bytes.span
        var position = 0
        while position < bytes.count {
            let end = position + name.count
            if bytes[position] == 0x5C, span.starts(with: name, at: position), end < bytes.count,
                !isAlphanumeric(bytes[end])
            {
                let length = span.scalar(at: end).length
                output.append(contentsOf: value)
                output.append(span, end..<end + length)
                position = end + length
            } else {
                output.append(bytes[position])
                position += 1
            }
        }
        return output
    }

    private func isAlphanumeric(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte | 0x20 || 0x30...0x39 ~= byte }
}

import UnicodeText

/// Counts words as `split_words` of the reference tools does.
package struct WordCounting: Sendable {
    package let splitter: WordSplitter
    let ignoresPunctuation: Bool
    let ignoresWhitespace: Bool
    private let text = PythonRules.text

    package init(_ model: WordModel, ignoresPunctuation: Bool, ignoresWhitespace: Bool = true) {
        splitter = WordSplitter(model)
        self.ignoresPunctuation = ignoresPunctuation
        self.ignoresWhitespace = ignoresWhitespace
    }

    init(_ parameters: StepParameters, ignorePunctuation: Bool = false) throws(CurationError) {
        self.init(
            try parameters.choice("model", default: WordModel.fasttext),
            ignoresPunctuation: try parameters.bool("ignore_punctuation", default: ignorePunctuation),
            ignoresWhitespace: try parameters.bool("ignore_whitespace", default: true))
    }

    /// The next word that counts, in a range.
    @inline(__always)
    package func next(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Range<Int>? {
        var rest = range
        while let word = splitter.next(bytes, rest) {
            if counts(bytes, word) { return word }
            rest = word.upperBound..<range.upperBound
        }
        return nil
    }

    func count(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var count = 0
        var rest = range
        while let word = next(bytes, rest) {
            count += 1
            rest = word.upperBound..<range.upperBound
        }
        return count
    }

    func count(_ content: String) -> Int { count(content.utf8.span, 0..<content.utf8.count) }

    @inline(__always)
    private func counts(_ bytes: Span<UInt8>, _ word: Range<Int>) -> Bool {
        // fastText's line feed stands for `</s>`: punctuation, but not blank.
        if splitter.model == .fasttext, bytes[word.lowerBound] == 0x0A { return !ignoresPunctuation }
        if ignoresPunctuation {
            let first = bytes[word.lowerBound]
            if first < 0x80 {
                if 0x61...0x7A ~= first | 0x20 || 0x30...0x39 ~= first { return true }
                return !ignoresWhitespace && text.isSpace(UInt32(first))
            }
            let scalar = bytes.scalar(at: word.lowerBound).value
            if text.classes[scalar].contains(.alphanumeric) { return true }
            return !ignoresWhitespace && text.isSpace(scalar)
        }
        if ignoresWhitespace {
            let first = bytes[word.lowerBound]
            if 0x21...0x7E ~= first { return true }
            return text.skipSpace(bytes, word) < word.upperBound
        }
        return true
    }
}

import UnicodeText

/// Punkt's decisions on a text: which of its full stops, question and exclamation marks end a sentence.
///
/// Source: Kiss and Strunk 2006, section 4; where the paper leaves a choice, that of the reference tools (NLTK 3.8).
struct PunktSplitter {
    private let model: PunktModel
    private let text = PythonText()
    private let words = PunktWords()
    private let lower = LowerCase()

    init(_ model: PunktModel) { self.model = model }

    func sentences(_ bytes: Span<UInt8>) -> [Range<Int>] { realigned(bytes, pieces(bytes)) }

    /// A mark with what follows: another mark, or white space and a word.
    private struct Candidate {
        /// Where the word before the mark starts.
        var wordStart: Int
        var mark: Int
        var contextEnd: Int
        /// Where the next sentence would start.
        var next: Int
    }

    private func pieces(_ bytes: Span<UInt8>) -> [Range<Int>] {
        var pieces: [Range<Int>] = []
        var start = 0
        var previous: Candidate?
        func decide(_ candidate: Candidate) {
            guard endsSentence(bytes, candidate.wordStart..<candidate.contextEnd) else { return }
            pieces.append(start..<candidate.mark + 1)
            start = candidate.next
        }
        var position = 0
        while position < bytes.count {
            guard PunktCharacters.endsSentence(bytes[position]), var candidate = candidate(bytes, position) else {
                position += 1
                continue
            }
            let (before, beforeStart) = previous.map { ($0.mark, $0.wordStart) } ?? (0, 0)
            candidate.wordStart = wordStart(bytes, before, position) ?? beforeStart
            // A mark whose word reaches back over the mark before makes that one no candidate.
            if let previous, before <= candidate.wordStart { decide(previous) }
            previous = candidate
            position += 1
        }
        if let previous { decide(previous) }
        pieces.append(start..<max(start, text.stripEnd(bytes, 0..<bytes.count)))
        return pieces
    }

    private func candidate(_ bytes: Span<UInt8>, _ mark: Int) -> Candidate? {
        let after = mark + 1
        guard after < bytes.count else { return nil }
        if PunktCharacters.isOutsideWords(bytes[after]) {
            return Candidate(wordStart: 0, mark: mark, contextEnd: after + 1, next: after)
        }
        let next = text.skipSpace(bytes, after..<bytes.count)
        guard next > after, next < bytes.count else { return nil }
        return Candidate(
            wordStart: 0, mark: mark, contextEnd: text.nextWord(bytes, next..<bytes.count)?.upperBound ?? next,
            next: next)
    }

    /// Behind the last ASCII white space before the mark; nil where there is none behind the mark before.
    private func wordStart(_ bytes: Span<UInt8>, _ before: Int, _ mark: Int) -> Int? {
        var position = mark
        // A white space right at `before` does not count, as in the reference.
        while position > before + 1 {
            position -= 1
            let byte = bytes[position]
            if byte == 0x20 || 0x09...0x0D ~= byte { return position + 1 }
        }
        return nil
    }

    /// Whether a sentence ends within the context, before its last word.
    private func endsSentence(_ bytes: Span<UInt8>, _ context: Range<Int>) -> Bool {
        var previous: PunktToken?
        var line = context.lowerBound
        while line <= context.upperBound {
            var end = line
            while end < context.upperBound, bytes[end] != 0x0A { end += 1 }
            var rest = line..<end
            while let word = words.next(bytes, rest) {
                rest = word.upperBound..<end
                let token = PunktToken(bytes, word, lower, model)
                if var last = previous {
                    reconsider(&last, before: token)
                    if last.endsSentence { return true }
                }
                previous = token
            }
            line = end + 1
        }
        return false
    }

    /// The token-based rules (section 4.1 to 4.3) for a word that ends in a full stop.
    private func reconsider(_ token: inout PunktToken, before next: PunktToken) {
        guard token.endsInStop else { return }
        let type = token.typeWithoutStop
        let nextType = next.typeInSentence
        if model.collocations.contains(type + [0x09] + nextType) {
            token.endsSentence = false
            token.isAbbreviation = true
            return
        }
        if token.isAbbreviation || token.isEllipsis, !token.isInitial {
            if startsSentence(next) == true || next.startsUpper && model.starters.contains(nextType) {
                token.endsSentence = true
                return
            }
        }
        guard token.isInitial || type == PunktToken.number else { return }
        switch startsSentence(next) {
        case false?:
            token.endsSentence = false
            token.isAbbreviation = true
        case nil:
            if token.isInitial, next.startsUpper, (model.contexts[nextType] ?? []).isDisjoint(with: .lower) {
                token.endsSentence = false
                token.isAbbreviation = true
            }
        case true?: break
        }
    }

    /// Whether a word looks like a sentence's first by its case; nil where that is unknown.
    private func startsSentence(_ token: PunktToken) -> Bool? {
        if token.isPunctuation { return false }
        let seen = model.contexts[token.typeInSentence] ?? []
        if token.startsUpper, !seen.isDisjoint(with: .lower), !seen.contains(.capitalInside) { return true }
        if token.startsLower, !seen.isDisjoint(with: .capital) || !seen.contains(.lowerAtStart) { return false }
        return nil
    }

    /// Gives closing quotes and brackets at a sentence's start to the sentence before.
    private func realigned(_ bytes: Span<UInt8>, _ pieces: [Range<Int>]) -> [Range<Int>] {
        var sentences: [Range<Int>] = []
        var moved = 0
        for (index, piece) in pieces.enumerated() {
            let start = piece.lowerBound + moved
            moved = 0
            var end = piece.upperBound
            if index + 1 < pieces.count, let closing = closing(bytes, pieces[index + 1]) {
                end = closing.closers
                moved = closing.next - pieces[index + 1].lowerBound
            }
            if start < end { sentences.append(start..<end) }
        }
        return sentences
    }

    /// The fewest closing marks that white space, two hyphens or the end follow: where they end, and where that ends.
    private func closing(_ bytes: Span<UInt8>, _ piece: Range<Int>) -> (closers: Int, next: Int)? {
        var position = piece.lowerBound
        while position < piece.upperBound, PunktCharacters.closes(bytes[position]) {
            position += 1
            let next = text.skipSpace(bytes, position..<piece.upperBound)
            if next > position || position == piece.upperBound { return (position, next) }
            if position + 1 < piece.upperBound, bytes[position] == 0x2D, bytes[position + 1] == 0x2D {
                return (position, position)
            }
        }
        return nil
    }
}

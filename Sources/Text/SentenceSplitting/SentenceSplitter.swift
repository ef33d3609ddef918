import UnicodeText

/// Cuts text into sentences, as one of the two splitters that the reference curation tools use.
///
/// A value that never changes: one splitter serves any number of threads.
public enum SentenceSplitter: Sendable {
    /// Bling Fire's rules, compiled to an automaton.
    case rules(RuleTables)
    /// Punkt (Kiss and Strunk 2006): a model of abbreviations, collocations and sentence starters.
    case punkt(PunktModel)

    /// The sentences of a text in UTF-8, without white space at their ends; blank ones are left out.
    ///
    /// - Complexity: O(bytes), for the rules O(bytes · 300) at worst.
    public func sentences(_ bytes: Span<UInt8>) -> [Range<Int>] {
        var found: [Range<Int>] =
            switch self {
            case .rules(let tables): RuleSplitter(tables).sentences(bytes)
            case .punkt(let model): PunktSplitter(model).sentences(bytes)
            }
        let text = PythonText()
        var kept = 0
        for index in found.indices {
            let sentence = text.strip(bytes, found[index])
            guard !sentence.isEmpty else { continue }
            found[kept] = sentence
            kept += 1
        }
        found.removeLast(found.count - kept)
        return found
    }
}

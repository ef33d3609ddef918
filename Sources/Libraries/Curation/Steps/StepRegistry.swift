import JSON

/// The steps that recipes can name.
public enum StepRegistry {
    /// One line a step, in the order that `apus curate steps` lists them.
    static let types: [any RecipeStep.Type] = [
        // Length
        PageLengthFilter.self,
        WordLengthFilter.self,
        LineLengthFilter.self,
        // Words
        SymbolRatioFilter.self,
        StopWordFilter.self,
        AlphabeticWordRatioFilter.self,
        AlphanumericCharRatioFilter.self,
        WordRemovalRatioFilter.self,
        // Lines
        BulletCountFilter.self,
        EllipsisCountFilter.self,
        PunctuationLineModifier.self,
        LineLengthModifier.self,
        WordLengthModifier.self,
        UppercaseRatioLineModifier.self,
        NumericRatioLineModifier.self,
        CounterLineModifier.self,
        NewlineRemovalModifier.self,
        CitationRemovalModifier.self,
        WithinPageDedup.self,
        SplitLinesModifier.self,
        JoinLinesModifier.self,
        // Repetition
        RepetitionFilter.self,
        MassiveWebRepetitionFilters.self,
        // Substrings
        SubstringFilter.self,
        SubstringLineModifier.self,
        // URLs
        URLSubstringFilter.self,
        URLRemovalModifier.self,
        // Sources
        ArXivAppendixModifier.self,
        ArXivCommentModifier.self,
        ArXivMacroModifier.self,
        ArXivSectionStripModifier.self,
        HTMLContentExtractionModifier.self,
        StackExchangeHTMLExtractionModifier.self,
        StackExchangeListModifier.self,
        StackExchangeAnswerSortModifier.self,
        StackExchangeQAFormatter.self,
        StarCoderRepoSplitter.self,
        StarCoderFormatModifier.self,
        // Metadata
        RandomSamplingFilter.self,
        CoresetFilter.self,
        MoveURLModifier.self,
        KeyNameModifier.self,
        LanguageFilter.self,
        QualityFilter.self,
        GitHubExtensionFilter.self,
        // Enrichers
        WordCounterEnricher.self,
        LineCounterEnricher.self,
        // Models
        WholePageLanguageEnricher.self,
        ParagraphLanguageEnricher.self,
        QualityEnricher.self,
    ]

    /// Every step's name, sorted.
    public static var names: [String] { types.map { $0.description.name }.sorted() }

    /// Every step with its parameters.
    public static var descriptions: [StepDescription] { types.map { $0.description } }

    /// Makes a step from a recipe's parameters.
    ///
    /// - Parameters:
    ///   - parameters: as in the recipe; `func` and keys that start with `_` are the recipe's own and skipped.
    ///   - baseFolder: where relative file names start: the recipe's folder.
    /// - Throws: `CurationError` that names the step, the key and the nearest valid name.
    public static func make(
        _ name: String, parameters: JSONObject, baseFolder: String = "."
    ) throws(CurationError) -> any CurationStep {
        guard let type = types.first(where: { $0.description.name == name }) else {
            throw .unknownStep(name, nearest: Spelling.nearest(to: name, in: names))
        }
        let known = type.description.parameters.map(\.key)
        var values = JSONObject()
        for (key, value) in parameters where key != "func" && !key.hasPrefix("_") {
            guard known.contains(key) else {
                throw .unknownParameter(step: name, key: key, nearest: Spelling.nearest(to: key, in: known))
            }
            values[key] = value
        }
        return try type.init(StepParameters(step: name, values: values, baseFolder: baseFolder))
    }
}

import JSON

/// `move_url_modifier`: the record's address becomes the page's.
struct MoveURLModifier: RecipeStep {
    static let description = StepDescription(
        "move_url_modifier", "Sets `url` to the record's `WARC-Target-URI` in `metadata`.")

    init(_ parameters: StepParameters) throws(CurationError) {}

    func apply(to page: inout Page) throws -> Verdict {
        guard let metadata = page.fields["metadata"] else {
            throw CurationError.missingField(step: name, key: "metadata")
        }
        guard let address = metadata["WARC-Target-URI"] else {
            throw CurationError.missingField(step: name, key: "metadata.WARC-Target-URI")
        }
        page.fields["url"] = address
        return .keep
    }
}

/// `key_name_modifier`: a field gets another name.
struct KeyNameModifier: RecipeStep {
    static let description = StepDescription(
        "key_name_modifier", "Renames a field; nothing happens where it is absent or the new name is taken.",
        [
            .init("old_key", "a string", "content", "the field renamed"),
            .init("new_key", "a string", "text", "its new name"),
            .init("allow_overwrite", "true or false", "false", "replace a field that has the new name"),
        ])

    private let oldKey: String
    private let newKey: String
    private let overwrites: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        oldKey = try parameters.string("old_key", default: "content")
        newKey = try parameters.string("new_key", default: "text")
        overwrites = try parameters.bool("allow_overwrite", default: false)
    }

    func apply(to page: inout Page) throws -> Verdict {
        if overwrites || page.fields[newKey] == nil { page.fields.rename(oldKey, to: newKey) }
        return .keep
    }
}

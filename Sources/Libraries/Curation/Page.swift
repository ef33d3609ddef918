import JSON

/// One document of a pool on its way through a recipe: a JSON object whose `text` is the content.
///
/// Keys follow the DataComp-LM tools: `text`, `url`, `metadata` (WARC headers), and whatever steps add.
public struct Page: Sendable, Hashable {
    /// Every field, the text included, in the order of the input.
    public var fields: JSONObject

    /// A page with these fields.
    public init(fields: JSONObject) { self.fields = fields }

    /// A page of nothing but text.
    public init(text: String, url: String? = nil) {
        fields = ["text": .string(text)]
        if let url { fields["url"] = .string(url) }
    }

    /// A page's text; nil where the field is absent or no string.
    public var text: String? {
        get { fields["text"]?.stringValue }
        set { fields["text"] = newValue.map(JSONValue.string) }
    }
}

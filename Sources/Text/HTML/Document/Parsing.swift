/// The element a fragment is parsed for, as if it were that element's `innerHTML`.
public struct FragmentContext: Sendable {
    public let name: ElementName
    public let namespace: Namespace
    /// For MathML's `annotation-xml`: whether its `encoding` attribute makes it hold HTML.
    public let holdsHTML: Bool

    public init(_ name: ElementName, namespace: Namespace = .html, holdsHTML: Bool = false) {
        self.name = name
        self.namespace = namespace
        self.holdsHTML = holdsHTML
    }
}

extension Document {
    /// Parses a page as the HTML standard says. The bytes are UTF-8; invalid ones become U+FFFD. A byte order mark is
    /// dropped.
    ///
    /// - Throws: `HTMLError`, for size only: any bytes have a tree.
    /// - Complexity: O(bytes) time for pages as people write them, and within a constant factor (the search limits) for
    ///   hostile ones; memory at most some 40 bytes for each of the input's.
    public init(parsing bytes: UnsafeBufferPointer<UInt8>, options: ParsingOptions = ParsingOptions()) throws(HTMLError)
    {
        let builder = try TreeBuilder.parsed(bytes, options: options, context: nil)
        self = try builder.document()
    }

    public init(parsing bytes: [UInt8], options: ParsingOptions = ParsingOptions()) throws(HTMLError) {
        self = try bytes.withUnsafeBufferPointer { (buffer) throws(HTMLError) in
            try Document(parsing: buffer, options: options)
        }
    }

    public init(parsing text: String, options: ParsingOptions = ParsingOptions()) throws(HTMLError) {
        try self.init(parsing: Array(text.utf8), options: options)
    }

    /// Parses a fragment as `innerHTML` of the context does. The fragment's nodes are the children of `documentElement`.
    public init(
        parsingFragment bytes: [UInt8], context: FragmentContext, options: ParsingOptions = ParsingOptions()
    ) throws(HTMLError) {
        self = try bytes.withUnsafeBufferPointer { (buffer) throws(HTMLError) in
            let builder = try TreeBuilder.parsed(buffer, options: options, context: context)
            return try builder.document()
        }
    }
}

extension TreeBuilder {
    static func parsed(
        _ bytes: UnsafeBufferPointer<UInt8>, options: ParsingOptions, context: FragmentContext?
    ) throws(HTMLError) -> TreeBuilder {
        let limit = min(options.maximumBytes, ParsingOptions.largestInput)
        guard bytes.count <= limit else { throw .tooLarge(bytes: bytes.count, limit: limit) }
        let hasMark = bytes.count >= 3 && bytes[0] == 0xEF && bytes[1] == 0xBB && bytes[2] == 0xBF
        let input = hasMark ? UnsafeBufferPointer(rebasing: bytes[3...]) : bytes
        var builder = TreeBuilder(cleaned: Source.clean(input), options: options)
        if let context { builder.begin(in: context) }
        builder.run()
        return builder
    }

    /// Sets up for a fragment.
    private mutating func begin(in context: FragmentContext) {
        isFragment = true
        let traits =
            context.namespace == .html
            ? Traits.of(context.name.rawValue)
            : Traits.foreignTraits(context.name, context.namespace) | (context.holdsHTML ? Traits.htmlPoint : 0)
        self.context = OpenElement(node: 0, key: Self.key(context.name, context.namespace), traits: traits)
        if context.namespace == .html {
            switch context.name {
            case .title, .textarea: tokenizer.state = .rcdata
            case .style, .xmp, .iframe, .noembed, .noframes: tokenizer.state = .rawtext
            case .script: tokenizer.state = .scriptData
            case .noscript where options.scripting: tokenizer.state = .rawtext
            case .plaintext: tokenizer.state = .plaintext
            default: break
            }
        }
        openRoot(firstAttribute: 0, attributeCount: 0)
        if self.context.key == Self.key(.template) { templateModes.append(.inTemplate) }
        resetMode()
    }
}

import Files
import JSON
import UnicodeText

extension Tokenizer {
    /// Files beyond this size are refused; the largest published vocabularies take some 40 MB.
    private static let fileLimit = 256 << 20
    /// Ids beyond this are refused: they would make tables of gigabytes out of one number.
    static let identifierLimit = 1 << 24

    /// Reads a Hugging Face `tokenizer.json`.
    ///
    /// Understood: models of type BPE; pre-tokenizers ByteLevel, Split by the patterns of GPT-2, GPT-4 (`cl100k_base`),
    /// Llama 3 and Qwen 2, Digits, and sequences of these; normalizers NFC and sequences of it; added tokens with all
    /// their flags. Post-processors are kept and not applied: no token is added at the ends.
    ///
    /// - Throws: `FileError`, or `TokenizationError` that names the key.
    public init(contentsOf path: String) throws {
        let bytes = try FileReader.bytes(of: path, limit: Self.fileLimit)
        try self.init(parsing: bytes, file: path)
    }

    /// Reads a `tokenizer.json` from memory; `file` is for messages.
    public init(parsing bytes: [UInt8], file: String = "tokenizer.json") throws(TokenizationError) {
        let json: JSONValue
        do throws(JSONError) {
            json = try JSONValue(parsing: bytes)
        } catch {
            throw .notJSON(file: file, reason: error.description)
        }
        try self.init(json: json, file: file)
    }

    init(json: JSONValue, file: String) throws(TokenizationError) {
        var reader = TokenizerFileReader(file: file)
        self.init(try reader.read(json))
    }

    static func composed(_ text: String) -> String { CanonicalComposition.normalized(text) }
}

/// Reads the parts of one file.
private struct TokenizerFileReader {
    let file: String
    var parts = Tokenizer.Parts()
    private var identifiers: [[UInt8]: UInt32] = [:]

    init(file: String) { self.file = file }

    mutating func read(_ json: JSONValue) throws(TokenizationError) -> Tokenizer.Parts {
        guard let root = json.objectValue else { throw malformed("the file", "an object") }
        for key in ["truncation", "padding"] where !isNull(root[key]) { throw unsupported(key, root[key]) }
        try readModel(root["model"])
        try readAddedTokens(root["added_tokens"])
        try readNormalizer(root["normalizer"], key: "normalizer")
        parts.splitters = []
        guard !isNull(root["pre_tokenizer"]) else { throw unsupported("pre_tokenizer", nil) }
        try readPreTokenizer(root["pre_tokenizer"], key: "pre_tokenizer")
        guard foundByteLevel else { throw unsupported("pre_tokenizer", root["pre_tokenizer"]?["type"]) }
        try checkDecoder(root["decoder"], key: "decoder")
        for key in ["post_processor", "decoder"] { parts.kept[key] = root[key] }
        return parts
    }

    private var foundByteLevel = false

    private func isNull(_ value: JSONValue?) -> Bool { value == nil || value == .null }

    private func malformed(_ key: String, _ expected: String) -> TokenizationError {
        .malformed(file: file, key: key, expected: expected)
    }

    private func unsupported(_ key: String, _ value: JSONValue?) -> TokenizationError {
        let text = (value ?? .null).text()
        return .unsupported(file: file, key: key, value: text.utf8.count > 120 ? String(text.prefix(120)) + "…" : text)
    }

    private func flag(_ object: JSONValue?, _ name: String, key: String, default fallback: Bool)
        throws(TokenizationError) -> Bool
    {
        guard let value = object?[name], value != .null else { return fallback }
        guard let flag = value.boolValue else { throw malformed("\(key).\(name)", "true or false") }
        return flag
    }

    // MARK: Model

    private mutating func readModel(_ model: JSONValue?) throws(TokenizationError) {
        guard let model, model.objectValue != nil else { throw malformed("model", "an object") }
        // Files from before the library wrote a type hold BPE where there are merges.
        let type = model["type"]
        guard isNull(type) ? model["merges"] != nil : type == "BPE" else { throw unsupported("model.type", type) }
        if let dropout = model["dropout"], dropout != .null, dropout.doubleValue != 0 {
            throw unsupported("model.dropout", dropout)
        }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let value = model[key], value != .null, value != "" { throw unsupported("model.\(key)", value) }
        }
        guard let vocabulary = model["vocab"]?.objectValue else { throw malformed("model.vocab", "an object") }
        try readVocabulary(vocabulary)
        guard let merges = model["merges"]?.arrayValue else { throw malformed("model.merges", "an array") }
        try readMerges(merges)
        parts.fusesUnknown = try flag(model, "fuse_unk", key: "model", default: false)
        parts.ignoresMerges = try flag(model, "ignore_merges", key: "model", default: false)
        if let unknown = model["unk_token"], unknown != .null {
            guard let token = unknown.stringValue else { throw malformed("model.unk_token", "a string or null") }
            guard let id = identifiers[Array(token.utf8)] else {
                throw .unknownToken(file: file, key: "model.unk_token", token: token)
            }
            parts.unknown = id
        }
        // Byte fallback does nothing where every byte has a token, which is what makes a vocabulary byte-level.
        if try flag(model, "byte_fallback", key: "model", default: false), !hasAllBytes {
            throw unsupported("model.byte_fallback", true)
        }
    }

    private var hasAllBytes: Bool {
        ByteAlphabet.scalars.allSatisfy { identifiers[Array(String(Character($0)).utf8)] != nil }
    }

    private mutating func readVocabulary(_ vocabulary: JSONObject) throws(TokenizationError) {
        parts.entries.reserveCapacity(vocabulary.count)
        identifiers.reserveCapacity(vocabulary.count)
        for (token, value) in vocabulary {
            guard let id = value.intValue, id >= 0, id < Tokenizer.identifierLimit else {
                throw malformed("model.vocab.\(token)", "a whole number below \(Tokenizer.identifierLimit)")
            }
            guard id >= parts.entries.count || parts.entries[id] == nil else {
                throw malformed("model.vocab.\(token)", "an id that no other token has (\(id) is taken)")
            }
            set(id, to: entry(token))
            identifiers[Array(token.utf8)] = UInt32(id)
            parts.modelIdentifiers.insert(UInt32(id))
        }
    }

    private mutating func set(_ id: Int, to entry: Tokenizer.Entry) {
        if id >= parts.entries.count {
            parts.entries.append(contentsOf: repeatElement(nil, count: id + 1 - parts.entries.count))
        }
        parts.entries[id] = entry
    }

    private func entry(_ token: String) -> Tokenizer.Entry {
        Tokenizer.Entry(text: token, bytes: ByteAlphabet.bytes(of: token) ?? Array(token.utf8))
    }

    private mutating func readMerges(_ merges: [JSONValue]) throws(TokenizationError) {
        parts.merges.reserveCapacity(merges.count)
        for (rank, merge) in merges.enumerated() {
            let key = "model.merges[\(rank)]"
            let left: [UInt8]
            let right: [UInt8]
            switch merge {
            case .string(let text):
                let halves = Array(text.utf8).split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
                guard halves.count == 2 else { throw malformed(key, "two tokens with one space between") }
                (left, right) = (Array(halves[0]), Array(halves[1]))
            case .array(let pair):
                guard pair.count == 2, let first = pair[0].stringValue, let second = pair[1].stringValue else {
                    throw malformed(key, "two tokens")
                }
                (left, right) = (Array(first.utf8), Array(second.utf8))
            default:
                throw malformed(key, "two tokens")
            }
            parts.merges.append(
                Tokenizer.Merge(
                    left: try identifier(left, key), right: try identifier(right, key),
                    result: try identifier(left + right, key)))
        }
    }

    private func identifier(_ token: [UInt8], _ key: String) throws(TokenizationError) -> UInt32 {
        guard let id = identifiers[token] else {
            throw .unknownToken(file: file, key: key, token: String(decoding: token, as: UTF8.self))
        }
        return id
    }

    // MARK: Added tokens

    private mutating func readAddedTokens(_ value: JSONValue?) throws(TokenizationError) {
        guard let value, value != .null else { return }
        guard let tokens = value.arrayValue else { throw malformed("added_tokens", "an array") }
        for (index, token) in tokens.enumerated() {
            let key = "added_tokens[\(index)]"
            guard let content = token["content"]?.stringValue else { throw malformed("\(key).content", "a string") }
            guard let id = token["id"]?.intValue, id >= 0, id < Tokenizer.identifierLimit else {
                throw malformed("\(key).id", "a whole number below \(Tokenizer.identifierLimit)")
            }
            if let known = identifiers[Array(content.utf8)], Int(known) != id {
                throw malformed("\(key).id", "\(known), the id of ‘\(content)’ in the vocabulary")
            }
            if id < parts.entries.count, let other = parts.entries[id], !other.text.utf8.elementsEqual(content.utf8) {
                throw malformed("\(key).id", "an id that no other token has (\(id) is ‘\(other.text)’)")
            }
            let isSpecial = try flag(token, "special", key: key, default: false)
            var entry = entry(content)
            entry.isSpecial = isSpecial
            set(id, to: entry)
            parts.addedTokens.append(
                AddedToken(
                    id: UInt32(id), content: content,
                    singleWord: try flag(token, "single_word", key: key, default: false),
                    stripsLeft: try flag(token, "lstrip", key: key, default: false),
                    stripsRight: try flag(token, "rstrip", key: key, default: false),
                    isNormalized: try flag(token, "normalized", key: key, default: !isSpecial), isSpecial: isSpecial))
        }
    }

    // MARK: Normalizer, pre-tokenizer, decoder

    private mutating func readNormalizer(_ value: JSONValue?, key: String) throws(TokenizationError) {
        guard let value, value != .null else { return }
        switch value["type"]?.stringValue {
        case "NFC": parts.normalizesToNFC = true
        case "Sequence":
            guard let list = value["normalizers"]?.arrayValue else { throw malformed("\(key).normalizers", "an array") }
            guard list.count <= 16 else { throw unsupported("\(key).normalizers", .integer(Int64(list.count))) }
            for (index, part) in list.enumerated() { try readNormalizer(part, key: "\(key).normalizers[\(index)]") }
        default: throw unsupported("\(key).type", value["type"])
        }
    }

    private mutating func readPreTokenizer(_ value: JSONValue?, key: String) throws(TokenizationError) {
        guard !foundByteLevel else { throw unsupported(key, value?["type"]) }
        switch value?["type"]?.stringValue {
        case "ByteLevel":
            foundByteLevel = true
            let addsSpace = try flag(value, "add_prefix_space", key: key, default: true)
            // After an earlier splitter the space would go before every piece rather than before the text.
            if addsSpace, !parts.splitters.isEmpty { throw unsupported("\(key).add_prefix_space", true) }
            parts.addsPrefixSpace = addsSpace
            if try flag(value, "use_regex", key: key, default: true) { parts.splitters.append(.pieces(.gpt2)) }
        case "Digits":
            parts.splitters.append(
                .digits(individually: try flag(value, "individual_digits", key: key, default: false)))
        case "Split":
            try readSplit(value, key: key)
        case "Sequence":
            guard let list = value?["pretokenizers"]?.arrayValue else {
                throw malformed("\(key).pretokenizers", "an array")
            }
            guard list.count <= 16 else { throw unsupported("\(key).pretokenizers", .integer(Int64(list.count))) }
            for (index, part) in list.enumerated() { try readPreTokenizer(part, key: "\(key).pretokenizers[\(index)]") }
        default: throw unsupported("\(key).type", value?["type"])
        }
    }

    private mutating func readSplit(_ value: JSONValue?, key: String) throws(TokenizationError) {
        let pattern = value?["pattern"]?["Regex"]
        guard let text = pattern?.stringValue, let rule = PieceRule(pattern: text) else {
            throw unsupported("\(key).pattern", value?["pattern"])
        }
        // These patterns match every character, so that "isolated" and "removed, inverted" come to the same.
        let inverted = try flag(value, "invert", key: key, default: false)
        switch value?["behavior"]?.stringValue {
        case "Isolated": break
        case "Removed" where inverted: break
        default: throw unsupported("\(key).behavior", value?["behavior"])
        }
        parts.splitters.append(.pieces(rule))
    }

    private func checkDecoder(_ value: JSONValue?, key: String) throws(TokenizationError) {
        guard let value, value != .null else { return }
        switch value["type"]?.stringValue {
        case "ByteLevel": return
        case "Sequence":
            for (index, part) in (value["decoders"]?.arrayValue ?? []).enumerated() where part["type"] != "ByteLevel" {
                throw unsupported("\(key).decoders[\(index)].type", part["type"])
            }
        default: throw unsupported("\(key).type", value["type"])
        }
    }
}

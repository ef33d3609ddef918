import JSON

/// A byte-level BPE tokenizer, as Hugging Face's `tokenizer.json` describes it.
///
/// A value: read-only and free to share between threads. `makeEncoder()` gives the part that has buffers and a cache;
/// one thread uses one encoder.
public struct Tokenizer: Sendable {
    /// Which characters stay together before merging.
    enum Splitter: Hashable, Sendable {
        case pieces(PieceRule)
        case digits(individually: Bool)
    }

    /// One token.
    struct Entry: Sendable {
        /// The token as the file writes it: bytes in the letters of the byte alphabet, added tokens as they are.
        var text: String
        /// What it decodes to.
        var bytes: [UInt8]
        var isSpecial = false
    }

    /// A pair of ids that becomes one; its place in the list is its rank.
    public struct Merge: Hashable, Sendable {
        public var left: UInt32
        public var right: UInt32
        public var result: UInt32
    }

    /// Tokens that are looked for in the text itself, by id.
    public let addedTokens: [AddedToken]
    /// Merges, the most urgent first.
    public let merges: [Merge]

    /// Dense by id; nil for ids that no token has.
    let entries: [Entry?]
    /// Ids of the model's own vocabulary, which the merges make; the others are added tokens'.
    let modelIdentifiers: Set<UInt32>
    let normalizesToNFC: Bool
    let addsPrefixSpace: Bool
    let splitters: [Splitter]
    /// The unknown token, for bytes that the vocabulary lacks; such bytes vanish where it is nil, as in the original.
    let unknown: UInt32?
    let fusesUnknown: Bool

    // Derived.
    let mergeTable: FlatTable
    let byteTokens: [UInt32]
    let wholeWords: WholeWords?
    let rawMatcher: AddedTokenMatcher
    let normalizedMatcher: AddedTokenMatcher
    let identifiers: [String: UInt32]
    /// The parts of the file that do not bear on ids (`post_processor`, `decoder`), kept for writing.
    let kept: JSONObject

    /// Stands for "no such token" in tables of ids.
    static let noToken = UInt32.max

    struct Parts {
        var addedTokens: [AddedToken] = []
        var merges: [Merge] = []
        var entries: [Entry?] = []
        var modelIdentifiers: Set<UInt32> = []
        var normalizesToNFC = false
        var addsPrefixSpace = false
        var splitters: [Splitter] = [.pieces(.gpt2)]
        var unknown: UInt32?
        var fusesUnknown = false
        var ignoresMerges = false
        var kept = JSONObject()
    }

    init(_ parts: Parts) {
        addedTokens = parts.addedTokens.sorted { $0.id < $1.id }
        merges = parts.merges
        entries = parts.entries
        modelIdentifiers = parts.modelIdentifiers
        normalizesToNFC = parts.normalizesToNFC
        addsPrefixSpace = parts.addsPrefixSpace
        splitters = parts.splitters
        unknown = parts.unknown
        fusesUnknown = parts.fusesUnknown
        kept = parts.kept

        var table = FlatTable(capacity: parts.merges.count)
        for (rank, merge) in parts.merges.enumerated() {
            table.insert(UInt64(merge.left) << 32 | UInt64(merge.right), UInt64(rank) << 32 | UInt64(merge.result))
        }
        mergeTable = table
        var identifiers: [String: UInt32] = [:]
        var byteTokens = [UInt32](repeating: Self.noToken, count: 256)
        for (id, entry) in parts.entries.enumerated() {
            guard let entry else { continue }
            let id = UInt32(id)
            identifiers[entry.text] = id
            if entry.bytes.count == 1, modelIdentifiers.contains(id), entry.text.unicodeScalars.count == 1 {
                byteTokens[Int(entry.bytes[0])] = id
            }
        }
        self.identifiers = identifiers
        self.byteTokens = byteTokens
        wholeWords = parts.ignoresMerges ? WholeWords(parts.entries, among: parts.modelIdentifiers) : nil
        let normalizes = parts.normalizesToNFC
        rawMatcher = AddedTokenMatcher(addedTokens.filter { !$0.isNormalized })
        normalizedMatcher = AddedTokenMatcher(
            addedTokens.filter(\.isNormalized), normalize: { normalizes ? Self.composed($0) : $0 })
    }

    /// Ids are below this value; the size that an embedding needs.
    public var vocabularySize: Int { entries.count }

    /// The id of a token as the file writes it (`Ġthe`, `<|endoftext|>`), or nil.
    public func identifier(of token: String) -> UInt32? { identifiers[token] }

    /// The end-of-text token: `<|endoftext|>` or what other vocabularies call it; nil where there is none.
    public var endOfText: UInt32? {
        for name in ["<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "<|eos|>"] {
            if let id = identifiers[name] { return id }
        }
        return nil
    }

    /// The bytes that an id stands for; nil for an id outside the vocabulary.
    public func bytes(of id: UInt32) -> [UInt8]? {
        Int(id) < entries.count ? entries[Int(id)]?.bytes : nil
    }

    /// An encoder with buffers and a cache of its own, for one thread.
    public func makeEncoder() -> TokenEncoder { TokenEncoder(self) }

    /// The ids of one text. For many texts, keep an encoder.
    ///
    /// - Complexity: O(n log n) in the longest piece, O(bytes) for the rest.
    public func encode(_ text: String) -> [UInt32] {
        var ids: [UInt32] = []
        makeEncoder().encode(text, into: &ids)
        return ids
    }

    /// The text of ids; bytes that are not UTF-8 become U+FFFD.
    ///
    /// - Throws: `TokenizationError.unknownIdentifier`.
    public func decode(_ ids: some Sequence<UInt32>, skippingSpecial: Bool = true) throws(TokenizationError) -> String {
        String(decoding: try decodeBytes(ids, skippingSpecial: skippingSpecial), as: UTF8.self)
    }

    /// The bytes of ids, exactly.
    public func decodeBytes(
        _ ids: some Sequence<UInt32>, skippingSpecial: Bool = true
    ) throws(TokenizationError) -> [UInt8] {
        var bytes: [UInt8] = []
        for (position, id) in ids.enumerated() {
            guard Int(id) < entries.count, let entry = entries[Int(id)] else {
                throw .unknownIdentifier(id, position: position, vocabularySize: entries.count)
            }
            if skippingSpecial, entry.isSpecial { continue }
            bytes.append(contentsOf: entry.bytes)
        }
        return bytes
    }
}

/// The tokens of a vocabulary by their bytes, for models that look a whole piece up before they merge.
struct WholeWords: Sendable {
    /// Hash of the bytes → id; two tokens of one hash would need 2³² tokens, and the bytes are compared all the same.
    private let table: FlatTable
    private let entries: [Tokenizer.Entry?]

    init(_ entries: [Tokenizer.Entry?], among identifiers: Set<UInt32>) {
        var table = FlatTable(capacity: identifiers.count)
        for id in identifiers {
            guard let entry = entries[Int(id)] else { continue }
            let hash = entry.bytes.withUnsafeBufferPointer { PieceHash.hash($0) }
            if table.value(hash) == FlatTable.none { table.insert(hash, UInt64(id)) }
        }
        self.table = table
        self.entries = entries
    }

    func identifier(of bytes: UnsafeBufferPointer<UInt8>) -> UInt32? {
        let value = table.value(PieceHash.hash(bytes))
        guard value != FlatTable.none, let entry = entries[Int(value)], entry.bytes.elementsEqual(bytes) else {
            return nil
        }
        return UInt32(value)
    }
}

/// A 64-bit hash of short byte strings; never `FlatTable.none`.
enum PieceHash {
    @inline(__always)
    static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        var hash = UInt64(bytes.count) &* 0x9E37_79B9_7F4A_7C15
        var position = 0
        while position &+ 8 <= bytes.count {
            let word = UnsafeRawPointer(bytes.baseAddress.unsafelyUnwrapped + position).loadUnaligned(as: UInt64.self)
            hash = mix(hash ^ word)
            position &+= 8
        }
        var tail: UInt64 = 0
        while position < bytes.count {
            tail = tail &<< 8 | UInt64(bytes[position])
            position &+= 1
        }
        hash = mix(hash ^ tail)
        return hash == .max ? 0 : hash
    }

    @inline(__always)
    private static func mix(_ value: UInt64) -> UInt64 {
        let (high, low) = value.multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return high ^ low
    }
}

import JSON

/// Trains byte-level BPE vocabularies, merge for merge as Hugging Face's `BpeTrainer` does with `ByteLevel`
/// pre-tokenization (GPT-2's pattern, no space in front) and the 256 byte letters as alphabet.
///
/// ```swift
/// var trainer = TokenizerTrainer(vocabularySize: 8000)
/// for document in documents { trainer.add(document) }
/// let tokenizer = try trainer.train()
/// ```
///
/// Ids: the special tokens first, then the bytes in order of their letters, then the merges' tokens. Memory grows with
/// the number of different pieces (words, in the main), not with the text.
public struct TokenizerTrainer: Sendable {
    /// Longer pieces are left out: one run of megabytes without a space would cost more than all words, and teach
    /// nothing.
    public static let pieceLimit = 1 << 16

    public var vocabularySize: Int
    public var specialTokens: [String]
    /// Pairs that come less often are not merged.
    public var minimumFrequency: Int
    /// Pieces beyond `pieceLimit` bytes that were left out.
    public private(set) var piecesLeftOut = 0
    /// UTF-8 bytes of text added.
    public private(set) var byteCount = 0

    private var counts = PieceCounts()
    private let classes = PieceClassTable.shared.classes

    public init(vocabularySize: Int, specialTokens: [String] = ["<|endoftext|>"], minimumFrequency: Int = 0) {
        self.vocabularySize = vocabularySize
        self.specialTokens = specialTokens
        self.minimumFrequency = minimumFrequency
    }

    /// Different pieces seen.
    public var pieceCount: Int { counts.pieces.count }

    /// Adds a document's text.
    public mutating func add(_ text: String) {
        var text = text
        text.withUTF8 { add($0) }
    }

    /// Adds a document's bytes. Special tokens in it count as text.
    ///
    /// - Complexity: O(bytes).
    public mutating func add(_ text: UnsafeBufferPointer<UInt8>) {
        byteCount += text.count
        classes.withUnsafeBufferPointer { classes in
            // The table is never empty.
            let scanner = PieceScanner(text: text, classes: classes.baseAddress.unsafelyUnwrapped)
            var position = 0
            while position < text.count {
                let end = scanner.pieceEnd(.gpt2, from: position, text.count)
                if end - position <= Self.pieceLimit {
                    counts.add(text, position, end)
                } else {
                    piecesLeftOut += 1
                }
                position = end
            }
        }
    }

    /// Learns the merges.
    ///
    /// - Parameter progress: called now and then with the tokens made so far and those wanted; what it throws ends the
    ///   training.
    /// - Returns: a tokenizer of at most `vocabularySize` tokens; fewer where the text has no more pairs to merge.
    /// - Throws: `TokenizationError.vocabularyTooSmall`, `.badSetting`, `.emptyInput`, and what `progress` throws.
    /// - Complexity: O(symbols of the different pieces + changes · log pairs).
    public func train(progress: (_ tokens: Int, _ wanted: Int) throws -> Void = { _, _ in }) throws -> Tokenizer {
        guard Set(specialTokens.map { Array($0.utf8) }).count == specialTokens.count, !specialTokens.contains("") else {
            throw TokenizationError.badSetting(
                name: "the list of special tokens", value: specialTokens.description,
                expected: "of different, non-empty texts")
        }
        guard vocabularySize <= Tokenizer.identifierLimit else {
            throw TokenizationError.badSetting(
                name: "the vocabulary's size", value: "\(vocabularySize)",
                expected: "at most \(Tokenizer.identifierLimit)")
        }
        var names = TokenNames(specialTokens)
        guard vocabularySize >= names.count else {
            throw TokenizationError.vocabularyTooSmall(asked: vocabularySize, least: names.count)
        }
        guard !counts.pieces.isEmpty else { throw TokenizationError.emptyInput("the training text") }
        var learner = MergeLearner(counts, byteTokens: names.byteTokens)
        var merges: [MergeLearner.Merge] = []
        while names.count < vocabularySize {
            guard let merge = learner.next(minimum: minimumFrequency, identify: { names.identify($0, $1) }) else {
                break
            }
            merges.append(merge)
            if merges.count % 64 == 0 { try progress(names.count, vocabularySize) }
        }
        try progress(names.count, names.count)
        return Tokenizer(names.parts(Self.unique(merges)))
    }

    /// Of merges of the same pair the last: files hold a pair's rank once, and later ones replace earlier ones.
    private static func unique(_ merges: [MergeLearner.Merge]) -> [Tokenizer.Merge] {
        var last: [UInt64: Int] = [:]
        for (rank, merge) in merges.enumerated() { last[UInt64(merge.left) << 32 | UInt64(merge.right)] = rank }
        return merges.enumerated().compactMap { rank, merge in
            guard last[UInt64(merge.left) << 32 | UInt64(merge.right)] == rank else { return nil }
            return Tokenizer.Merge(left: merge.left, right: merge.right, result: merge.result)
        }
    }
}

/// The tokens of a vocabulary in the making.
private struct TokenNames {
    private var entries: [Tokenizer.Entry] = []
    private var identifiers: [[UInt8]: UInt32] = [:]
    private(set) var byteTokens = [UInt32](repeating: 0, count: 256)
    private let special: Int

    init(_ specialTokens: [String]) {
        special = specialTokens.count
        for token in specialTokens {
            // A special token of letters of the byte alphabet can also come out of a merge, and is the same token then.
            let bytes = ByteAlphabet.bytes(of: token)
            if let bytes { identifiers[bytes] = UInt32(entries.count) }
            entries.append(.init(text: token, bytes: bytes ?? Array(token.utf8), isSpecial: true))
        }
        for byte in (0..<256).sorted(by: { ByteAlphabet.scalars[$0].value < ByteAlphabet.scalars[$1].value }) {
            byteTokens[byte] = identify([UInt8(byte)])
        }
    }

    var count: Int { entries.count }

    /// The id of the token that two make together.
    mutating func identify(_ left: UInt32, _ right: UInt32) -> UInt32 {
        identify(entries[Int(left)].bytes + entries[Int(right)].bytes)
    }

    private mutating func identify(_ bytes: [UInt8]) -> UInt32 {
        if let id = identifiers[bytes] { return id }
        let id = UInt32(entries.count)
        identifiers[bytes] = id
        entries.append(.init(text: ByteAlphabet.letters(bytes), bytes: bytes))
        return id
    }

    func parts(_ merges: [Tokenizer.Merge]) -> Tokenizer.Parts {
        var parts = Tokenizer.Parts()
        parts.entries = entries
        parts.modelIdentifiers = Set(0..<UInt32(entries.count))
        parts.merges = merges
        parts.addedTokens = entries.prefix(special).enumerated().map {
            AddedToken(id: UInt32($0), content: $1.text, isSpecial: true)
        }
        return parts
    }
}

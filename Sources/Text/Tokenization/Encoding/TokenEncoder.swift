import UnicodeText

/// Turns texts into ids. Holds a tokenizer, buffers and a cache of pieces; not for two threads at once.
///
/// ```swift
/// let encoder = try Tokenizer(contentsOf: "tokenizer.json").makeEncoder()
/// var ids: [UInt32] = []
/// encoder.encode("Hello world", into: &ids)
/// ```
public final class TokenEncoder {
    public let tokenizer: Tokenizer
    /// When true, `<|endoftext|>` and the like inside a text are text like any other.
    public var ignoresSpecialTokens = false

    private var work: EncodingWork

    /// An encoder of its own cache, empty at first.
    public init(_ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
        work = EncodingWork(tokenizer)
    }

    /// Appends a text's ids. No token is added at the ends.
    public func encode(_ text: String, into ids: inout [UInt32]) {
        var text = text
        text.withUTF8 { encode($0, into: &ids) }
    }

    /// Appends the ids of a text's bytes.
    ///
    /// Bytes that are not UTF-8 are encoded as they are, each a character of no class; where the tokenizer normalises,
    /// a text that holds such bytes and needs normalising has them replaced by U+FFFD.
    ///
    /// - Complexity: O(bytes), plus O(n log n) in the length of each piece not seen before.
    public func encode(_ text: UnsafeBufferPointer<UInt8>, into ids: inout [UInt32]) {
        work.encode(text, ignoringSpecial: ignoresSpecialTokens, into: &ids)
    }
}

/// An encoder's buffers and cache.
///
/// A structure, changed in one access a text: as members of the class each would be checked for exclusive access, and
/// its arrays retained, at every piece. That was a quarter of the time (Benchmarks/tokenization).
private struct EncodingWork {
    private let tokenizer: Tokenizer
    private let wholeWords: WholeWords?
    private let singleRule: PieceRule?
    private var ignoresSpecialTokens = false
    private var cache = PieceCache()
    private var merger = PieceMerger()
    private var output = IdentifierBuffer()
    private var rawStretches: [AddedTokenMatcher.Stretch] = []
    private var stretches: [AddedTokenMatcher.Stretch] = []
    private var normalized: [UInt8] = []
    private var prefixed: [UInt8] = []
    private let classes = PieceClassTable.shared.classes

    init(_ tokenizer: Tokenizer) {
        self.tokenizer = tokenizer
        wholeWords = tokenizer.wholeWords
        if tokenizer.splitters.count == 1, case .pieces(let rule) = tokenizer.splitters[0] {
            singleRule = rule
        } else {
            singleRule = nil
        }
    }

    mutating func encode(_ text: UnsafeBufferPointer<UInt8>, ignoringSpecial: Bool, into ids: inout [UInt32]) {
        ignoresSpecialTokens = ignoringSpecial
        output.removeAll()
        if tokenizer.rawMatcher.isEmpty {
            normalizeAndEncode(text)
        } else {
            tokenizer.rawMatcher.stretches(of: text, ignoringSpecial: ignoresSpecialTokens, into: &rawStretches)
            let found = rawStretches
            for stretch in found {
                if let token = stretch.token {
                    output.append(token)
                } else {
                    normalizeAndEncode(UnsafeBufferPointer(rebasing: text[stretch.range]))
                }
            }
        }
        ids.append(contentsOf: output.storage[..<output.count])
    }

    private mutating func normalizeAndEncode(_ text: UnsafeBufferPointer<UInt8>) {
        guard tokenizer.normalizesToNFC, !CanonicalComposition.isNormalized(text) else { return encodeNormalized(text) }
        normalized.removeAll(keepingCapacity: true)
        CanonicalComposition.append(text, to: &normalized)
        let composed = normalized
        composed.withUnsafeBufferPointer { encodeNormalized($0) }
    }

    private mutating func encodeNormalized(_ text: UnsafeBufferPointer<UInt8>) {
        guard !tokenizer.normalizedMatcher.isEmpty else { return encodePlain(text) }
        tokenizer.normalizedMatcher.stretches(of: text, ignoringSpecial: ignoresSpecialTokens, into: &stretches)
        let found = stretches
        for stretch in found {
            if let token = stretch.token {
                output.append(token)
            } else {
                encodePlain(UnsafeBufferPointer(rebasing: text[stretch.range]))
            }
        }
    }

    /// Encodes text without added tokens in it.
    private mutating func encodePlain(_ text: UnsafeBufferPointer<UInt8>) {
        if tokenizer.addsPrefixSpace, text.first != UInt8(ascii: " "), !text.isEmpty {
            prefixed.removeAll(keepingCapacity: true)
            prefixed.append(UInt8(ascii: " "))
            prefixed.append(contentsOf: text)
            let text = prefixed
            text.withUnsafeBufferPointer { encodePieces($0) }
        } else {
            encodePieces(text)
        }
    }

    private mutating func encodePieces(_ text: UnsafeBufferPointer<UInt8>) {
        classes.withUnsafeBufferPointer { classes in
            // The table is never empty.
            let scanner = PieceScanner(text: text, classes: classes.baseAddress.unsafelyUnwrapped)
            if let rule = singleRule {
                var position = 0
                while position < text.count {
                    let end = scanner.pieceEnd(rule, from: position, text.count)
                    encodePiece(text, position, end)
                    position = end
                }
            } else {
                split(scanner, 0..<text.count, by: tokenizer.splitters[...])
            }
        }
    }

    /// Cuts a range by the first splitter, and each of its pieces by the rest.
    private mutating func split(
        _ scanner: PieceScanner, _ range: Range<Int>, by splitters: ArraySlice<Tokenizer.Splitter>
    ) {
        guard let first = splitters.first else {
            if !range.isEmpty { encodePiece(scanner.text, range.lowerBound, range.upperBound) }
            return
        }
        let rest = splitters.dropFirst()
        var position = range.lowerBound
        while position < range.upperBound {
            let end: Int
            switch first {
            case .pieces(let rule): end = scanner.pieceEnd(rule, from: position, range.upperBound)
            case .digits(let individually):
                end = scanner.digitsEnd(position, range.upperBound, individually: individually)
            }
            split(scanner, position..<end, by: rest)
            position = end
        }
    }

    @inline(__always)
    private mutating func encodePiece(_ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int) {
        if end &- start <= PieceCache.pieceLimit {
            let key = PieceCache.Key(text, start, end)
            if cache.lookUp(key, text, start, into: &output) { return }
            encodeNewPiece(text, start, end, key)
        } else {
            encodeNewPiece(text, start, end, nil)
        }
    }

    @inline(never)
    private mutating func encodeNewPiece(
        _ text: UnsafeBufferPointer<UInt8>, _ start: Int, _ end: Int, _ key: PieceCache.Key?
    ) {
        let piece = UnsafeBufferPointer(rebasing: text[start..<end])
        if let id = wholeWords?.identifier(of: piece) {
            output.append(id)
            if let key { withUnsafePointer(to: id) { cache.insert(key, text, start, ids: .init(start: $0, count: 1)) } }
            return
        }
        merger.merge(piece, tokenizer)
        merger.symbols.withUnsafeBufferPointer { ids in
            output.append(ids)
            if let key { cache.insert(key, text, start, ids: ids) }
        }
    }
}

extension PieceScanner {
    /// The end of the digit (`individually`), the run of digits, or the run of anything else at a position.
    func digitsEnd(_ start: Int, _ end: Int, individually: Bool) -> Int {
        let number = PieceClass.number.rawValue
        let first = classify(start, end)
        var position = start + first.length
        if first.kind == number, individually { return position }
        while position < end {
            let next = classify(position, end)
            guard (next.kind == number) == (first.kind == number) else { break }
            position += next.length
        }
        return position
    }
}

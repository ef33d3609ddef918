import UnicodeText

/// A pattern that cuts text into the pieces within which tokens are merged.
///
/// Written by hand over bytes: each pattern is a choice of runs of one class, so that one look at a scalar's class says
/// which branch of the pattern applies, and no branch ever needs more than one step back.
enum PieceRule: Hashable, Sendable {
    /// GPT-2's: an optional space and a run of letters, digits or other characters; contractions apart.
    case gpt2
    /// GPT-4's `cl100k_base`: runs of at most `digits` digits, any one character before letters, line ends apart.
    case cl100k(digits: Int)

    static let gpt2Pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

    private static func cl100kPattern(digits: String) -> String {
        #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"# + digits
            + #"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    /// The pattern as tokenizer.json files write it.
    var pattern: String {
        switch self {
        case .gpt2: Self.gpt2Pattern
        case .cl100k(let digits): Self.cl100kPattern(digits: digits == 1 ? #"\p{N}"# : #"\p{N}{1,\#(digits)}"#)
        }
    }

    /// The rule of a pattern that is known; nil for others.
    init?(pattern: String) {
        let known: [PieceRule] = [.gpt2, .cl100k(digits: 3), .cl100k(digits: 1), .cl100k(digits: 2)]
        guard let rule = known.first(where: { $0.pattern == pattern }) else { return nil }
        self = rule
    }
}

/// Cuts text by a rule. Borrows the text and the class table; both must outlive it.
struct PieceScanner {
    let text: UnsafeBufferPointer<UInt8>
    /// `PieceClassTable.classes`: of length `PieceClassTable.limit`, which bounds the index before every look.
    let classes: UnsafePointer<UInt8>

    private static let letter = PieceClass.letter.rawValue
    private static let number = PieceClass.number.rawValue
    private static let space = PieceClass.space.rawValue
    private static let other = PieceClass.other.rawValue

    /// Class and length of the scalar at a position below `end`. Bytes that are not UTF-8 are one "other" each.
    @inline(__always)
    func classify(_ position: Int, _ end: Int) -> (kind: UInt8, length: Int) {
        let byte = text[position]
        if byte < 0x80 { return (classes[Int(byte)], 1) }
        return classifyWide(position, end)
    }

    @inline(never)
    private func classifyWide(_ position: Int, _ end: Int) -> (kind: UInt8, length: Int) {
        let decoded = UnsafeBufferPointer(rebasing: text[position..<end]).scalar(at: 0)
        let (scalar, length) = (decoded.value, decoded.length)
        if scalar < PieceClassTable.limit {
            // An ill-formed byte reads as U+FFFD, which is "other".
            return (classes[Int(scalar)], length)
        }
        return (Unicode.Scalar(scalar).map { PieceClass($0).rawValue } ?? Self.other, length)
    }

    /// The end of the run of one class that goes on at a position.
    @inline(__always)
    private func run(_ kind: UInt8, from start: Int, _ end: Int) -> Int {
        var position = start
        while position < end {
            let next = classify(position, end)
            guard next.kind == kind else { break }
            position &+= next.length
        }
        return position
    }

    /// Where the piece that starts at a position ends; always beyond `start`, for `start` below `end`.
    @inline(__always)
    func pieceEnd(_ rule: PieceRule, from start: Int, _ end: Int) -> Int {
        switch rule {
        case .gpt2: gpt2(start, end)
        case .cl100k(let digits): cl100k(start, end, digits: digits)
        }
    }

    @inline(__always)
    private func gpt2(_ start: Int, _ end: Int) -> Int {
        let byte = text[start]
        if byte == UInt8(ascii: "'") {
            let contraction = contractionEnd(start, end)
            if contraction > start { return contraction }
        }
        var (kind, length) = classify(start, end)
        if byte == UInt8(ascii: " "), start &+ 1 < end {
            let next = classify(start &+ 1, end)
            if next.kind != Self.space {
                kind = next.kind
                length = 1 &+ next.length
            }
        }
        if kind != Self.space { return run(kind, from: start &+ length, end) }
        return spaceEnd(start, end)
    }

    /// `\s+(?!\S)|\s+`: all the white space at the end of the text, else all of it but the last character.
    private func spaceEnd(_ start: Int, _ end: Int) -> Int {
        var position = start
        var last = start
        while position < end {
            let next = classify(position, end)
            guard next.kind == Self.space else { break }
            last = position
            position &+= next.length
        }
        return position == end || last == start ? position : last
    }

    private func contractionEnd(_ start: Int, _ end: Int) -> Int {
        guard start + 1 < end else { return start }
        switch text[start + 1] {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"):
            return start + 2 < end && text[start + 2] == UInt8(ascii: "e") ? start + 3 : start
        case UInt8(ascii: "l"): return start + 2 < end && text[start + 2] == UInt8(ascii: "l") ? start + 3 : start
        default: return start
        }
    }

    // MARK: cl100k

    private func cl100k(_ start: Int, _ end: Int, digits: Int) -> Int {
        let byte = text[start]
        if byte == UInt8(ascii: "'") {
            let contraction = foldedContractionEnd(start, end)
            if contraction > start { return contraction }
        }
        let (kind, length) = classify(start, end)
        if kind == Self.letter { return run(Self.letter, from: start + length, end) }
        if kind == Self.number {
            var position = start + length
            for _ in 1..<max(digits, 1) {
                guard position < end else { break }
                let next = classify(position, end)
                guard next.kind == Self.number else { break }
                position += next.length
            }
            return position
        }
        let isLineEnd = byte == 0x0D || byte == 0x0A
        if !isLineEnd, start + length < end {
            let next = classify(start + length, end)
            if next.kind == Self.letter { return run(Self.letter, from: start + length + next.length, end) }
            if byte == UInt8(ascii: " "), next.kind == Self.other {
                return lineEnds(run(Self.other, from: start + length, end), end)
            }
        }
        if kind == Self.other { return lineEnds(run(Self.other, from: start, end), end) }
        let spaces = run(Self.space, from: start, end)
        var position = spaces
        while position > start {
            if text[position - 1] == 0x0D || text[position - 1] == 0x0A { return position }
            position -= 1
        }
        return spaceEnd(start, end)
    }

    private func lineEnds(_ start: Int, _ end: Int) -> Int {
        var position = start
        while position < end, text[position] == 0x0D || text[position] == 0x0A { position += 1 }
        return position
    }

    /// Contractions in any case; U+017F is the long s, which folds to `s`.
    private func foldedContractionEnd(_ start: Int, _ end: Int) -> Int {
        guard start + 1 < end else { return start }
        if text[start + 1] == 0xC5, start + 2 < end, text[start + 2] == 0xBF { return start + 3 }
        let second = start + 2 < end ? text[start + 2] | 0x20 : 0
        switch text[start + 1] | 0x20 {
        case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 2
        case UInt8(ascii: "r"), UInt8(ascii: "v"): return second == UInt8(ascii: "e") ? start + 3 : start
        case UInt8(ascii: "l"): return second == UInt8(ascii: "l") ? start + 3 : start
        default: return start
        }
    }
}

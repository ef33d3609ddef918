import UnicodeText

/// A set of scalars in a pattern: `.`, `\d`, `[a-z]`, one scalar.
struct ScalarSet: Sendable {
    var ranges: [ClosedRange<UInt32>] = []
    /// `\w \d \s`, and their opposites.
    var classes: [Shorthand] = []
    var isNegated = false
    var ignoresCase = false
    /// The answers below U+0080, made when the pattern is compiled.
    private(set) var ascii: (UInt64, UInt64) = (0, 0)

    enum Shorthand: Sendable { case word, digit, space, notWord, notDigit, notSpace }

    mutating func seal() {
        ascii = (0, 0)
        for scalar in UInt32(0)..<0x80 where decides(scalar) {
            if scalar < 64 { ascii.0 |= 1 << scalar } else { ascii.1 |= 1 << (scalar - 64) }
        }
    }

    @inline(__always)
    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return ascii.0 >> scalar & 1 == 1 }
        if scalar < 128 { return ascii.1 >> (scalar - 64) & 1 == 1 }
        return decides(scalar)
    }

    private func decides(_ scalar: UInt32) -> Bool { holds(scalar) != isNegated }

    private func holds(_ scalar: UInt32) -> Bool {
        if listed(scalar) { return true }
        guard ignoresCase, let known = Unicode.Scalar(scalar) else { return false }
        let folded = CaseFold.fold(scalar)
        if listed(folded) { return true }
        let upper = known.properties.uppercaseMapping.unicodeScalars
        if upper.count == 1, let first = upper.first, listed(first.value) { return true }
        // A set such as [k] also holds the Kelvin sign's fold, and the other way about.
        return ranges.contains { $0.count == 1 && CaseFold.fold($0.lowerBound) == folded }
    }

    private func listed(_ scalar: UInt32) -> Bool {
        for range in ranges where range.contains(scalar) { return true }
        let text = PythonRules.text
        for shorthand in classes {
            let holds =
                switch shorthand {
                case .word: text.isWord(scalar)
                case .notWord: !text.isWord(scalar)
                case .digit: text.classes[scalar].contains(.decimal)
                case .notDigit: !text.classes[scalar].contains(.decimal)
                case .space: text.isSpace(scalar)
                case .notSpace: !text.isSpace(scalar)
                }
            if holds { return true }
        }
        return false
    }
}

/// One instruction of a compiled pattern.
enum PatternInstruction: Sendable {
    /// A scalar; folded where the pattern ignores case.
    case scalar(UInt32)
    case set(Int)
    /// A run of scalars of a set: greedy takes as many as it can first.
    case run(set: Int, minimum: Int, maximum: Int, isGreedy: Bool)
    case jump(Int)
    /// Tries the first target, then the second.
    case split(Int, Int)
    case save(Int)
    /// Fails where a loop's body took nothing since the slot was set.
    case progress(slot: Int)
    case textStart
    case lineStart
    case textEnd
    case lineEnd
    case veryEnd
    case wordBoundary
    case notWordBoundary
    /// `(?=…)`, `(?!…)`: the body follows, up to `end`.
    case look(isNegated: Bool, end: Int)
    /// Ends a match, or a look-ahead's body.
    case accept
}

/// A regular expression of Python's `re` (a subset), compiled.
///
/// Understood: literals, `.`, sets, `\w \W \d \D \s \S \b \B \A \Z`, groups with and without capture, `|`,
/// `* + ? {m,n}` greedy and lazy, `^ $`, look-ahead. Not understood, and refused when the pattern is read:
/// back-references, look-behind, possessive and conditional forms, inline flags.
struct Pattern: Sendable {
    struct Options: OptionSet, Sendable {
        let rawValue: Int
        static let ignoresCase = Options(rawValue: 1)
        static let multiline = Options(rawValue: 2)
        static let dotMatchesAll = Options(rawValue: 4)
    }

    var instructions: [PatternInstruction] = []
    var sets: [ScalarSet] = []
    /// Captures, the whole match included.
    var groups = 1
    /// Slots in all: two a group, one a loop.
    var slots = 2
    let ignoresCase: Bool
    /// Which bytes a match can start with; nil where it can be empty.
    private(set) var firstBytes: [Bool]?

    /// - Throws: `PatternError`.
    init(_ source: String, _ options: Options = []) throws(PatternError) {
        ignoresCase = options.contains(.ignoresCase)
        var parser = PatternParser(source, options)
        let node = try parser.parse()
        groups = parser.groups
        slots = groups * 2
        var compiler = PatternCompiler(slots: slots, options: options)
        compiler.emit(.save(0))
        try compiler.compile(node)
        compiler.emit(.save(1))
        compiler.emit(.accept)
        instructions = compiler.instructions
        sets = compiler.sets
        slots = compiler.slots
        firstBytes = startBytes()
    }

    /// Follows the program up to its first scalars.
    private func startBytes() -> [Bool]? {
        var bytes = [Bool](repeating: false, count: 256)
        var seen = Set<Int>()
        var pending = [0]
        func add(_ set: (UInt32) -> Bool) {
            for byte in UInt32(0)..<0x80 where set(byte) { bytes[Int(byte)] = true }
            // Beyond ASCII every lead byte may do.
            for byte in 0x80..<0x100 { bytes[byte] = true }
        }
        while let pc = pending.popLast() {
            guard seen.insert(pc).inserted else { continue }
            switch instructions[pc] {
            case .scalar(let scalar):
                add { ignoresCase ? CaseFold.fold($0) == scalar : $0 == scalar }
            case .set(let index): add(sets[index].contains)
            case .run(let index, let minimum, _, _):
                add(sets[index].contains)
                if minimum == 0 { pending.append(pc + 1) }
            case .jump(let target): pending.append(target)
            case .split(let first, let second): pending += [first, second]
            case .look(_, let end): pending.append(end)
            case .accept: return nil
            case .save, .progress, .textStart, .lineStart, .textEnd, .lineEnd, .veryEnd, .wordBoundary,
                .notWordBoundary:
                pending.append(pc + 1)
            }
        }
        return bytes
    }
}

/// Why a pattern can't be read.
struct PatternError: Error {
    let reason: String
}

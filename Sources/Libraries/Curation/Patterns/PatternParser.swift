/// A pattern as a tree.
indirect enum PatternNode {
    case empty
    case scalar(UInt32)
    case set(ScalarSet)
    case sequence([PatternNode])
    case alternatives([PatternNode])
    case group(PatternNode, index: Int?)
    case repeated(PatternNode, minimum: Int, maximum: Int, isGreedy: Bool)
    case assertion(PatternInstruction)
    case look(PatternNode, isNegated: Bool)
}

/// Reads Python's regular expressions by recursive descent, limited in depth and in repeat counts.
struct PatternParser {
    static let depthLimit = 100
    static let repeatLimit = 1000

    private let scalars: [UInt32]
    private let options: Pattern.Options
    private var position = 0
    private var depth = 0
    private(set) var groups = 1

    init(_ source: String, _ options: Pattern.Options) {
        scalars = source.unicodeScalars.map(\.value)
        self.options = options
    }

    mutating func parse() throws(PatternError) -> PatternNode {
        let node = try alternatives()
        guard position == scalars.count else { throw PatternError(reason: "unbalanced parenthesis at \(position)") }
        return node
    }

    private var next: UInt32? { position < scalars.count ? scalars[position] : nil }

    private mutating func take(_ character: Character) -> Bool {
        guard let next, let value = character.unicodeScalars.first?.value, next == value else { return false }
        position += 1
        return true
    }

    private mutating func alternatives() throws(PatternError) -> PatternNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw PatternError(reason: "groups nest too deeply") }
        var branches = [try sequence()]
        while take("|") { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func sequence() throws(PatternError) -> PatternNode {
        var items: [PatternNode] = []
        while let scalar = next, scalar != 0x7C, scalar != 0x29 {
            let start = position
            let item = try atom()
            items.append(try quantified(item, from: start))
        }
        return items.count == 1 ? items[0] : .sequence(items)
    }

    private mutating func quantified(_ item: PatternNode, from start: Int) throws(PatternError) -> PatternNode {
        guard let (minimum, maximum) = try quantifier() else { return item }
        if case .assertion = item { throw PatternError(reason: "nothing to repeat at \(start)") }
        var greedy = true
        if take("?") { greedy = false } else if take("+") { throw PatternError(reason: "possessive repeats") }
        if let next, next == 0x2A || next == 0x3F || next == 0x2B {
            throw PatternError(reason: "multiple repeat at \(position)")
        }
        return .repeated(item, minimum: minimum, maximum: maximum, isGreedy: greedy)
    }

    /// `*`, `+`, `?`, `{m}`, `{m,}`, `{,n}`, `{m,n}`; a brace that is none of these is a literal.
    private mutating func quantifier() throws(PatternError) -> (Int, Int)? {
        if take("*") { return (0, .max) }
        if take("+") { return (1, .max) }
        if take("?") { return (0, 1) }
        guard next == 0x7B else { return nil }
        let start = position
        position += 1
        let minimum = try count()
        var maximum = minimum
        let hasComma = take(",")
        if hasComma { maximum = try count() }
        guard take("}"), minimum != nil || hasComma else {
            position = start
            return nil
        }
        let low = minimum ?? 0
        let high = maximum ?? .max
        guard low <= high else { throw PatternError(reason: "the repeat's minimum exceeds its maximum") }
        return (low, high)
    }

    private mutating func count() throws(PatternError) -> Int? {
        var value: Int?
        while let digit = next, 0x30...0x39 ~= digit {
            value = (value ?? 0) * 10 + Int(digit - 0x30)
            guard value ?? 0 <= Self.repeatLimit else {
                throw PatternError(reason: "repeats beyond \(Self.repeatLimit)")
            }
            position += 1
        }
        return value
    }

    private mutating func atom() throws(PatternError) -> PatternNode {
        guard let scalar = next else { return .empty }
        position += 1
        switch scalar {
        case 0x2E:  // .
            var set = ScalarSet()
            if !options.contains(.dotMatchesAll) { set.ranges = [0x0A...0x0A] }
            set.isNegated = true
            return .set(set)
        case 0x5E: return .assertion(options.contains(.multiline) ? .lineStart : .textStart)
        case 0x24: return .assertion(options.contains(.multiline) ? .lineEnd : .textEnd)
        case 0x28: return try group()
        case 0x5B: return .set(try set())
        case 0x5C: return try escape()
        case 0x2A, 0x2B, 0x3F: throw PatternError(reason: "nothing to repeat at \(position - 1)")
        default: return .scalar(scalar)
        }
    }

    private mutating func group() throws(PatternError) -> PatternNode {
        var index: Int?
        var look: Bool?
        if take("?") {
            if take("=") {
                look = false
            } else if take("!") {
                look = true
            } else if !take(":") {
                throw PatternError(reason: "the group form at \(position - 2) is not supported")
            }
        } else {
            index = groups
            groups += 1
        }
        let body = try alternatives()
        guard take(")") else { throw PatternError(reason: "missing ), unterminated group") }
        if let look { return .look(body, isNegated: look) }
        return .group(body, index: index)
    }

    private mutating func escape() throws(PatternError) -> PatternNode {
        guard let scalar = next else { throw PatternError(reason: "the pattern ends in a backslash") }
        switch scalar {
        case 0x62:
            position += 1
            return .assertion(.wordBoundary)
        case 0x42:
            position += 1
            return .assertion(.notWordBoundary)
        case 0x41:
            position += 1
            return .assertion(.textStart)
        case 0x5A:
            position += 1
            return .assertion(.veryEnd)
        case 0x31...0x39: throw PatternError(reason: "back-references are not supported")
        default: break
        }
        if let shorthand = Self.shorthand(scalar) {
            position += 1
            return .set(ScalarSet(classes: [shorthand]))
        }
        return .scalar(try escapedScalar())
    }

    private static func shorthand(_ scalar: UInt32) -> ScalarSet.Shorthand? {
        switch scalar {
        case 0x77: .word
        case 0x57: .notWord
        case 0x64: .digit
        case 0x44: .notDigit
        case 0x73: .space
        case 0x53: .notSpace
        default: nil
        }
    }

    /// What stands after a backslash, as one scalar.
    private mutating func escapedScalar() throws(PatternError) -> UInt32 {
        guard let scalar = next else { throw PatternError(reason: "the pattern ends in a backslash") }
        position += 1
        switch scalar {
        case 0x6E: return 0x0A
        case 0x72: return 0x0D
        case 0x74: return 0x09
        case 0x76: return 0x0B
        case 0x66: return 0x0C
        case 0x61: return 0x07
        case 0x30: return 0
        case 0x78: return try hexadecimal(2)
        case 0x75: return try hexadecimal(4)
        case 0x55: return try hexadecimal(8)
        case 0x41...0x5A, 0x61...0x7A: throw PatternError(reason: "bad escape at \(position - 2)")
        default: return scalar
        }
    }

    private mutating func hexadecimal(_ digits: Int) throws(PatternError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<digits {
            guard let scalar = next, let known = Unicode.Scalar(scalar), let digit = Character(known).hexDigitValue,
                value < 0x1000_0000
            else { throw PatternError(reason: "incomplete escape at \(position)") }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    private mutating func set() throws(PatternError) -> ScalarSet {
        var set = ScalarSet()
        set.isNegated = take("^")
        var isFirst = true
        while isFirst || next != 0x5D {
            isFirst = false
            guard let low = try setMember(&set) else { continue }
            guard next == 0x2D, position + 1 < scalars.count, scalars[position + 1] != 0x5D else {
                set.ranges.append(low...low)
                continue
            }
            position += 1
            guard let high = try setMember(&set), low <= high else {
                throw PatternError(reason: "bad character range at \(position)")
            }
            set.ranges.append(low...high)
        }
        position += 1
        return set
    }

    /// One scalar of a set; nil where it was a shorthand, which is added.
    private mutating func setMember(_ set: inout ScalarSet) throws(PatternError) -> UInt32? {
        guard let scalar = next else { throw PatternError(reason: "unterminated character set") }
        position += 1
        guard scalar == 0x5C else { return scalar }
        if let next, let shorthand = Self.shorthand(next) {
            position += 1
            set.classes.append(shorthand)
            return nil
        }
        if next == 0x62 {
            position += 1
            return 0x08
        }
        return try escapedScalar()
    }
}

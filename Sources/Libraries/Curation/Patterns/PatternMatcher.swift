import UnicodeText

/// Runs patterns over UTF-8 by back-tracking with a stack of its own, as Python's `re` decides: leftmost, first
/// alternative first. Buffers are reused from search to search.
///
/// Not thread-safe: one matcher a call of a step.
struct PatternMatcher {
    /// Steps allowed a page; a pattern that needs more is hostile or badly written.
    static let stepLimit = 200_000_000

    private struct Choice {
        enum Kind { case jump, restore, shorten, lengthen }
        var kind: Kind
        /// The instruction to go on with, or the slot to restore.
        var target: Int
        var position: Int
        /// `shorten`: the least position. `lengthen`: how many scalars more may be taken. `restore`: unused.
        var bound: Int
        /// The set of a run.
        var set: Int
    }

    private var stack: [Choice] = []
    private(set) var slots: [Int] = []
    private var steps = 0
    private let text = PythonRules.text

    /// The leftmost match that starts at or after a byte.
    ///
    /// - Returns: its range; captures are in `slots`.
    /// - Throws: `PatternTooCostly`.
    mutating func search(
        _ pattern: Pattern, _ bytes: Span<UInt8>, _ range: Range<Int>, from start: Int
    ) throws(PatternTooCostly) -> Range<Int>? {
        var position = start
        while position <= range.upperBound {
            if let first = pattern.firstBytes {
                while position < range.upperBound, !first[Int(bytes[position])] { position += 1 }
                if position == range.upperBound { return nil }
            }
            if position == range.upperBound || bytes[position] & 0xC0 != 0x80 {
                if let end = try match(pattern, bytes, range, at: position) { return position..<end }
            }
            position += 1
        }
        return nil
    }

    /// The end of the match at a byte; nil where there is none.
    mutating func match(
        _ pattern: Pattern, _ bytes: Span<UInt8>, _ range: Range<Int>, at start: Int
    ) throws(PatternTooCostly) -> Int? {
        if slots.count != pattern.slots { slots = [Int](repeating: -1, count: pattern.slots) }
        for index in slots.indices { slots[index] = -1 }
        stack.removeAll(keepingCapacity: true)
        return try run(pattern, bytes, range, from: 0, at: start, floor: 0)
    }

    private mutating func run(
        _ pattern: Pattern, _ bytes: Span<UInt8>, _ range: Range<Int>, from first: Int, at start: Int, floor: Int
    ) throws(PatternTooCostly) -> Int? {
        var pc = first
        var position = start
        while true {
            steps += 1
            guard steps < Self.stepLimit else { throw PatternTooCostly() }
            var holds = true
            switch pattern.instructions[pc] {
            case .scalar(let wanted):
                if position < range.upperBound {
                    let scalar = bytes.scalar(at: position)
                    holds = (pattern.ignoresCase ? CaseFold.fold(scalar.value) : scalar.value) == wanted
                    position += scalar.length
                } else {
                    holds = false
                }
            case .set(let index):
                if position < range.upperBound {
                    let scalar = bytes.scalar(at: position)
                    holds = pattern.sets[index].contains(scalar.value)
                    position += scalar.length
                } else {
                    holds = false
                }
            case .run(let set, let minimum, let maximum, let isGreedy):
                holds = run(pattern.sets[set], set, minimum, maximum, isGreedy, bytes, range, pc, &position)
            case .jump(let target):
                pc = target
                continue
            case .split(let one, let other):
                stack.append(Choice(kind: .jump, target: other, position: position, bound: 0, set: 0))
                pc = one
                continue
            case .save(let slot):
                stack.append(Choice(kind: .restore, target: slot, position: slots[slot], bound: 0, set: 0))
                slots[slot] = position
            case .progress(let slot): holds = slots[slot] != position
            case .textStart: holds = position == range.lowerBound
            case .lineStart: holds = position == range.lowerBound || bytes[position - 1] == 0x0A
            case .textEnd:
                holds =
                    position == range.upperBound
                    || (position == range.upperBound - 1 && bytes[position] == 0x0A)
            case .lineEnd: holds = position == range.upperBound || bytes[position] == 0x0A
            case .veryEnd: holds = position == range.upperBound
            case .wordBoundary: holds = isBoundary(bytes, range, position)
            case .notWordBoundary: holds = !isBoundary(bytes, range, position)
            case .look(let isNegated, let end):
                let depth = stack.count
                let found = try run(pattern, bytes, range, from: pc + 1, at: position, floor: depth) != nil
                // What the body left to try is dropped; the captures it set stay where it matched.
                stack.removeLast(stack.count - depth)
                holds = found != isNegated
                if holds {
                    pc = end
                    continue
                }
            case .accept: return position
            }
            if holds {
                pc += 1
                continue
            }
            guard backtrack(pattern, bytes, range, floor, &pc, &position) else { return nil }
        }
    }

    /// Takes a run of scalars, and remembers how else it could end.
    @inline(__always)
    private mutating func run(
        _ members: ScalarSet, _ set: Int, _ minimum: Int, _ maximum: Int, _ isGreedy: Bool, _ bytes: Span<UInt8>,
        _ range: Range<Int>, _ pc: Int, _ position: inout Int
    ) -> Bool {
        var taken = 0
        var least = position
        let wanted = isGreedy ? maximum : minimum
        while taken < wanted, position < range.upperBound {
            let scalar = bytes.scalar(at: position)
            guard members.contains(scalar.value) else { break }
            position += scalar.length
            taken += 1
            if taken == minimum { least = position }
        }
        guard taken >= minimum else { return false }
        if isGreedy {
            if position > least {
                stack.append(Choice(kind: .shorten, target: pc + 1, position: position, bound: least, set: set))
            }
        } else if maximum > minimum {
            stack.append(
                Choice(kind: .lengthen, target: pc + 1, position: position, bound: maximum - minimum, set: set))
        }
        return true
    }

    private mutating func backtrack(
        _ pattern: Pattern, _ bytes: Span<UInt8>, _ range: Range<Int>, _ floor: Int, _ pc: inout Int,
        _ position: inout Int
    ) -> Bool {
        while stack.count > floor, let choice = stack.popLast() {
            switch choice.kind {
            case .restore: slots[choice.target] = choice.position
            case .jump:
                pc = choice.target
                position = choice.position
                return true
            case .shorten:
                let shorter = choice.position - bytes.scalar(before: choice.position).length
                if shorter > choice.bound {
                    var rest = choice
                    rest.position = shorter
                    stack.append(rest)
                }
                pc = choice.target
                position = shorter
                return true
            case .lengthen:
                guard choice.position < range.upperBound else { continue }
                let scalar = bytes.scalar(at: choice.position)
                guard pattern.sets[choice.set].contains(scalar.value) else { continue }
                var rest = choice
                rest.position += scalar.length
                rest.bound = choice.bound == .max ? .max : choice.bound - 1
                if rest.bound > 0 { stack.append(rest) }
                pc = choice.target
                position = rest.position
                return true
            }
        }
        return false
    }

    private func isBoundary(_ bytes: Span<UInt8>, _ range: Range<Int>, _ position: Int) -> Bool {
        text.isBoundary(bytes, range, at: position)
    }
}

/// A pattern needed more than `PatternMatcher.stepLimit` steps.
struct PatternTooCostly: Error {}

extension PythonText {
    /// `\b`: a word character on one side only.
    func isBoundary(_ bytes: Span<UInt8>, _ range: Range<Int>, at position: Int) -> Bool {
        let before = position > range.lowerBound && isWord(bytes.scalar(before: position).value)
        let after = position < range.upperBound && isWord(bytes.scalar(at: position).value)
        return before != after
    }
}

extension Pattern {
    /// Python's `sub` with a fixed replacement: captures can't be named, but one can be put back.
    ///
    /// - Parameter group: the capture that replaces the match; nil deletes it.
    /// - Returns: the new text; nil where nothing matched.
    func deleting(
        in bytes: Span<UInt8>, _ range: Range<Int>, keeping group: Int? = nil, with matcher: inout PatternMatcher
    ) throws(PatternTooCostly) -> [UInt8]? {
        var output: [UInt8] = []
        var pending = range.lowerBound
        var position = range.lowerBound
        var found = false
        while position <= range.upperBound, let match = try matcher.search(self, bytes, range, from: position) {
            found = true
            output.append(bytes, pending..<match.lowerBound)
            if let group, matcher.slots[group * 2] >= 0 {
                output.append(bytes, matcher.slots[group * 2]..<matcher.slots[group * 2 + 1])
            }
            pending = match.upperBound
            position = match.isEmpty ? match.upperBound + 1 : match.upperBound
        }
        guard found else { return nil }
        output.append(bytes, pending..<range.upperBound)
        return output
    }
}

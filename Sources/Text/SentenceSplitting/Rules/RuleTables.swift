import Files

/// Sentence rules as a finite automaton over classes of characters.
///
/// The file (`Scripts/convert-sentence-rules` writes it) is little-endian: `apussent`; eight 32-bit numbers (columns,
/// states, actions, class changes, functions, greatest depth, longest match, 0); the class changes as pairs of the first
/// character and its class; the first state of each function, 65 535 for none; the actions as left and right context,
/// tag, number of functions called and these; the action of each state or −1; and the moves, states × columns in 16
/// bits, 65 535 for none. The last two columns are the text's start and end. A move that the rules allow for any
/// character stands in every column that has none of its own.
public struct RuleTables: Sendable {
    /// What is done where the rules match.
    struct Action: Sendable {
        var left: Int
        var right: Int
        /// Whether a sentence ends here.
        var ends: Bool
        var functions: [Int]
    }

    static let none: UInt16 = 65_535

    let columns: Int
    let moves: [UInt16]
    /// By state; −1 where the rules do not end.
    let actionOfState: [Int32]
    let actions: [Action]
    let functionStarts: [UInt16]
    let deepest: Int
    let longest: Int
    /// Classes of the characters below U+10000, then the changes above.
    let classes: [UInt8]
    let changes: [(first: UInt32, value: UInt8)]

    var startColumn: Int { columns - 2 }
    var endColumn: Int { columns - 1 }

    /// - Throws: `SentenceError`. The file is checked: no move, action or function leads out of the tables.
    public init(contentsOf file: String) throws(SentenceError) {
        let bytes: [UInt8]
        do { bytes = try FileReader.bytes(of: file) } catch { throw .file(error) }
        try self.init(bytes, file: file)
    }

    init(_ bytes: [UInt8], file: String) throws(SentenceError) {
        guard bytes.starts(with: "apussent".utf8) else { throw .notRules(file: file) }
        var reader = RuleReader(bytes, file: file, offset: 8)
        let columns = try reader.number(in: 3...255, "columns")
        let states = try reader.number(in: 1...65_534, "states")
        let actionCount = try reader.number(in: 1...65_535, "actions")
        let changeCount = try reader.number(in: 1...0x110000, "class changes")
        let functionCount = try reader.number(in: 1...65_535, "functions")
        deepest = try reader.number(in: 0...16, "depth")
        longest = try reader.number(in: 1...100_000, "longest match")
        _ = try reader.number(in: 0...0, "reserved number")

        var changes: [(first: UInt32, value: UInt8)] = []
        for _ in 0..<changeCount {
            let first = try reader.number(in: 0...0x10FFFF, "character")
            let value = try reader.number(in: 0...columns - 3, "class")
            if let last = changes.last, UInt32(first) <= last.first {
                throw reader.damaged("class changes are out of order")
            }
            changes.append((UInt32(first), UInt8(value)))
        }
        guard changes[0].first == 0 else { throw reader.damaged("the first class does not begin at 0") }
        functionStarts = try reader.halves(functionCount, below: states, bytes: 4)
        guard functionStarts[0] != Self.none else { throw reader.damaged("the rules have no start") }
        var actions: [Action] = []
        for _ in 0..<actionCount {
            let left = try reader.number(in: -65_535...65_535, "context")
            let right = try reader.number(in: -65_535...65_535, "context")
            let tag = try reader.number(in: 0...65_535, "tag")
            let count = try reader.number(in: 0...64, "calls")
            var functions: [Int] = []
            for _ in 0..<count {
                let function = try reader.number(in: 0...functionCount - 1, "function")
                guard functionStarts[function] != Self.none else { throw reader.damaged("a function has no start") }
                functions.append(function)
            }
            actions.append(Action(left: left, right: right, ends: tag != 0, functions: functions))
        }
        var actionOfState: [Int32] = []
        for _ in 0..<states {
            actionOfState.append(Int32(truncatingIfNeeded: try reader.number(in: -1...actionCount - 1, "action")))
        }
        moves = try reader.halves(states * columns, below: states, bytes: 2)
        self.columns = columns
        self.actions = actions
        self.actionOfState = actionOfState
        var classes = [UInt8](repeating: 0, count: 0x10000)
        for (index, change) in changes.enumerated() {
            let end: UInt32 = index + 1 < changes.count ? changes[index + 1].first : 0x10000
            for character in min(change.first, 0x10000 as UInt32)..<min(end, 0x10000 as UInt32) {
                classes[Int(character)] = change.value
            }
        }
        // Without NUL: the rules see a space there.
        classes[0] = classes[0x20]
        self.classes = classes
        let above = changes.firstIndex { $0.first >= 0x10000 } ?? changes.count
        self.changes = [(first: UInt32(0x10000), value: changes[max(above - 1, 0)].value)] + changes[above...]
    }

    /// The class of a scalar.
    @inline(__always)
    func value(_ scalar: UInt32) -> UInt8 {
        scalar < 0x10000 ? classes[Int(scalar)] : above(scalar)
    }

    private func above(_ scalar: UInt32) -> UInt8 {
        var (low, high) = (0, changes.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if changes[middle].first <= scalar { low = middle } else { high = middle }
        }
        return changes[low].value
    }
}

/// Reads the numbers of a rule file, each checked against its bounds.
private struct RuleReader {
    let bytes: [UInt8]
    let file: String
    var offset: Int

    init(_ bytes: [UInt8], file: String, offset: Int) {
        self.bytes = bytes
        self.file = file
        self.offset = offset
    }

    func damaged(_ reason: String) -> SentenceError { .damagedRules(file: file, offset: offset, reason: reason) }

    mutating func number(in range: ClosedRange<Int>, _ what: String) throws(SentenceError) -> Int {
        guard bytes.count - offset >= 4 else { throw damaged("it ends inside the \(what)") }
        let value = bytes.withUnsafeBytes {
            Int(Int32(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Int32.self)))
        }
        guard range.contains(value) else {
            throw damaged("\(what) \(value) is outside \(range.lowerBound)…\(range.upperBound)")
        }
        offset += 4
        return value
    }

    /// State numbers, stored in two or four bytes each.
    mutating func halves(_ count: Int, below limit: Int, bytes width: Int) throws(SentenceError) -> [UInt16] {
        guard count <= (bytes.count - offset) / width else { throw damaged("it ends inside the states") }
        var values: [UInt16] = []
        values.reserveCapacity(count)
        for _ in 0..<count {
            let value = UInt16(bytes[offset]) | UInt16(bytes[offset + 1]) << 8
            let isZero = width == 2 || bytes[offset + 2] == 0 && bytes[offset + 3] == 0
            guard isZero, value == RuleTables.none || Int(value) < limit else {
                throw damaged("a move leads to no state")
            }
            values.append(value)
            offset += width
        }
        return values
    }
}

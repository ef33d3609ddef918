import UnicodeText

/// Runs sentence rules over a text.
///
/// At every place the automaton looks for its longest match. A match ends a sentence, or hands its text to other rules
/// that may find ends inside it.
struct RuleSplitter {
    private let tables: RuleTables

    init(_ tables: RuleTables) { self.tables = tables }

    func sentences(_ bytes: Span<UInt8>) -> [Range<Int>] {
        // As in the reference, a byte-order mark at the start belongs to no sentence.
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF], at: 0) ? 3 : 0
        guard start < bytes.count else { return [] }
        let ends = sentenceEnds(classes(bytes, from: start))
        var sentences: [Range<Int>] = []
        var (character, position, from) = (0, start, start)
        for end in ends {
            while character <= end, position < bytes.count {
                position += bytes.scalar(at: position).length
                character += 1
            }
            let first = Self.skipBlank(bytes, from..<max(from, position))
            if first < position { sentences.append(first..<position) }
            from = max(from, position)
        }
        let first = Self.skipBlank(bytes, from..<bytes.count)
        if first < bytes.count { sentences.append(first..<bytes.count) }
        return sentences.isEmpty ? Self.wholeOrFirst(bytes) : sentences
    }

    /// Without a sentence the reference's wrapper still reports one: the first character, where that is one byte long,
    /// else all.
    private static func wholeOrFirst(_ bytes: Span<UInt8>) -> [Range<Int>] {
        guard !bytes.isEmpty else { return [] }
        return [0..<(bytes[0] < 0x80 ? 1 : bytes.count)]
    }

    private func classes(_ bytes: Span<UInt8>, from start: Int) -> [UInt8] {
        var classes: [UInt8] = []
        classes.reserveCapacity(bytes.count - start)
        var position = start
        while position < bytes.count {
            let scalar = bytes.scalar(at: position)
            classes.append(tables.value(scalar.value))
            position += scalar.length
        }
        return classes
    }

    /// Behind what the reference trims from the start of a sentence.
    private static func skipBlank(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var position = range.lowerBound
        while position < range.upperBound {
            let scalar = bytes.scalar(at: position)
            switch scalar.value {
            case 0...0x20, 0xA0, 0x2000...0x200F, 0x202F, 0x205F, 0x2060, 0x2420, 0x2424, 0x3000, 0xFEFF: break
            default: return position
            }
            position += scalar.length
        }
        return range.upperBound
    }

    /// The numbers of the characters that end sentences, ascending but for what functions find.
    private func sentenceEnds(_ classes: [UInt8]) -> [Int] {
        var ends: [Int] = []
        classes.withUnsafeBufferPointer { classes in
            tables.moves.withUnsafeBufferPointer { moves in
                tables.actionOfState.withUnsafeBufferPointer { actions in
                    // States in `moves` are below the number of states and classes below that of columns, as checked
                    // when the tables were read; positions stay inside `range`, which is inside the text.
                    run(Automaton(classes: classes, moves: moves, actions: actions), .init(0..<classes.count), &ends)
                }
            }
        }
        return ends
    }

    private struct Automaton {
        let classes: UnsafeBufferPointer<UInt8>
        let moves: UnsafeBufferPointer<UInt16>
        let actions: UnsafeBufferPointer<Int32>
    }

    /// A call of rules on a part of the text.
    private struct Call {
        var range: Range<Int>
        var function = 0
        var depth = 1
        /// Whether the first match is the last.
        var once = false

        init(_ range: Range<Int>) { self.range = range }
    }

    private func run(_ automaton: Automaton, _ call: Call, _ ends: inout [Int]) {
        let range = call.range
        guard call.depth <= tables.deepest, !range.isEmpty else { return }
        let initial = Int(tables.functionStarts[call.function])
        var from = range.lowerBound - 1
        while from < range.upperBound {
            guard let match = longestMatch(automaton, range, from, initial) else {
                from += 1
                continue
            }
            let action = tables.actions[match.action]
            let first = min(max(from + action.left, range.lowerBound), range.upperBound - 1)
            let last = min(max(match.end - action.right, range.lowerBound), range.upperBound - 1)
            if action.ends { ends.append(last) }
            var start = first
            for function in action.functions {
                guard start <= last else { break }
                var inner = Call(start..<last + 1)
                inner.function = function
                inner.depth = call.depth + 1
                inner.once = function != 0 && action.functions.count > 1
                let before = ends.count
                run(automaton, inner, &ends)
                if ends.count > before { start = ends[ends.count - 1] + 1 }
            }
            if call.once { return }
            from = max(from, match.end - action.right) + 1
        }
    }

    /// - Parameter from: one before the range where the match begins with the text's start.
    @inline(__always)
    private func longestMatch(
        _ automaton: Automaton, _ range: Range<Int>, _ from: Int, _ initial: Int
    ) -> (end: Int, action: Int)? {
        let columns = tables.columns
        var state = initial
        var position = from
        let bound = min(range.upperBound, from + tables.longest)
        if position < range.lowerBound {
            let next = automaton.moves[state * columns + tables.startColumn]
            guard next != RuleTables.none else { return nil }
            state = Int(next)
            position += 1
        }
        var found: (end: Int, action: Int)?
        while position < bound {
            let next = automaton.moves[state * columns + Int(automaton.classes[position])]
            guard next != RuleTables.none else { return found }
            state = Int(next)
            let action = automaton.actions[state]
            if action >= 0 { found = (position, Int(action)) }
            position += 1
        }
        if position == range.upperBound {
            let next = automaton.moves[state * columns + tables.endColumn]
            if next != RuleTables.none, automaton.actions[Int(next)] >= 0 {
                found = (position, Int(automaton.actions[Int(next)]))
            }
        }
        return found
    }
}

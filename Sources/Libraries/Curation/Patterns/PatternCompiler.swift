/// Turns a pattern's tree into instructions.
struct PatternCompiler {
    /// Counted repeats are written out; more instructions than this are refused.
    static let sizeLimit = 200_000

    private(set) var instructions: [PatternInstruction] = []
    private(set) var sets: [ScalarSet] = []
    private(set) var slots: Int
    private let options: Pattern.Options

    init(slots: Int, options: Pattern.Options) {
        self.slots = slots
        self.options = options
    }

    mutating func emit(_ instruction: PatternInstruction) { instructions.append(instruction) }

    private mutating func add(_ set: ScalarSet) -> Int {
        var set = set
        set.ignoresCase = options.contains(.ignoresCase)
        set.seal()
        sets.append(set)
        return sets.count - 1
    }

    mutating func compile(_ node: PatternNode) throws(PatternError) {
        guard instructions.count <= Self.sizeLimit else { throw PatternError(reason: "the pattern is too large") }
        switch node {
        case .empty: break
        case .scalar(let scalar):
            emit(.scalar(options.contains(.ignoresCase) ? CaseFold.fold(scalar) : scalar))
        case .set(let set): emit(.set(add(set)))
        case .sequence(let items): for item in items { try compile(item) }
        case .alternatives(let branches): try compile(alternatives: branches)
        case .group(let body, let index):
            if let index { emit(.save(index * 2)) }
            try compile(body)
            if let index { emit(.save(index * 2 + 1)) }
        case .assertion(let instruction): emit(instruction)
        case .look(let body, let isNegated):
            let start = instructions.count
            emit(.accept)
            try compile(body)
            emit(.accept)
            instructions[start] = .look(isNegated: isNegated, end: instructions.count)
        case .repeated(let body, let minimum, let maximum, let isGreedy):
            try compile(repeated: body, minimum, maximum, isGreedy)
        }
    }

    private mutating func compile(alternatives branches: [PatternNode]) throws(PatternError) {
        var exits: [Int] = []
        for (index, branch) in branches.enumerated() {
            guard index < branches.count - 1 else {
                try compile(branch)
                break
            }
            let fork = instructions.count
            emit(.accept)
            try compile(branch)
            exits.append(instructions.count)
            emit(.accept)
            instructions[fork] = .split(fork + 1, instructions.count)
        }
        for exit in exits { instructions[exit] = .jump(instructions.count) }
    }

    private mutating func compile(
        repeated body: PatternNode, _ minimum: Int, _ maximum: Int, _ isGreedy: Bool
    ) throws(PatternError) {
        if let set = single(body) {
            emit(.run(set: add(set), minimum: minimum, maximum: maximum, isGreedy: isGreedy))
            return
        }
        for _ in 0..<minimum { try compile(body) }
        guard maximum == .max else {
            // Each further turn is optional, and skips all that follow it.
            var forks: [Int] = []
            for _ in minimum..<maximum {
                forks.append(instructions.count)
                emit(.accept)
                try compile(body)
            }
            for fork in forks { instructions[fork] = split(fork + 1, instructions.count, isGreedy) }
            return
        }
        let slot = slots
        slots += 1
        let fork = instructions.count
        emit(.accept)
        emit(.save(slot))
        try compile(body)
        emit(.progress(slot: slot))
        emit(.jump(fork))
        instructions[fork] = split(fork + 1, instructions.count, isGreedy)
    }

    private func split(_ body: Int, _ exit: Int, _ isGreedy: Bool) -> PatternInstruction {
        isGreedy ? .split(body, exit) : .split(exit, body)
    }

    /// The set that a one-scalar body matches.
    private func single(_ node: PatternNode) -> ScalarSet? {
        switch node {
        case .set(let set): set
        case .scalar(let scalar): ScalarSet(ranges: [scalar...scalar])
        case .group(let body, nil): single(body)
        default: nil
        }
    }
}

import ApusCore
import ApusScheduling

/// What a simulated task does, decided by its seed alone.
struct Script {
    enum Step {
        case compute(nanoseconds: Int64)
        /// Starts a task; the picks choose among the references that the task has.
        case submit(seed: UInt64, kind: Int, waitsFor: [Int], passes: [Int], retries: Int)
        /// Starts many short tasks that need nothing.
        case burst(seed: UInt64, kind: Int, count: Int)
        case get(Int)
        /// Waits for one of two, or for the time to pass.
        case waitAny(Int, Int, timeout: Int64)
        case put(UInt64)
        case cancel(Int)
        case drop(Int)
        case createActor(restarts: Int)
        case callActor(seed: UInt64)
        case createGroup
        case submitToGroup(seed: UInt64)
        case removeGroup
    }

    let steps: [Step]
    /// References that the result contains, as picks.
    let returned: [Int]

    /// Kinds of scheduling classes that tasks choose from; those of bursts may be of one more.
    static let kinds = 7
    /// The depth of a burst's tasks.
    static let burstDepth = 4

    /// - Parameter depth: 0 for a driver's program; tasks of depth 3 start none.
    init(seed: UInt64, depth: Int) {
        var generator = SeededGenerator(seed: seed, stream: UInt64(depth))
        guard depth < Self.burstDepth else {
            // Microseconds, and now and then much longer than those before it.
            let nanoseconds = generator.below(30) == 0 ? 15_000_000 : 1_000 + generator.below(8_000)
            steps = [.compute(nanoseconds: Int64(nanoseconds))]
            returned = []
            return
        }
        var steps: [Step] = []
        func pick() -> Int { generator.below(64) }
        func duration() -> Int64 {
            // From a microsecond to a tenth of a second, each magnitude as likely.
            Int64(1 << generator.below(17)) * 1000 + Int64(generator.below(1000))
        }
        let length = [18, 8, 5, 2][min(depth, 3)]
        var hasGroup = false
        for _ in 0..<(1 + generator.below(length)) {
            switch generator.below(21) {
            case 0, 1, 2: steps.append(.compute(nanoseconds: duration()))
            case 3, 4, 5, 6, 7, 8:
                guard depth < 3 else { continue }
                let waits = (0..<generator.below(3)).map { _ in pick() }
                let passes = (0..<generator.below(3)).map { _ in pick() }
                steps.append(
                    .submit(
                        seed: generator.next(), kind: generator.below(Self.kinds), waitsFor: waits, passes: passes,
                        retries: [0, 1, 3, -1][generator.below(4)]))
            case 9, 10, 11: steps.append(.get(pick()))
            case 12: steps.append(.waitAny(pick(), pick(), timeout: duration()))
            case 13: steps.append(.put(generator.next()))
            case 14: if generator.below(3) == 0 { steps.append(.cancel(pick())) }
            case 15: steps.append(.drop(pick()))
            case 16: if depth < 2 { steps.append(.createActor(restarts: generator.below(3))) }
            case 17, 18:
                if depth < 2 {
                    for _ in 0..<(1 + generator.below(5)) { steps.append(.callActor(seed: generator.next())) }
                }
            case 19:
                guard depth < 2 else { continue }
                steps.append(
                    .burst(
                        seed: generator.next(), kind: generator.below(Self.kinds + 1), count: 1 + generator.below(60)))
            default:
                guard depth == 0 else { continue }
                if !hasGroup { steps.append(.createGroup) }
                hasGroup = true
                steps.append(.submitToGroup(seed: generator.next()))
                if generator.below(3) == 0 {
                    steps.append(.removeGroup)
                    hasGroup = false
                }
            }
        }
        if depth < 3 { steps.append(.compute(nanoseconds: duration())) }
        self.steps = steps
        returned = depth == 0 ? [] : (0..<generator.below(3)).map { _ in pick() }
    }
}

/// The value of a simulated object.
struct Value {
    /// What the computation gives; nil for an error.
    let digest: UInt64?
    let error: String
    /// References inside the value.
    let contained: [ObjectID]

    static func success(_ digest: UInt64, containing contained: [ObjectID] = []) -> Value {
        Value(digest: digest, error: "", contained: contained)
    }
    static func failure(_ error: String) -> Value { Value(digest: nil, error: error, contained: []) }
}

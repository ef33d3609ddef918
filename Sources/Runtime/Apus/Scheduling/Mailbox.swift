import DequeModule

/// The order in which one actor's calls run. Pure: it runs nothing itself.
///
/// Calls start in the order of their places. A place may be reserved before its call is known, so that a caller's calls
/// keep their order although each is made from a Swift task of its own; nothing behind a reserved place starts before
/// the call is there or the place is given up.
package struct Mailbox<Call> {
    package typealias Place = UInt64

    private enum Entry {
        case reserved(Place)
        case call(Call)
    }

    private var entries = Deque<Entry>()
    private var nextPlace: Place = 0
    package private(set) var running = 0
    /// Calls that may run at once.
    package let concurrency: Int
    /// Closed while the actor starts, restarts or is dead.
    package var isOpen = false

    package init(concurrency: Int) { self.concurrency = max(1, concurrency) }

    package var count: Int { entries.count }
    package var isIdle: Bool { running == 0 && entries.isEmpty }

    package mutating func append(_ call: Call) { entries.append(.call(call)) }

    package mutating func reserve() -> Place {
        defer { nextPlace += 1 }
        entries.append(.reserved(nextPlace))
        return nextPlace
    }

    /// Puts a call into its reserved place. Complexity: O(distance from the end); the place is mostly the last.
    package mutating func fill(_ place: Place, with call: Call) {
        guard let index = index(of: place) else { return append(call) }
        entries[index] = .call(call)
    }

    /// Gives a reserved place up; nothing happens where it is filled.
    package mutating func release(_ place: Place) {
        guard let index = index(of: place) else { return }
        var kept = Deque<Entry>()
        for other in 0..<entries.count where other != index { kept.append(entries[other]) }
        entries = kept
    }

    private func index(of place: Place) -> Int? {
        for index in stride(from: entries.count - 1, through: 0, by: -1) {
            if case .reserved(place) = entries[index] { return index }
        }
        return nil
    }

    /// The next call that may run now; it counts as running.
    package mutating func start() -> Call? {
        guard isOpen, running < concurrency, case .call(let call)? = entries.first else { return nil }
        _ = entries.popFirst()
        running += 1
        return call
    }

    /// A call that was taken out before runs after all.
    package mutating func begin() { running += 1 }

    package mutating func finish() { running -= 1 }

    /// A call whose attempt was lost goes first again.
    package mutating func retry(_ call: Call) { entries.prepend(.call(call)) }

    /// The calls that wait, in order. Complexity: O(calls).
    package var calls: [Call] {
        (0..<entries.count).compactMap { if case .call(let call) = entries[$0] { call } else { nil } }
    }

    /// Takes all calls out, in order. Reserved places vanish; what fills them later is appended.
    package mutating func drain() -> [Call] {
        var calls: [Call] = []
        while let entry = entries.popFirst() {
            if case .call(let call) = entry { calls.append(call) }
        }
        return calls
    }
}

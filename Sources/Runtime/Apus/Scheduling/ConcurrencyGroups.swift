import DequeModule

/// Limits how many calls of each group run at once. Pure: it runs nothing itself.
///
/// Calls come in the order in which they may start; a call whose group is full waits behind those of its group, and holds
/// up no other group.
package struct ConcurrencyGroups<Call> {
    private struct Group {
        let limit: Int
        var running = 0
        var waiting = Deque<Call>()
    }

    private var groups: [Group]

    /// - Parameter limits: calls of each group that may run at once.
    package init(limits: [Int]) { groups = limits.map { Group(limit: max(1, $0)) } }

    /// Calls that wait for their group.
    package var waiting: Int { groups.reduce(0) { $0 + $1.waiting.count } }

    /// Whether a call of a group may run now, and then counts as running; else it waits.
    package mutating func admit(_ call: Call, group: Int) -> Bool {
        guard groups[group].running < groups[group].limit else {
            groups[group].waiting.append(call)
            return false
        }
        groups[group].running += 1
        return true
    }

    /// A call of a group ended: the next one of the group that waits runs in its place.
    package mutating func next(group: Int) -> Call? {
        if let next = groups[group].waiting.popFirst() { return next }
        groups[group].running -= 1
        return nil
    }

    /// A call of a group ended, and no other may run in its place: the instance is lost.
    package mutating func finish(group: Int) { groups[group].running -= 1 }

    /// Takes a call that waits out where its group has room, to run it.
    package mutating func resume() -> (call: Call, group: Int)? {
        for index in groups.indices where groups[index].running < groups[index].limit {
            guard let call = groups[index].waiting.popFirst() else { continue }
            groups[index].running += 1
            return (call, index)
        }
        return nil
    }

    /// The calls that wait for their group. Complexity: O(calls).
    package var calls: [Call] { groups.flatMap { group in (0..<group.waiting.count).map { group.waiting[$0] } } }

    package mutating func drain() -> [Call] {
        var calls: [Call] = []
        for index in groups.indices {
            while let call = groups[index].waiting.popFirst() { calls.append(call) }
        }
        return calls
    }
}

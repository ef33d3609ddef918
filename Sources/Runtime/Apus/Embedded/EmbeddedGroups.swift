import ApusScheduling
import Synchronization

/// The placement groups of a program's own process: who belongs to them and who waits for them. What they hold is the
/// dispatcher's.
final class EmbeddedGroups: Sendable {
    private struct Group {
        var isReady = false
        /// Tasks in it, and the starts of actors in it.
        var members: [ObjectCell.WeakCell] = []
        var waiting: [UnsafeContinuation<Bool, Never>] = []
    }

    private struct State {
        var groups: [GroupID: Group] = [:]
        var last: UInt64 = 0
        var isClosed = false
    }

    private let state = Mutex(State())

    func create() -> GroupID {
        state.withLock { state in
            state.last += 1
            let id = GroupID(state.last)
            state.groups[id] = Group()
            return id
        }
    }

    func add(_ cell: ObjectCell, to group: GroupID) {
        state.withLock { state in
            guard let count = state.groups[group]?.members.count else { return }
            if count >= 64, count.nonzeroBitCount == 1 { state.groups[group]?.members.removeAll { $0.cell == nil } }
            state.groups[group]?.members.append(ObjectCell.WeakCell(cell: cell))
        }
    }

    /// A group has its resources.
    func becameReady(_ group: GroupID) {
        let waiting = state.withLock { state in
            state.groups[group]?.isReady = true
            let waiting = state.groups[group]?.waiting ?? []
            state.groups[group]?.waiting = []
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: true) }
    }

    /// Waits until a group has its resources. False where it ended before.
    func isReady(_ group: GroupID) async -> Bool {
        await withUnsafeContinuation { continuation in
            let isReady: Bool? = state.withLock { state in
                guard !state.isClosed, let isReady = state.groups[group]?.isReady else { return false }
                if isReady { return true }
                state.groups[group]?.waiting.append(continuation)
                return nil
            }
            if let isReady { continuation.resume(returning: isReady) }
        }
    }

    /// Ends a group.
    ///
    /// - Returns: its members.
    func remove(_ group: GroupID) -> [ObjectCell] {
        guard let removed = state.withLock({ $0.groups.removeValue(forKey: group) }) else { return [] }
        for continuation in removed.waiting { continuation.resume(returning: false) }
        return removed.members.compactMap(\.cell)
    }

    /// Nothing becomes ready any more.
    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            let waiting = state.groups.values.flatMap(\.waiting)
            state.groups = [:]
            return waiting
        }
        for continuation in waiting { continuation.resume(returning: false) }
    }
}

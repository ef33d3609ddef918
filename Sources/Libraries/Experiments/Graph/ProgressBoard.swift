import Synchronization

/// Where the steps of an experiment that run in this process say how far they are.
///
/// Tasks are values and cannot hold a closure, so they name a board; a step that runs elsewhere finds none there and
/// stays silent.
public enum ProgressBoard {
    public typealias ID = UInt64

    /// How far a step is.
    public struct Post: Sendable {
        public var step: String
        public var done: Int
        /// Nil where the end is not known.
        public var total: Int?
        public var unit: String
        public var note: String
    }

    private struct State {
        var next: ID = 1
        var readers: [ID: @Sendable (Post) -> Void] = [:]
    }

    private static let state = Mutex(State())

    /// Opens a board; `reader` is called on the steps' threads and must be quick.
    static func open(_ reader: @escaping @Sendable (Post) -> Void) -> ID {
        state.withLock { state in
            defer { state.next += 1 }
            state.readers[state.next] = reader
            return state.next
        }
    }

    static func close(_ board: ID) { state.withLock { _ = $0.readers.removeValue(forKey: board) } }

    static func post(_ post: Post, on board: ID) {
        // The reader is called outside the lock.
        state.withLock { $0.readers[board] }?(post)
    }
}

import CApusSystem
import Synchronization

/// All channels of this process, and the turn to read them.
///
/// Messages are handed out by whichever thread has the turn; that is at most one at a time, so receivers see the messages
/// of a channel in order.
package final class Mailroom: @unchecked Sendable {
    // `table` is written with the turn held, and read with it held; `turn` passes it on with acquire and release.
    package let inbox: Inbox
    private let turn = Atomic(false)
    @exclusivity(unchecked) private var table: [Channel?]
    private let free: Mutex<[Int]>

    package init(inbox: Inbox) {
        self.inbox = inbox
        table = Array(repeating: nil, count: 64)
        free = Mutex([])
    }

    /// Adds a channel whose receiver is set.
    package func add(_ channel: Channel) {
        holdingTurn {
            while table.count <= channel.slot { table.append(contentsOf: repeatElement(nil, count: table.count)) }
            table[channel.slot] = channel
        }
        // What came before the channel was here found nobody: look once.
        inbox.announce(channel.slot)
    }

    /// Takes a channel out whose other side ended. What it sent before its end is handed out first.
    package func remove(_ channel: Channel) {
        let removed: Channel? = holdingTurn {
            guard channel.slot < table.count, table[channel.slot] === channel else { return nil }
            channel.drain()
            channel.close()
            defer { table[channel.slot] = nil }
            return table[channel.slot]
        }
        _ = removed
        inbox.wakeInAnyCase()
    }

    /// Hands out what came, unless another thread is at it.
    ///
    /// - Returns: whether there was anything.
    @discardableResult
    package func poll() -> Bool {
        guard inbox.hasAnnouncements, takeTurn() else { return false }
        defer { passTurn() }
        inbox.take { slot in
            if slot < table.count, let channel = table[slot] { channel.drain() }
        }
        return true
    }

    /// Runs `body` while no message is handed out.
    package func holdingTurn<Result>(_ body: () -> Result) -> Result {
        while !takeTurn() { apus_pause() }
        defer { passTurn() }
        return body()
    }

    private func takeTurn() -> Bool {
        guard !turn.load(ordering: .relaxed) else { return false }
        return !turn.exchange(true, ordering: .acquiring)
    }

    private func passTurn() { turn.store(false, ordering: .releasing) }
}

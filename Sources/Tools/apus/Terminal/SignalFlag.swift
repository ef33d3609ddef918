import Synchronization

/// The first signal that came, if any.
final class SignalFlag: Sendable {
    private let received = Atomic<Int32>(0)

    /// Notes a signal; false where one came before.
    func set(_ number: Int32) -> Bool {
        received.compareExchange(expected: 0, desired: number, ordering: .relaxed).exchanged
    }

    var number: Int32? {
        let value = received.load(ordering: .relaxed)
        return value == 0 ? nil : value
    }
}

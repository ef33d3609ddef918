import ApusCore
import ApusScheduling
import Testing

private final class Entry: QueuedTask {
    let number: Int
    var isCancelled = false
    var ticket: UInt64 = 0
    init(_ number: Int) { self.number = number }
}

/// Queues with workers that are lists.
private struct Bench: ~Copyable {
    var queues: TaskQueues<Entry>
    let slot: ClassSlot
    var sent: [LeaseSlot: [Int]] = [:]
    var actions: [QueueAction] = []
    var now = Instant(nanoseconds: 0)

    init(_ configuration: TaskQueues<Entry>.Configuration = .init()) {
        queues = TaskQueues(configuration)
        slot = queues.addClass()
    }

    @discardableResult
    mutating func submit(_ numbers: Range<Int>) -> [Entry] {
        let entries = numbers.map(Entry.init)
        for entry in entries {
            if let lease = queues.submit(entry, to: slot) { sent[lease, default: []].append(entry.number) }
        }
        return entries
    }

    mutating func grant(_ number: UInt64) -> LeaseSlot {
        let lease = queues.granted(LeaseID(number), of: slot)
        sent[lease] = []
        pump()
        return lease
    }

    mutating func pump() {
        while let (element, lease) = queues.nextSend() { sent[lease, default: []].append(element.number) }
    }

    /// The worker of a lease ends its first task, or another one.
    mutating func complete(_ lease: LeaseSlot, at place: Int = 0, nanoseconds: Int = 1_000_000) -> Int? {
        guard let count = sent[lease]?.count, count > place else { return nil }
        let element = queues.sent(to: lease, at: place)
        queues.completed(element, of: lease, nanoseconds: nanoseconds)
        #expect(sent[lease]?.remove(at: place) == element.number)
        while let next = queues.next(for: lease) { sent[lease, default: []].append(next.number) }
        return element.number
    }

    mutating func take() -> [QueueAction] {
        var taken: [QueueAction] = []
        queues.takeActions(into: &taken)
        return taken
    }

    /// The worker of a lease gives back what it was asked for, except what it has started.
    mutating func withdraw(_ lease: LeaseSlot, _ count: Int) {
        let given = min(count, max(0, (sent[lease]?.count ?? 0) - 1))
        sent[lease]?.removeLast(given)
        queues.withdrawn(lease, count: given)
        pump()
    }

    /// A task that was sent is cancelled before it begins.
    mutating func remove(_ lease: LeaseSlot, at place: Int) -> Int {
        let element = queues.sent(to: lease, at: place)
        queues.removed(element, from: lease)
        #expect(sent[lease]?.remove(at: place) == element.number)
        pump()
        return element.number
    }

    mutating func tick(after duration: Duration) {
        now = now + duration
        queues.tick(at: now)
        pump()
    }
}

@Suite("Task queues") struct TaskQueuesTests {
    @Test("tasks wait for a lease, which is wanted, and start in order")
    func order() {
        var bench = Bench()
        bench.submit(0..<3)
        #expect(bench.take() == [.want(bench.slot, count: 4)])
        let lease = bench.grant(1)
        #expect(bench.sent[lease] == [0])
        #expect((0..<3).map { _ in bench.complete(lease) } == [0, 1, 2])
        #expect(bench.complete(lease) == nil)
        #expect(bench.queues.backlog(of: bench.slot) == 0)
    }

    @Test("one task is sent ahead while durations are unknown or long, many when they are short")
    func depth() {
        var bench = Bench()
        bench.submit(0..<1000)
        let lease = bench.grant(1)
        #expect(bench.sent[lease]?.count == 1)
        for _ in 0..<16 { _ = bench.complete(lease, nanoseconds: 10_000) }
        #expect(bench.sent[lease]?.count == 20)
        for _ in 0..<200 { _ = bench.complete(lease, nanoseconds: 100) }
        #expect(bench.sent[lease]?.count == 256)
        for _ in 0..<300 { _ = bench.complete(lease, nanoseconds: 1_000_000) }
        #expect(bench.sent[lease]?.count == 1)
    }

    @Test("no more leases are wanted than what is sent ahead keeps busy, nor than the limit")
    func wanted() {
        var configuration = TaskQueues<Entry>.Configuration()
        configuration.leaseLimit = 4
        var bench = Bench(configuration)
        let lease = bench.grant(1)
        bench.submit(0..<8)
        #expect(bench.take() == [.want(bench.slot, count: 4)])
        for _ in 0..<8 { _ = bench.complete(lease, nanoseconds: 10_000) }
        bench.tick(after: .milliseconds(5))
        bench.tick(after: .milliseconds(5))
        #expect(bench.take() == [.want(bench.slot, count: 0)])
        bench.submit(8..<28)
        #expect(bench.take() == [.want(bench.slot, count: 1)])
        bench.submit(28..<29)
        #expect(bench.take() == [.want(bench.slot, count: 2)])
    }

    @Test("a lease that runs dry takes half of what the fullest one has not started, and nothing runs twice")
    func stealing() {
        var bench = Bench()
        let first = bench.grant(1)
        bench.submit(0..<60)
        for _ in 0..<20 { _ = bench.complete(first, nanoseconds: 5_000) }
        #expect(bench.sent[first]?.count == 40)
        _ = bench.take()
        let second = bench.grant(2)
        bench.submit(60..<61)
        #expect(bench.sent[second] == [60])
        #expect(bench.complete(second, nanoseconds: 5_000) == 60)
        #expect(bench.take().contains(.withdraw(first, LeaseID(1), count: 20)))
        bench.withdraw(first, 20)
        #expect(bench.sent[first] == Array(20..<40))
        #expect(bench.sent[second] == Array(40..<60))
        var done: [Int] = []
        while let number = bench.complete(first, nanoseconds: 5_000) ?? bench.complete(second, nanoseconds: 5_000) {
            done.append(number)
            for case .withdraw(let lease, _, let count) in bench.take() { bench.withdraw(lease, count) }
        }
        #expect(done.sorted() == Array(20..<60))
    }

    @Test("tasks behind one that waits go elsewhere, and another lease is wanted for them")
    func blocked() {
        var bench = Bench()
        let first = bench.grant(1)
        bench.submit(0..<20)
        for _ in 0..<10 { _ = bench.complete(first, nanoseconds: 20_000) }
        #expect(bench.sent[first] == Array(10..<20))
        _ = bench.take()
        bench.queues.blocked(first)
        #expect(bench.take() == [.withdraw(first, LeaseID(1), count: 9)])
        bench.withdraw(first, 9)
        #expect(bench.sent[first] == [10])
        let second = bench.grant(2)
        #expect(bench.sent[second] == Array(11..<20))
        bench.queues.unblocked(first)
        bench.pump()
        #expect(bench.complete(first, nanoseconds: 20_000) == 10)
    }

    @Test("tasks behind one that turns out long go elsewhere after a tick")
    func slow() {
        var bench = Bench()
        let first = bench.grant(1)
        bench.submit(0..<14)
        for _ in 0..<10 { _ = bench.complete(first, nanoseconds: 1_000) }
        #expect(bench.sent[first] == [10, 11, 12, 13])
        for _ in 0..<2 { bench.tick(after: .milliseconds(5)) }
        let actions = bench.take()
        #expect(actions.contains(.withdraw(first, LeaseID(1), count: 3)))
        bench.withdraw(first, 3)
        #expect(bench.queues.wanted(of: bench.slot) == 2)
        let second = bench.grant(2)
        #expect(bench.sent[second] == [11, 12, 13])
        #expect(bench.complete(first, nanoseconds: 1_000) == 10)
    }

    @Test("an idle lease is given back after a while, at once when recalled")
    func returning() {
        var bench = Bench()
        let (first, second) = (bench.grant(1), bench.grant(2))
        bench.submit(0..<1)
        let used = bench.sent[first] == [0] ? first : second
        let idle = used == first ? second : first
        let idleID = LeaseID(idle == first ? 1 : 2)
        _ = bench.take()
        bench.queues.recalled(idle)
        #expect(bench.take() == [.giveBack(idle, idleID)])
        #expect(bench.complete(used) == 0)
        for _ in 0..<19 { bench.tick(after: .milliseconds(5)) }
        #expect(bench.take() == [.want(bench.slot, count: 0)])
        for _ in 0..<3 { bench.tick(after: .milliseconds(5)) }
        #expect(bench.take() == [.giveBack(used, LeaseID(used == first ? 1 : 2))])
        #expect(bench.queues.held(of: bench.slot) == 0)
        #expect(bench.queues.needsTick == false)
    }

    @Test("a recalled lease finishes what it runs and gives the rest back")
    func recall() {
        var bench = Bench()
        let lease = bench.grant(1)
        bench.submit(0..<20)
        for _ in 0..<10 { _ = bench.complete(lease, nanoseconds: 20_000) }
        _ = bench.take()
        bench.queues.recalled(lease)
        #expect(bench.take().contains(.withdraw(lease, LeaseID(1), count: 10)))
        #expect(bench.complete(lease) == 10)
        #expect(bench.take().isEmpty)
        // The worker had started one more before it heard.
        bench.withdraw(lease, 9)
        #expect(bench.sent[lease] == [11])
        #expect(bench.complete(lease) == 11)
        #expect(bench.take().contains(.giveBack(lease, LeaseID(1))))
        #expect(bench.queues.backlog(of: bench.slot) == 8)
    }

    @Test("a lost lease's tasks come back oldest first, and go before others when tried again")
    func lost() {
        var bench = Bench()
        let lease = bench.grant(1)
        bench.submit(0..<14)
        for _ in 0..<10 { _ = bench.complete(lease, nanoseconds: 50_000) }
        let lost = bench.queues.lost(lease)
        #expect(lost.map(\.number) == [10, 11, 12, 13])
        for element in lost.reversed() { bench.queues.resubmit(element, to: bench.slot) }
        #expect(bench.queues.backlog(of: bench.slot) == 4)
        let next = bench.grant(2)
        #expect(bench.sent[next] == [10, 11, 12, 13])
    }

    @Test("cancelled tasks are skipped, and are not in a drained queue's way")
    func cancelled() {
        var bench = Bench()
        let entries = bench.submit(0..<4)
        entries[0].isCancelled = true
        entries[2].isCancelled = true
        let lease = bench.grant(1)
        #expect(bench.sent[lease] == [1])
        #expect(bench.complete(lease) == 1)
        #expect(bench.sent[lease] == [3])
        #expect(bench.complete(lease) == 3)
        #expect(bench.queues.backlog(of: bench.slot) == 0)
        bench.submit(4..<8)
        #expect(bench.queues.drain(bench.slot).map(\.number) == [5, 6, 7])
        #expect(bench.queues.backlog(of: bench.slot) == 1)
    }

    @Test("very short tasks are packed: another lease is used once the first one is full, and takes none from it")
    func packing() {
        var bench = Bench()
        let (first, second) = (bench.grant(1), bench.grant(2))
        bench.submit(0..<1)
        let used = bench.sent[first] == [0] ? first : second
        let other = used == first ? second : first
        _ = bench.complete(used, nanoseconds: 1_000)
        bench.submit(1..<301)
        #expect(bench.sent.values.map(\.count).sorted() == [100, 200])
        bench.submit(301..<401)
        #expect(bench.sent.values.map(\.count) == [200, 200])
        _ = bench.take()
        while bench.complete(other, nanoseconds: 1_000) != nil {}
        #expect(bench.take().allSatisfy { if case .withdraw = $0 { false } else { true } })
    }

    @Test("a lease that is wanted back once it is idle takes tasks until then")
    func onceIdle() {
        var bench = Bench()
        let lease = bench.grant(1)
        bench.submit(0..<2)
        bench.queues.recalled(lease, onceIdle: true)
        bench.submit(2..<3)
        #expect((0..<3).map { _ in bench.complete(lease) } == [0, 1, 2])
        #expect(bench.take().contains(.giveBack(lease, LeaseID(1))))
    }

    @Test("an older class without a lease is overtaken so often and no more by what has the resources that it lacks")
    func turns() {
        var queues = TaskQueues<Entry>()
        let (small, large) = (queues.addClass(), queues.addClass())
        let lease = queues.granted(LeaseID(1), of: small)
        var number = 0
        func submit(to slot: ClassSlot) -> LeaseSlot? {
            number += 1
            return queues.submit(Entry(number), to: slot)
        }
        func actions() -> [QueueAction] {
            var taken: [QueueAction] = []
            queues.takeActions(into: &taken)
            return taken
        }
        #expect(submit(to: small) == lease)
        #expect(submit(to: large) == nil)
        for _ in 0..<300 { #expect(submit(to: small) == nil) }
        _ = actions()
        func run(_ limit: Int) -> Int {
            var done = 0
            while done < limit, queues.sent(to: lease) > 0 {
                queues.completed(queues.sent(to: lease, at: 0), of: lease, nanoseconds: 1_000_000)
                done += 1
                while queues.next(for: lease) != nil {}
            }
            return done
        }
        // Nobody said that the large one lacks what the lease has.
        #expect(run(100) == 100)
        queues.recalled(lease, onceIdle: true)
        // One was sent before, the others overtake.
        #expect(run(500) == 65)
        #expect(actions() == [.want(small, count: 0), .giveBack(lease, LeaseID(1))])
        #expect(submit(to: small) == nil)
        #expect(actions().isEmpty)
        let other = queues.granted(LeaseID(2), of: large)
        #expect(queues.nextSend()?.lease == other)
        #expect(actions().contains(.want(small, count: 256)))
    }

    @Test("a task that its worker cannot hold waits first in the queue until another one ends, or a tick")
    func refused() {
        var bench = Bench()
        let lease = bench.grant(1)
        bench.submit(0..<12)
        for _ in 0..<10 { _ = bench.complete(lease, nanoseconds: 20_000) }
        #expect(bench.sent[lease] == [10, 11])
        bench.queues.refused(bench.queues.sent(to: lease, at: 1), by: lease)
        bench.sent[lease] = [10]
        bench.submit(12..<13)
        #expect(bench.sent[lease] == [10])
        #expect(bench.complete(lease, nanoseconds: 20_000) == 10)
        #expect(bench.sent[lease] == [11, 12])
        for number in [11, 12] { #expect(bench.complete(lease, nanoseconds: 20_000) == number) }
        bench.submit(13..<14)
        bench.queues.refused(bench.queues.sent(to: lease, at: 0), by: lease)
        bench.sent[lease] = []
        bench.pump()
        #expect(bench.sent[lease] == [])
        bench.tick(after: .milliseconds(5))
        #expect(bench.sent[lease] == [13])
    }

    @Test("random events lose no task, run none twice and keep the counts", arguments: 0..<300)
    func random(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var bench = Bench()
        var live: [LeaseSlot: UInt64] = [:]
        var withdrawals: [(LeaseSlot, Int)] = []
        var next = 0
        var lastLease: UInt64 = 0
        var done: Set<Int> = []
        var attempts: [Int: Int] = [:]
        func fail(_ what: String) { Issue.record("\(what); replay: seed \(seed) of random(seed:)") }
        for step in 0..<1200 {
            let isEnding = step > 600
            let order = live.keys.sorted { $0.index < $1.index }
            switch generator.below(isEnding ? 8 : 12) {
            case 0, 1:
                if live.count < 6 {
                    lastLease += 1
                    live[bench.grant(lastLease)] = lastLease
                }
            case 2, 3, 4, 5:
                guard !order.isEmpty else { break }
                let lease = order[generator.below(order.count)]
                for _ in 0..<(1 + generator.below(4)) {
                    // Now and then one that was sent later has overtaken the first one.
                    let place = generator.below(8) == 0 && (bench.sent[lease]?.count ?? 0) > 1 ? 1 : 0
                    let nanoseconds = 1 << generator.below(22)
                    guard let number = bench.complete(lease, at: place, nanoseconds: nanoseconds) else { break }
                    if !done.insert(number).inserted { fail("task \(number) ran twice") }
                }
            case 6:
                guard !withdrawals.isEmpty else { break }
                let (lease, count) = withdrawals.removeFirst()
                if live[lease] != nil { bench.withdraw(lease, count) }
            case 7:
                bench.tick(after: .milliseconds(5))
            case 8:
                bench.submit(next..<next + 1 + generator.below(60))
                next = bench.queues.backlog(of: bench.slot) + done.count
            case 9:
                guard !order.isEmpty, !isEnding else { break }
                bench.queues.recalled(order[generator.below(order.count)], onceIdle: generator.below(2) == 0)
                bench.pump()
            case 10:
                guard !order.isEmpty else { break }
                let lease = order[generator.below(order.count)]
                if bench.sent[lease]?.isEmpty == false { bench.queues.blocked(lease) }
                bench.pump()
                if generator.below(2) == 0 { bench.queues.unblocked(lease) }
                bench.pump()
            case 11 where generator.below(2) == 0:
                guard !order.isEmpty else { break }
                let lease = order[generator.below(order.count)]
                guard let count = bench.sent[lease]?.count, count > 1 else { break }
                if !done.insert(bench.remove(lease, at: 1 + generator.below(count - 1))).inserted {
                    fail("a task ran that was cancelled")
                }
            default:
                guard !order.isEmpty else { break }
                let lease = order[generator.below(order.count)]
                let lost = bench.queues.lost(lease)
                if lost.map(\.number) != bench.sent[lease] ?? [] { fail("what was lost is not what was sent") }
                live[lease] = nil
                bench.sent[lease] = nil
                withdrawals.removeAll { $0.0 == lease }
                for element in lost.reversed() {
                    attempts[element.number, default: 0] += 1
                    bench.queues.resubmit(element, to: bench.slot)
                }
                bench.pump()
            }
            if isEnding { for lease in live.keys { bench.queues.unblocked(lease) } }
            bench.pump()
            for action in bench.take() {
                switch action {
                case .withdraw(let lease, let id, let count):
                    if live[lease] != id.number { fail("a withdrawal from an unknown lease") }
                    withdrawals.append((lease, count))
                case .giveBack(let lease, let id):
                    if live.removeValue(forKey: lease) != id.number { fail("an unknown lease was given back") }
                    if bench.sent[lease]?.isEmpty != true { fail("a lease was given back with tasks") }
                    bench.sent[lease] = nil
                case .want: break
                }
            }
            let sent = bench.sent.values.reduce(0) { $0 + $1.count }
            if bench.queues.backlog(of: bench.slot) < sent { fail("more is sent than there is") }
            if bench.queues.held(of: bench.slot) != live.count { fail("leases are miscounted") }
        }
        for (lease, count) in withdrawals where live[lease] != nil { bench.withdraw(lease, count) }
        var rounds = 0
        while done.count < next, rounds < 20_000 {
            rounds += 1
            if live.isEmpty {
                lastLease += 1
                live[bench.grant(lastLease)] = lastLease
            }
            for lease in live.keys.sorted(by: { $0.index < $1.index }) {
                if let number = bench.complete(lease) { if !done.insert(number).inserted { fail("ran twice") } }
            }
            bench.tick(after: .milliseconds(5))
            for action in bench.take() {
                switch action {
                case .withdraw(let lease, _, let count): if live[lease] != nil { bench.withdraw(lease, count) }
                case .giveBack(let lease, _):
                    live[lease] = nil
                    bench.sent[lease] = nil
                case .want: break
                }
            }
        }
        if done.count != next { fail("\(next - done.count) of \(next) tasks never ran") }
        if bench.queues.backlog(of: bench.slot) != 0 { fail("the backlog is not empty at the end") }
    }
}

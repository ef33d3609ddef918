import ApusCore
import ApusScheduling
import Testing

private func id(_ number: Int) -> ObjectID { ObjectID(owner: 1, number: UInt64(number)) }

/// Task n makes object n.
private struct Bench {
    var lineage: Lineage
    init(budget: Int = 1 << 30) { lineage = Lineage(budget: budget) }

    @discardableResult
    mutating func send(_ event: LineageEvent) -> [LineageEffect] {
        var effects: [LineageEffect] = []
        lineage.handle(event, into: &effects)
        return effects
    }

    mutating func run(_ task: Int, _ inputs: [Int], retries: Int = 3, bytes: Int = 100) {
        send(
            .submitted(task: UInt64(task), inputs: inputs.map(id), outputs: [id(task)], retries: retries, bytes: bytes))
        send(.finished(task: UInt64(task)))
    }
}

extension [LineageEffect] {
    fileprivate var reruns: [Int] { compactMap { if case .rerun(let task) = $0 { Int(task) } else { nil } } }
    fileprivate var reasons: [LossReason] {
        compactMap { if case .unrecoverable(_, let reason) = $0 { reason } else { nil } }
    }
}

@Suite("Lineage") struct LineageTests {
    @Test("a chain of 100,000 tasks whose values are gone runs again from its beginning, each task once")
    func chain() {
        var bench = Bench()
        let count = 100_000
        for task in 0..<count { bench.run(task, task == 0 ? [] : [task - 1]) }
        for task in 0..<count - 1 { bench.send(.freed(id(task))) }
        #expect(bench.lineage.recordCount == count)
        #expect(bench.send(.lost([id(count - 1)])).reruns == Array(0..<count))
        #expect(bench.send(.lost([id(count - 1)])).reruns.isEmpty)
        for task in 0..<count { bench.send(.finished(task: UInt64(task))) }
        bench.send(.freed(id(count - 1)))
        #expect(bench.lineage.recordCount == 0 && bench.lineage.objectCount == 0 && bench.lineage.bytes == 0)
    }

    @Test("ancestors that several lost objects share run once, and only what is missing runs")
    func shared() {
        var bench = Bench()
        bench.run(0, [])
        bench.run(1, [0])
        bench.run(2, [1])
        bench.run(3, [1])
        bench.run(4, [2, 3])
        bench.send(.freed(id(1)))
        #expect(bench.send(.lost([id(2), id(3), id(4)])).reruns == [1, 2, 3, 4])
    }

    @Test("what was put, came from an actor or used its retries up is not made again, and says why")
    func reasons() {
        var bench = Bench()
        bench.send(.put(id(10)))
        bench.send(.answered(byActor: id(11)))
        bench.run(1, [], retries: 1)
        bench.run(2, [1])
        #expect(bench.send(.lost([id(10)])).reasons == [.wasPut])
        #expect(bench.send(.lost([id(11)])).reasons == [.fromActor])
        #expect(bench.send(.lost([id(1)])).reruns == [1])
        bench.send(.finished(task: 1))
        let effects = bench.send(.lost([id(1), id(2)]))
        #expect(effects.reruns.isEmpty)
        #expect(effects.reasons.contains(.retriesExhausted(task: 1)))
        #expect(effects.reasons.contains(.inputLost(id(1), .retriesExhausted(task: 1))))
    }

    @Test("a put value is kept as long as something could be computed from it")
    func retained() {
        var bench = Bench()
        bench.send(.put(id(10)))
        let retained = bench.send(.submitted(task: 1, inputs: [id(10)], outputs: [id(1)], retries: 3, bytes: 1))
        #expect(retained == [.retain(id(10))])
        bench.send(.finished(task: 1))
        bench.run(2, [1])
        #expect(bench.send(.freed(id(1))).isEmpty)
        #expect(bench.send(.freed(id(2))) == [.forgotten(task: 2), .forgotten(task: 1), .release(id(10))])
    }

    @Test("lineage beyond its budget is forgotten, oldest first, and a loss then names the budget")
    func budget() {
        var bench = Bench(budget: 250)
        for task in 1...3 { bench.run(task, []) }
        #expect(bench.lineage.bytes == 200)
        #expect(bench.send(.lost([id(1)])).reasons == [.lineageEvicted(budget: 250)])
        #expect(bench.send(.lost([id(2)])).reruns == [2])
    }

    @Test("on random graphs exactly the missing ancestors run, in an order that works", arguments: 0..<200)
    func random(seed: Int) {
        var generator = SeededGenerator(seed: UInt64(seed))
        var bench = Bench()
        var inputs: [[Int]] = []
        var hasValue: [Bool] = []
        var isLive: [Bool] = []
        for task in 0..<80 {
            let chosen = task == 0 ? [] : (0..<generator.below(4)).map { _ in generator.below(task) }
            bench.run(task, chosen, retries: -1)
            inputs.append(chosen)
            hasValue.append(true)
            isLive.append(true)
        }
        for _ in 0..<40 {
            let object = generator.below(80)
            if isLive[object] {
                isLive[object] = false
                hasValue[object] = false
                bench.send(.freed(id(object)))
            }
        }
        for _ in 0..<5 {
            let lost = (0..<80).filter { isLive[$0] && generator.below(6) == 0 }
            for object in lost { hasValue[object] = false }
            // By brute force: everything without a value that a lost object is computed from.
            var needed: Set<Int> = []
            func need(_ task: Int) {
                guard !hasValue[task], needed.insert(task).inserted else { return }
                for input in inputs[task] { need(input) }
            }
            for object in lost { need(object) }
            let reruns = bench.send(.lost(lost.map(id))).reruns
            #expect(Set(reruns) == needed && reruns.count == needed.count, "replay: seed \(seed)")
            var done: Set<Int> = []
            for task in reruns {
                #expect(inputs[task].allSatisfy { hasValue[$0] || done.contains($0) }, "replay: seed \(seed)")
                done.insert(task)
                bench.send(.finished(task: UInt64(task)))
            }
            for task in reruns where isLive[task] { hasValue[task] = true }
        }
        for object in 0..<80 where isLive[object] { bench.send(.freed(id(object))) }
        #expect(bench.lineage.recordCount == 0 && bench.lineage.objectCount == 0, "replay: seed \(seed)")
    }
}

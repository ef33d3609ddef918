import Apus
import ApusCore
import Testing

@Suite("Dispatcher") struct DispatcherTests {
    private func shape(_ dispatcher: inout Dispatcher<Int>, _ demand: Resources) throws -> Shape {
        let shape = dispatcher.shape(for: demand)
        return try #require(shape)
    }

    @Test("tasks start in order of arrival as far as resources go")
    func order() {
        var dispatcher = Dispatcher<Int>(total: Resources(cpus: 2))
        for task in 0..<4 { dispatcher.enqueue(task, shape: .standard) }
        let outcome1 = dispatcher.admit()?.element
        #expect(outcome1 == 0)
        let outcome2 = dispatcher.admit()?.element
        #expect(outcome2 == 1)
        let outcome3 = dispatcher.admit()
        #expect(outcome3 == nil)
        let outcome4 = dispatcher.replace(.standard)
        #expect(outcome4 == 2)
        dispatcher.finish(.standard)
        let outcome5 = dispatcher.admit()?.element
        #expect(outcome5 == 3)
        #expect(dispatcher.queued == 0)
    }

    @Test("a demand beyond the total is refused")
    func infeasible() {
        var dispatcher = Dispatcher<Int>(total: Resources(cpus: 2, custom: ["x": 1]))
        let outcome6 = dispatcher.shape(for: Resources(cpus: 2.0001))
        #expect(outcome6 == nil)
        let outcome7 = dispatcher.shape(for: Resources(custom: ["y": 0.0001]))
        #expect(outcome7 == nil)
        let outcome8 = dispatcher.shape(for: Resources(cpus: 2, custom: ["x": 1]))
        #expect(outcome8 != nil)
    }

    @Test("a blocked task lends its processor and takes it back at once")
    func blocking() {
        var dispatcher = Dispatcher<Int>(total: Resources(cpus: 1))
        for task in 0..<3 { dispatcher.enqueue(task, shape: .standard) }
        let outcome9 = dispatcher.admit()?.element
        #expect(outcome9 == 0)
        dispatcher.block(.standard)
        let outcome10 = dispatcher.admit()?.element
        #expect(outcome10 == 1)
        dispatcher.unblock(.standard)
        #expect(dispatcher.available.cpus.units == -10_000)
        let outcome11 = dispatcher.replace(.standard)
        #expect(outcome11 == nil)
        dispatcher.finish(.standard)
        let outcome12 = dispatcher.admit()
        #expect(outcome12 == nil)
        dispatcher.finish(.standard)
        let outcome13 = dispatcher.admit()?.element
        #expect(outcome13 == 2)
    }

    @Test("a large demand is passed over a bounded number of times")
    func patience() throws {
        var dispatcher = Dispatcher<Int>(total: Resources(cpus: 2))
        let large = try shape(&dispatcher, Resources(cpus: 2))
        dispatcher.enqueue(-1, shape: .standard)
        _ = dispatcher.admit()
        dispatcher.enqueue(1000, shape: large)
        for task in 0..<200 { dispatcher.enqueue(task, shape: .standard) }
        var overtaking = 0
        while let (element, admitted) = dispatcher.admit() {
            #expect(element != 1000)
            overtaking += 1
            dispatcher.finish(admitted)
        }
        #expect(overtaking == Dispatcher<Int>.patience)
        dispatcher.finish(.standard)
        let outcome14 = dispatcher.admit()?.element
        #expect(outcome14 == 1000)
    }

    @Test(
        "random programs conserve resources, never exceed them, and lose no task", arguments: 0..<200 as Range<UInt64>)
    func random(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let total = Resources(cpus: 4, gpus: 2, custom: ["x": 3])
        var dispatcher = Dispatcher<Int>(total: total)
        let demands: [Resources] = [
            Resources(cpus: 1), Resources(cpus: 0.3), Resources(cpus: 4), Resources(gpus: 0.5),
            Resources(cpus: 1, gpus: 2),
            Resources(custom: ["x": 1.5]), Resources(),
        ]
        let shapes = try demands.map { try shape(&dispatcher, $0) }
        var running: [(task: Int, shape: Shape, blocked: Bool)] = []
        var started: Set<Int> = []
        var submitted = 0
        func check() {
            // What blocked tasks lend is the one way to have more running than there is.
            var used = Resources()
            for task in running {
                var demand = dispatcher.demand(of: task.shape)
                if task.blocked { demand.cpus = 0 }
                used.add(demand)
            }
            #expect(dispatcher.available.cpus.units == total.cpus.units - used.cpus.units)
            #expect(dispatcher.available.gpus == total.gpus - used.gpus)
            #expect(dispatcher.available.gpus.units >= 0)
        }
        for _ in 0..<500 {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...2:
                dispatcher.enqueue(submitted, shape: shapes[Int.random(in: 0..<shapes.count, using: &random)])
                submitted += 1
            case 3...4:
                guard let index = running.indices.randomElement(using: &random), !running[index].blocked else {
                    continue
                }
                let task = running.remove(at: index)
                if let next = dispatcher.replace(task.shape) {
                    #expect(started.insert(next).inserted)
                    running.append((next, task.shape, false))
                } else {
                    dispatcher.finish(task.shape)
                }
            case 5:
                guard let index = running.indices.randomElement(using: &random) else { continue }
                if running[index].blocked {
                    dispatcher.unblock(running[index].shape)
                } else {
                    dispatcher.block(running[index].shape)
                }
                running[index].blocked.toggle()
            default:
                while let (task, shape) = dispatcher.admit() {
                    #expect(started.insert(task).inserted)
                    running.append((task, shape, false))
                }
            }
            check()
        }
        // Everything that was submitted starts once the rest ends.
        while !running.isEmpty || dispatcher.queued > 0 {
            if let task = running.popLast() {
                if task.blocked { dispatcher.unblock(task.shape) }
                dispatcher.finish(task.shape)
            }
            while let (task, shape) = dispatcher.admit() {
                #expect(started.insert(task).inserted)
                running.append((task, shape, false))
            }
            if running.isEmpty, dispatcher.queued > 0 {
                Issue.record("tasks wait although nothing runs")
                break
            }
        }
        #expect(started == Set(0..<submitted))
        #expect(dispatcher.available.cpus == total.cpus)
    }
}

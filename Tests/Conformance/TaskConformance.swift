import Apus
import ApusCore
import Testing

@Suite("Tasks", .timeLimit(.minutes(5))) struct TaskConformance {
    @Test("a task's result is what its code returns", arguments: TestedBackend.allCases)
    func result(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            #expect(try await cluster.result(Constant(value: 42)) == 42)
            #expect(try await cluster.result(Add(left: 1, right: .value(2), bias: 3)) == 6)
        }
    }

    @Test("inputs are values or references, and references are waited for", arguments: TestedBackend.allCases)
    func inputs(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let put = try await cluster.put(10)
            let slow = try cluster.submit(Sleep(time: .milliseconds(20), result: 5))
            #expect(try await cluster.result(Add(left: put, right: slow)) == 15)
            let parts = try (1...100).map { try cluster.submit(Constant(value: $0)) }
            #expect(try await cluster.result(Sum(parts: Inputs(parts))) == 5050)
        }
    }

    @Test("references inside structures travel as references", arguments: TestedBackend.allCases)
    func nestedReferences(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let references = try (1...10).map { try cluster.submit(Constant(value: $0)) }
            #expect(try await cluster.result(CountReady(references: references)) == 55)
        }
    }

    @Test("an error carries the task's failure, name, origin and attempts", arguments: TestedBackend.allCases)
    func failure(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let line = #line + 1
            let reference = try cluster.submit(Fail(code: 3), .init(retries: 2))
            let error = try #require(await taskError { _ = try await reference.value })
            #expect(error.underlying as? TestFailure == TestFailure(code: 3))
            #expect(error.failure?.typeName.hasSuffix("TestFailure") == true)
            #expect(error.task == "Fail")
            #expect(error.origin.line == line)
            #expect(error.origin.file.hasSuffix("TaskConformance.swift"))
            #expect(error.attempts == 3)
        }
    }

    @Test("a failed input fails the dependants with the original cause", arguments: TestedBackend.allCases)
    func failedInput(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let failed = try cluster.submit(Fail(code: 9))
            let second = try cluster.submit(Add(left: failed, right: 1))
            let third = try cluster.submit(Add(left: second, right: 1), .init(name: "third"))
            let error = try #require(await taskError { _ = try await third.value })
            #expect(error.task == "third")
            #expect(error.attempts == 0)
            #expect(error.root.task == "Fail")
            #expect(error.underlying as? TestFailure == TestFailure(code: 9))
        }
    }

    @Test("retries follow the policy", arguments: TestedBackend.allCases)
    func retries(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let first = try await cluster.create(NewCounter())
            #expect(try await cluster.result(FailUntil(counter: first, succeedAt: 3), .init(retries: 2)) == 3)
            let second = try await cluster.create(NewCounter())
            let limited = try cluster.submit(FailUntil(counter: second, succeedAt: 4), .init(retries: 2))
            #expect(await taskError { _ = try await limited.value }?.attempts == 3)
            let third = try await cluster.create(NewCounter())
            let refused = try cluster.submit(
                FailUntil(counter: third, succeedAt: 2, other: true),
                .init(retries: 5, retryOn: .errors(TestFailure.self)))
            #expect(await taskError { _ = try await refused.value }?.attempts == 1)
            let fourth = try await cluster.create(NewCounter())
            let plain = try cluster.submit(FailUntil(counter: fourth, succeedAt: 2))
            #expect(await taskError { _ = try await plain.value }?.attempts == 1)
            let fifth = try await cluster.create(NewCounter())
            #expect(
                try await cluster.result(FailUntil(counter: fifth, succeedAt: 30), .init(retries: -1)) == 30)
        }
    }

    @Test("a task that runs too long times out", arguments: TestedBackend.allCases)
    func timeout(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let slow = try cluster.submit(Sleep(time: .seconds(600)), .init(timeout: .milliseconds(20)))
            let error = try #require(await taskError { _ = try await slow.value })
            guard case .timedOut(after: .milliseconds(20)) = error.cause else {
                Issue.record("\(error)")
                return
            }
            let retried = try cluster.submit(
                Sleep(time: .seconds(600)), .init(retries: 2, timeout: .milliseconds(10)))
            #expect(await taskError { _ = try await retried.value }?.attempts == 3)
            #expect(try await cluster.result(Constant(value: 1), .init(timeout: .seconds(60))) == 1)
        }
    }

    @Test("a queued task that is cancelled never runs", arguments: TestedBackend.allCases)
    func cancelQueued(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let counter = try await cluster.create(NewCounter())
            let blockers = try (0..<2).map { _ in try cluster.submit(Sleep(time: .seconds(600))) }
            let queued = try cluster.submit(FailUntil(counter: counter, succeedAt: 0))
            let dependent = try cluster.submit(Add(left: queued, right: 1))
            cluster.cancel(queued)
            #expect(await taskError { _ = try await queued.value }?.isCancellation == true)
            #expect(await taskError { _ = try await dependent.value }?.isCancellation == true)
            for blocker in blockers { cluster.cancel(blocker) }
            #expect(try await cluster.result(Constant(value: 5)) == 5)
            #expect(try await counter.entries() == [])
        }
    }

    @Test("a running task that is cancelled is interrupted, and frees its processor", arguments: TestedBackend.allCases)
    func cancelRunning(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            for _ in 0..<20 {
                let tasks = try (0..<2).map { _ in try cluster.submit(Sleep(time: .seconds(600))) }
                await Task.yield()
                for task in tasks { cluster.cancel(task) }
                for task in tasks {
                    #expect(await taskError { _ = try await task.value }?.isCancellation == true)
                }
            }
            let after = try (0..<50).map { try cluster.submit(Constant(value: $0)) }
            #expect(try await cluster.get(after) == Array(0..<50))
        }
    }

    @Test("nested tasks never wait for their own processors", arguments: TestedBackend.allCases)
    func nested(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            #expect(try await cluster.result(Fibonacci(n: 12)) == 144)
            #expect(try await cluster.result(Nested(depth: 200)) == 200)
        }
    }

    @Test("a task gives several results", arguments: TestedBackend.allCases)
    func several(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let (text, count) = try cluster.submit(Split(text: "Apus"))
            #expect(try await text.value == "supA")
            #expect(try await count.value == 4)
            let squares: [ObjectRef<Int>] = try cluster.submit(Squares(count: 300), results: 300)
            #expect(try await cluster.get(squares) == (0..<300).map { $0 * $0 })
            let wrong: [ObjectRef<Int>] = try cluster.submit(Squares(count: 2), results: 3)
            let error = try #require(await taskError { _ = try await wrong[0].value })
            guard case .wrongResultCount(expected: 3, found: 2) = error.cause else {
                Issue.record("\(error)")
                return
            }
        }
    }

    @Test("get answers in the order of the references and throws the first error", arguments: TestedBackend.allCases)
    func get(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let references = try (0..<1000).map { try cluster.submit(Constant(value: $0)) }
            #expect(try await cluster.get(references) == Array(0..<1000))
            let mixed = [
                try cluster.submit(Constant(value: 1)), try cluster.submit(Fail(code: 1)),
                try cluster.submit(Fail(code: 2)),
            ]
            #expect(
                await taskError { _ = try await cluster.get(mixed) }?.underlying as? TestFailure == TestFailure(code: 1)
            )
            let slow = try cluster.submit(Sleep(time: .seconds(600)))
            await #expect(throws: ClusterError.self) { try await cluster.get(slow, timeout: .milliseconds(10)) }
        }
    }

    @Test("wait divides references into ready and pending ones", arguments: TestedBackend.allCases)
    func wait(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let slow = try cluster.submit(Sleep(time: .seconds(600)))
            let quick = try cluster.submit(Constant(value: 1))
            let failed = try cluster.submit(Fail(code: 1))
            let two = try await cluster.wait(for: [slow, quick, failed], count: 2)
            #expect(two.ready == [quick, failed])
            #expect(two.pending == [slow])
            let none = try await cluster.wait(for: [slow], count: 1, timeout: .milliseconds(10))
            #expect(none.ready.isEmpty)
            #expect(none.pending == [slow])
            let one = try await cluster.wait(for: [quick, failed], count: 1)
            #expect(one.ready == [quick])
            await #expect(throws: ClusterError.self) { try await cluster.wait(for: [slow], count: 2) }
            await #expect(throws: ClusterError.self) { try await cluster.wait(for: [slow], count: 0) }
        }
    }

    @Test("as-completed iteration yields each reference once, the quick ones first", arguments: TestedBackend.allCases)
    func asCompleted(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let seen = try await cluster.create(NewCounter())
            let slow = try cluster.submit(AwaitCount(counter: seen, count: 50, result: -1))
            let others = try (0..<50).map { try cluster.submit(Constant(value: $0)) }
            var values: [Int] = []
            for try await reference in cluster.asCompleted([slow] + others) {
                values.append(try await reference.value)
                _ = try await seen.add(1)
            }
            #expect(values.last == -1)
            #expect(values.dropLast().sorted() == Array(0..<50))
        }
    }

    @Test("map yields results in order with a bounded number in flight", arguments: TestedBackend.allCases)
    func map(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            var values: [Int] = []
            for try await value in cluster.map(0..<200, inFlight: 4, { Constant(value: $0) }) { values.append(value) }
            #expect(values == Array(0..<200))
            await #expect(throws: TaskError.self) {
                for try await _ in cluster.map(0..<10, inFlight: 3, { Fail(code: $0) }) {}
            }
        }
    }

    @Test("cancelling a waiter ends its wait and not the task", arguments: TestedBackend.allCases)
    func cancelWaiter(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let slow = try cluster.submit(Sleep(time: .seconds(600)))
            let waiter = Task { try await slow.value }
            waiter.cancel()
            await #expect(throws: CancellationError.self) { try await waiter.value }
            #expect(!slow.isReady)
        }
    }
}

/// The error of a task, where that is what the body throws.
func taskError(_ body: () async throws -> Void) async -> TaskError? {
    do {
        try await body()
        return nil
    } catch {
        return error as? TaskError
    }
}

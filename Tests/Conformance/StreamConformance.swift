import Apus
import ApusCore
import Testing

@Suite("Streams", .timeLimit(.minutes(5))) struct StreamConformance {
    @Test("a stream yields references in order", arguments: TestedBackend.allCases)
    func order(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            var values: [Int] = []
            for try await reference in try cluster.submit(Countdown(from: 100), buffer: 3) {
                #expect(reference.isReady)
                values.append(try await reference.value)
            }
            #expect(values == Array((1...100).reversed()))
        }
    }

    @Test("an error comes after what was yielded before it", arguments: TestedBackend.allCases)
    func failure(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            var values: [Int] = []
            let error = await taskError {
                for try await reference in try cluster.submit(Countdown(from: 5, failAt: 2)) {
                    values.append(try await reference.value)
                }
            }
            #expect(values == [5, 4, 3])
            #expect(error?.underlying as? TestFailure == TestFailure(code: 2))
            #expect(error?.task == "Countdown")
        }
    }

    @Test("the task waits while the buffer is full", arguments: TestedBackend.allCases)
    func backPressure(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let produced = try await cluster.create(NewCounter())
            let stream = try cluster.submit(Countdown(from: 1000, produced: produced), buffer: 4)
            var iterator = stream.makeAsyncIterator()
            _ = try await iterator.next()
            // The buffer fills up behind the first element, and then nothing more is produced.
            try await eventually { try await produced.add(0) >= 5 }
            #expect(try await produced.add(0) <= 6)
            for _ in 0..<10 { _ = try await iterator.next() }
            try await eventually { try await produced.add(0) >= 15 }
            #expect(try await produced.add(0) <= 16)
        }
    }

    @Test("a stream that is dropped ends its task", arguments: TestedBackend.allCases)
    func dropped(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            for _ in 0..<4 {
                let stream = try cluster.submit(Countdown(from: .max), buffer: 1)
                for try await _ in stream { break }
            }
            #expect(try await cluster.result(Constant(value: 3)) == 3)
            try await eventually { cluster.availableResources.cpus == cluster.resources.cpus }
        }
    }
}

/// Waits for a condition, at most two minutes.
func eventually(_ condition: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("the condition did not come true")
            return
        }
        await Task.yield()
    }
}

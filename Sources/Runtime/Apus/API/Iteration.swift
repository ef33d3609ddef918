import ApusCore
import DequeModule

/// References in the order in which their objects come to exist.
public struct CompletionOrder<Value: Sendable & Codable>: AsyncSequence {
    public typealias Element = ObjectRef<Value>
    let references: [ObjectRef<Value>]

    public func makeAsyncIterator() -> Iterator { Iterator(references: references) }

    public struct Iterator: AsyncIteratorProtocol {
        private let references: [ObjectRef<Value>]
        private let group = WaitGroup()
        private var ready: [Int] = []
        private var left: Int

        init(references: [ObjectRef<Value>]) {
            self.references = references
            left = references.count
            for (index, reference) in references.enumerated() { _ = group.add(reference.cell, index: index) }
        }

        /// - Throws: `CancellationError`; a failed task's error is thrown by its reference.
        public mutating func next() async throws -> ObjectRef<Value>? {
            if ready.isEmpty {
                guard left > 0 else { return nil }
                let outcome = await RunContext.lending { [group] in await group.take(count: 1, timeout: nil) }
                if outcome.reason == .cancelled { throw CancellationError() }
                ready = outcome.ready.reversed()
            }
            left -= 1
            return ready.popLast().map { references[$0] }
        }
    }
}

/// Results of one task per element, in order, with a bounded number of tasks in flight.
public struct OrderedResults<Elements: Sequence, Job: RemoteTask>: AsyncSequence {
    public typealias Element = Job.Output
    let cluster: Cluster
    let elements: Elements
    let limit: Int
    let options: TaskOptions
    let file: StaticString
    let line: Int
    let task: (Elements.Element) -> Job

    public func makeAsyncIterator() -> Iterator { Iterator(results: self, elements: elements.makeIterator()) }

    public struct Iterator: AsyncIteratorProtocol {
        let results: OrderedResults
        var elements: Elements.Iterator
        private var inFlight = Deque<ObjectRef<Job.Output>>()

        init(results: OrderedResults, elements: Elements.Iterator) {
            self.results = results
            self.elements = elements
        }

        /// The next result. Where a task failed, the others in flight are cancelled and its error is thrown.
        public mutating func next() async throws -> Job.Output? {
            do {
                while inFlight.count < results.limit, let element = elements.next() {
                    inFlight.append(
                        try results.cluster.submit(
                            results.task(element), results.options, file: results.file, line: results.line))
                }
                return try await inFlight.popFirst()?.value
            } catch {
                while let reference = inFlight.popFirst() { results.cluster.cancel(reference) }
                throw error
            }
        }
    }
}

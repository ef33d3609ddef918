import Distributed

/// Shares work among actors of one type, one call at a time each: an element goes to whichever actor is free.
///
/// ```swift
/// let pool = ActorPool(cluster, try await (0..<4).asyncMap { try await cluster.create(NewModel(seed: $0)) })
/// for try await score in pool.map(pages, { try await $0.score($1) }) { … }
/// ```
public struct ActorPool<Body: DistributedActor>: Sendable where Body.ActorSystem == ApusActorSystem {
    public let actors: [Body]
    private let cluster: Cluster

    /// - Parameter actors: one at least.
    public init(_ cluster: Cluster, _ actors: [Body]) {
        precondition(!actors.isEmpty, "A pool has one actor at least.")
        self.cluster = cluster
        self.actors = actors
    }

    /// The results in the order of the elements. Actors that are done work ahead of the result that is awaited, at most
    /// four elements each.
    public func map<Elements: Sequence, Result: Sendable & Codable>(
        _ elements: Elements, _ call: @escaping @Sendable (Body, Elements.Element) async throws -> Result
    ) -> PoolResults<Body, Elements, Result> where Elements.Element: Sendable {
        PoolResults(cluster: cluster, actors: actors, elements: elements, isOrdered: true, call: call)
    }

    /// The results in the order in which they come to be.
    public func mapUnordered<Elements: Sequence, Result: Sendable & Codable>(
        _ elements: Elements, _ call: @escaping @Sendable (Body, Elements.Element) async throws -> Result
    ) -> PoolResults<Body, Elements, Result> where Elements.Element: Sendable {
        PoolResults(cluster: cluster, actors: actors, elements: elements, isOrdered: false, call: call)
    }
}

/// The results of calls that a pool of actors shares.
public struct PoolResults<Body: DistributedActor, Elements: Sequence, Result: Sendable & Codable>: AsyncSequence
where Body.ActorSystem == ApusActorSystem, Elements.Element: Sendable {
    public typealias Element = Result

    let cluster: Cluster
    let actors: [Body]
    let elements: Elements
    let isOrdered: Bool
    let call: @Sendable (Body, Elements.Element) async throws -> Result

    public func makeAsyncIterator() -> Iterator { Iterator(of: self) }

    public struct Iterator: AsyncIteratorProtocol {
        private let results: PoolResults
        private var elements: Elements.Iterator
        private var idle: [Body]
        /// Calls that are not answered, each with its actor.
        private var running: [(reference: ObjectRef<Result>, actor: Body)] = []
        /// Calls whose results were not passed on, in order of the elements.
        private var ordered: [ObjectRef<Result>] = []
        private var isAtEnd = false

        init(of results: PoolResults) {
            self.results = results
            elements = results.elements.makeIterator()
            idle = results.actors.reversed()
        }

        /// - Throws: what the call threw, as a `TaskError`; the iteration may go on after it.
        public mutating func next() async throws -> Result? {
            while true {
                try submit()
                if let first = ordered.first, results.isOrdered, first.isReady {
                    ordered.removeFirst()
                    return try await first.value
                }
                guard !running.isEmpty else { return nil }
                let ready = try await results.cluster.wait(for: running.map(\.reference), count: 1).ready
                guard let index = running.firstIndex(where: { ready.contains($0.reference) }) else { continue }
                let (reference, actor) = running.remove(at: index)
                idle.append(actor)
                if !results.isOrdered {
                    try submit()
                    return try await reference.value
                }
            }
        }

        /// Gives elements to the actors that are free.
        private mutating func submit() throws {
            let call = results.call
            while !isAtEnd, !idle.isEmpty, ordered.count < results.actors.count * 4 {
                guard let element = elements.next() else {
                    isAtEnd = true
                    return
                }
                let actor = idle.removeLast()
                let reference = try results.cluster.submit(to: actor) { try await call($0, element) }
                running.append((reference, actor))
                if results.isOrdered { ordered.append(reference) }
            }
        }
    }
}

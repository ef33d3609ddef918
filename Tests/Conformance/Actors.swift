import Apus
import ApusCore
import Distributed

distributed actor Counter {
    typealias ActorSystem = ApusActorSystem
    private var count: Int
    private var log: [Int] = []
    private var active = 0
    private var mostActive = 0

    init(start: Int, actorSystem: ApusActorSystem) {
        self.actorSystem = actorSystem
        count = start
    }

    distributed func add(_ n: Int) -> Int {
        count += n
        log.append(n)
        return count
    }

    distributed func entries() -> [Int] { log }

    /// Suspends in the middle of a change; serial calls do not see the middle.
    distributed func slowly(_ time: Duration) async throws -> Int {
        active += 1
        defer { active -= 1 }
        mostActive = max(mostActive, active)
        try await Task.sleep(for: time)
        return mostActive
    }

    distributed func fail(_ code: Int) throws { throw TestFailure(code: code) }
    distributed func crash() throws { throw ActorCrash("told to") }

    /// Crashes unless another actor has counted to `n`.
    distributed func crash(until n: Int, counting other: Counter) async throws -> Int {
        let attempt = try await other.add(1)
        if attempt < n { throw ActorCrash("attempt \(attempt)") }
        return attempt
    }

    distributed func echo<Value: Codable & Sendable>(_ value: Value) -> Value { value }
    distributed func reset() { count = 0 }
    distributed func add(_ n: Int, through other: Counter) async throws -> Int { try await other.add(n) }
}

struct NewCounter: ActorBlueprint {
    var start = 0
    func make(in system: ApusActorSystem) async throws -> Counter { Counter(start: start, actorSystem: system) }
}

distributed actor Other {
    typealias ActorSystem = ApusActorSystem
}

struct NewOther: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Other { Other(actorSystem: system) }
}

struct Impossible: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Other { throw TestFailure(code: 7) }
}

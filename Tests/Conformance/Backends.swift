import Apus
import ApusCore
import Testing

/// A backend under test. The suites name no backend of their own: each runs on every case.
enum TestedBackend: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case embedded
    case embeddedEncoded
    case local

    var testDescription: String { rawValue }

    /// A cluster with two processors, one graphics processor and four of a resource of the test's own.
    var configuration: ClusterConfiguration {
        switch self {
        case .embedded: .embedded(cpus: 2, gpus: 1, resources: ["slots": 4], isolation: .shared)
        case .embeddedEncoded: .embedded(cpus: 2, gpus: 1, resources: ["slots": 4], isolation: .encoded)
        case .local: .local(cpus: 2, gpus: 1, resources: ["slots": 4])
        }
    }

    /// Whether what was put is the very same instance when it is read: a backend that isolates never shares one.
    var isolates: Bool { self == .embeddedEncoded }

    /// Whether tasks run in processes of their own, which can end.
    var hasProcesses: Bool { self == .local }
    static var withProcesses: [TestedBackend] { allCases.filter(\.hasProcesses) }

    func run(_ body: (Cluster) async throws -> Void) async throws {
        try await withCluster(configuration, body)
    }
}

extension Cluster {
    /// A task's result, in one step.
    func result<Job: RemoteTask>(_ task: Job, _ options: TaskOptions = .init()) async throws -> Job.Output {
        try await submit(task, options).value
    }
}

struct TestFailure: Error, Codable, Equatable {
    var code: Int
}

struct OtherFailure: Error, Codable, Equatable {}

struct Constant: RemoteTask {
    var value: Int
    func run() async throws -> Int { value }
}

struct Empty: RemoteTask {
    func run() async throws -> Unit { Unit() }
}

struct Add: RemoteTask {
    @Input var left: Int
    @Input var right: Int
    var bias = 0
    func run() async throws -> Int { left + right + bias }
}

struct Sum: RemoteTask {
    @Inputs var parts: [Int]
    func run() async throws -> Int { parts.reduce(0, +) }
}

struct Fail: RemoteTask {
    var code: Int
    func run() async throws -> Int { throw TestFailure(code: code) }
}

struct Sleep: RemoteTask {
    var time: Duration
    var result = 0
    func run() async throws -> Int {
        try await Task.sleep(for: time)
        return result
    }
}

/// Ends when a counter has reached a number.
struct AwaitCount: RemoteTask {
    let counter: Counter
    var count: Int
    var result: Int
    func run() async throws -> Int {
        while try await counter.add(0) < count { try await Task.sleep(for: .milliseconds(2)) }
        return result
    }
}

/// Counts its attempts in a distributed counter, so that attempts in other processes count too.
struct FailUntil: RemoteTask {
    let counter: Counter
    var succeedAt: Int
    var other = false
    func run() async throws -> Int {
        let attempt = try await counter.add(1)
        if attempt >= succeedAt { return attempt }
        if other { throw OtherFailure() }
        throw TestFailure(code: attempt)
    }
}

struct Fibonacci: RemoteTask {
    var n: Int
    func run() async throws -> Int {
        guard n > 1, let cluster = Cluster.current else { return n }
        let left = try cluster.submit(Fibonacci(n: n - 1))
        let right = try cluster.submit(Fibonacci(n: n - 2))
        return try await left.value + right.value
    }
}

/// Each level waits for the next: as many waiting tasks as levels.
struct Nested: RemoteTask {
    var depth: Int
    func run() async throws -> Int {
        guard depth > 0, let cluster = Cluster.current else { return 0 }
        return try await cluster.submit(Nested(depth: depth - 1)).value + 1
    }
}

struct Split: RemoteTask {
    @Input var text: String
    func run() async throws -> Results<String, Int> { Results(String(text.reversed()), text.utf8.count) }
}

struct Squares: RemoteTask {
    var count: Int
    func run() async throws -> [Int] { (0..<count).map { $0 * $0 } }
}

struct Countdown: StreamingTask {
    var from: Int
    var failAt: Int?
    var produced: Counter?
    func run(into output: StreamOutput<Int>) async throws {
        for n in stride(from: from, to: 0, by: -1) {
            if n == failAt { throw TestFailure(code: n) }
            try await output.yield(n)
            _ = try await produced?.add(1)
        }
    }
}

/// Holds the references it was given, as references.
struct CountReady: RemoteTask {
    var references: [ObjectRef<Int>]
    func run() async throws -> Int {
        var sum = 0
        for reference in references { sum += try await reference.value }
        return sum
    }
}

/// Expects that a task is served while others, that it could never run beside, go on being submitted.
///
/// - Parameter limit: How many may overtake it: among processes as many as run until its owner's word has come to
///   others, which a loaded machine may hold up for seconds.
func expectServed(
    _ demand: TaskOptions, among others: TaskOptions, of cluster: Cluster, overtaken limit: Int
) async throws {
    var small = try (0..<100).map { _ in try cluster.submit(Empty(), others) }
    let large = try cluster.submit(Empty(), demand)
    var count = small.count
    while try await cluster.wait(for: [large], timeout: .zero).ready.isEmpty, count <= limit {
        // The next ones wait before these are done.
        let next = try (0..<100).map { _ in try cluster.submit(Empty(), others) }
        _ = try await cluster.get(small)
        count += small.count
        small = next
    }
    #expect(count <= limit)
    _ = try await cluster.get(small)
    _ = try await large.value
}

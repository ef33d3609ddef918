// A program that enters a cluster and then does as its argument says, so that tests can end it, or what it started, and
// look at what is left.
import Apus
import Distributed
import Foundation

let arguments = CommandLine.arguments
guard arguments.count >= 2, let scenario = Scenario(rawValue: arguments[1]) else {
    say("usage: ConformanceDriver SCENARIO TOKEN; one of \(Scenario.allCases.map(\.rawValue))")
    exit(64)
}
do {
    try await scenario.run()
} catch {
    say("error: \(error)")
    exit(1)
}

/// Prints a line at once.
func say(_ line: String) { FileHandle.standardOutput.write(Data("\(line)\n".utf8)) }

enum Scenario: String, CaseIterable {
    /// Fills a cluster with tasks of all kinds and waits for ever.
    case busy
    /// The same as `busy`, with workers that never obey.
    case stubborn
    /// Leaves a cluster, with tasks left, once it is told to.
    case leave
    /// Has too few descriptors for a cluster.
    case descriptors
    /// Has no descriptors left for further workers.
    case fewWorkers
    /// Starts a further worker once it is told that its file is another.
    case replaced
    /// Puts large values into a store and sums them up in tasks.
    case largeValues
    /// Waits for a processor that an actor keeps; warnings come to its output.
    case stalled
    /// Keeps more than the store and the disk together have room for.
    case smallDisk
    /// Reads what it spilled while the store and the disk are full.
    case fullDisk

    func run() async throws {
        switch self {
        case .busy: try await fill(stubborn: false, leave: false)
        case .stubborn: try await fill(stubborn: true, leave: false)
        case .leave: try await fill(stubborn: false, leave: true)
        case .descriptors:
            limitDescriptors(to: 4)
            try await withCluster(.local(cpus: 2)) { _ in }
        case .fewWorkers:
            limitDescriptors(to: 40)
            try await withCluster(.local(cpus: 64, workers: 1)) { cluster in
                let waits = try (0..<64).map { _ in try cluster.submit(Linger(), .init(timeout: .seconds(20))) }
                var reason = "all run"
                // Those that have a worker run on; the first that ends has none.
                for try await first in cluster.asCompleted(waits) {
                    do { _ = try await first.value } catch { reason = "\(error)" }
                    break
                }
                for wait in waits { cluster.cancel(wait) }
                say("reason: \(reason)")
            }
        case .replaced:
            try await withCluster(.local(cpus: 2, workers: 1)) { cluster in
                let seen = try await cluster.create(NewSeen(), .init(cpus: 0))
                let busy = try cluster.submit(Child(seen: seen, isStubborn: false))
                while try await seen.count() < 1 { try await Task.sleep(for: .milliseconds(5)) }
                say("ready")
                _ = readLine()
                do {
                    // What is warm is taken by the first ones.
                    for _ in 0..<4 { _ = try await cluster.submit(Linger(), .init(timeout: .seconds(1))).value }
                    say("no error")
                } catch {
                    say("error: \(error)")
                }
                cluster.cancel(busy)
            }
        case .stalled:
            dup2(1, 2)
            try await withCluster(.local(cpus: 1, stallWarning: .milliseconds(300))) { cluster in
                let seen = try await cluster.create(NewSeen(), .init(cpus: 1))
                let waiting = try cluster.submit(AddUp(bytes: .value([1])))
                _ = readLine()
                try await cluster.stop(seen)
                say("sum: \(try await waiting.value)")
            }
        case .largeValues:
            try await withCluster(.local(cpus: 2, objectStore: 64 << 20)) { cluster in
                var sum = 0
                for value in 1...4 {
                    let put = try await cluster.put([UInt8](repeating: UInt8(value), count: 8 << 20))
                    sum += try await cluster.submit(AddUp(bytes: put)).value
                }
                say("sum: \(sum >> 20)")
            }
        case .fullDisk:
            try await withCluster(.local(cpus: 1, objectStore: 8 << 20)) { cluster in
                let size = 2_000_000
                let first = try await cluster.put([UInt8](repeating: 1, count: size))
                let others = [
                    try await cluster.put([UInt8](repeating: 2, count: size)),
                    try await cluster.put([UInt8](repeating: 3, count: size)),
                ]
                var pinned: [SharedArray<UInt8>] = []
                for _ in 0..<3 {
                    pinned.append(try await SharedArray(count: size) { $0.append(repeating: 4, count: size) })
                }
                // One is neither in use nor fits on the disk.
                let status = await cluster.objectStore()
                let states = Set((status?.objects ?? []).map(\.state))
                say("states: \(states == ["spilled", "memory"])")
                let values = try await cluster.get([first] + others)
                say("values: \(values.map { $0.reduce(0) { $0 + Int($1) } })")
                say("sum: \(try await cluster.submit(AddUp(bytes: first)).value)")
                withExtendedLifetime(pinned) {}
            }
        case .smallDisk:
            try await withCluster(.local(cpus: 1, objectStore: 8 << 20)) { cluster in
                var kept: [ObjectRef<[UInt8]>] = []
                do {
                    for _ in 0..<32 { kept.append(try await cluster.put([UInt8](repeating: 1, count: 2 << 20))) }
                    say("no error")
                } catch {
                    say("error: \(error)")
                }
                say("last: \(try await kept[kept.count - 1].value.count)")
                kept = []
                let again = try await cluster.put([UInt8](repeating: 1, count: 2 << 20))
                say("again: \(try await cluster.submit(AddUp(bytes: again)).value >> 20)")
            }
        }
    }

    private func limitDescriptors(to count: rlim_t) {
        var limit = rlimit(rlim_cur: count, rlim_max: count)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private func fill(stubborn: Bool, leave: Bool) async throws {
        try await withCluster(.local(cpus: 2)) { cluster in
            let seen = try await cluster.create(NewSeen())
            let nested = try (0..<8).map { _ in try cluster.submit(Parent(seen: seen, isStubborn: stubborn)) }
            while try await seen.count() < 3 { try await Task.sleep(for: .milliseconds(5)) }
            say("ready")
            if leave {
                _ = readLine()
                return
            }
            for task in nested { _ = try? await task.value }
            say("ended")
            try await Task.sleep(for: .seconds(600))
        }
    }
}

distributed actor Seen {
    typealias ActorSystem = ApusActorSystem
    private var number = 0
    distributed func count() -> Int { number }
    distributed func note() { number += 1 }
}

struct NewSeen: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Seen { Seen(actorSystem: system) }
}

struct Parent: RemoteTask {
    let seen: Seen
    var isStubborn: Bool
    func run() async throws -> Int {
        guard let cluster = Cluster.current else { return 0 }
        try await seen.note()
        return try await cluster.submit(Child(seen: seen, isStubborn: isStubborn)).value
    }
}

struct Child: RemoteTask {
    let seen: Seen
    var isStubborn: Bool
    func run() async throws -> Int {
        try await seen.note()
        while isStubborn { sleep(1) }
        try await Task.sleep(for: .seconds(600))
        return 1
    }
}

struct AddUp: RemoteTask {
    @Input var bytes: [UInt8]
    func run() async throws -> Int { bytes.reduce(0) { $0 + Int($1) } }
}

struct Linger: RemoteTask {
    func run() async throws -> Int {
        try await Task.sleep(for: .seconds(600))
        return 1
    }
}

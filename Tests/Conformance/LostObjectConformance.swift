import Apus
import ApusCore
import Distributed
import Foundation
import Testing

/// Counts its runs, and makes numbers that tell which it was asked for.
struct CountedRamp: RemoteTask {
    let runs: Counter
    var first: Int
    var count: Int
    func run() async throws -> [Int] {
        _ = try await runs.add(1)
        return Array(first..<first + count)
    }
}

struct CountedShared: RemoteTask {
    let runs: Counter
    var count: Int
    func run() async throws -> SharedArray<Float> {
        _ = try await runs.add(1)
        return try await SharedArray(count: count) { span in
            for n in 0..<count { span.append(Float(n)) }
        }
    }
}

/// Every number one larger.
struct Successors: RemoteTask {
    let runs: Counter
    @Input var numbers: [Int]
    func run() async throws -> [Int] {
        _ = try await runs.add(1)
        return numbers.map { $0 + 1 }
    }
}

/// Another result each time.
struct Unsteady: RemoteTask {
    let runs: Counter
    func run() async throws -> [Int] { try await runs.add(1) == 1 ? Array(0..<100_000) : [] }
}

/// Submits a large task, and returns its reference with the process that owns it.
struct LargeFamily: RemoteTask {
    let runs: Counter
    struct Result: Codable, Sendable {
        var process: Int32
        var member: ObjectRef<[Int]>
    }
    func run() async throws -> Result {
        guard let cluster = Cluster.current else { throw TestFailure(code: 0) }
        let member = try cluster.submit(CountedRamp(runs: runs, first: 7, count: 100_000))
        _ = try await member.value
        return Result(process: getpid(), member: member)
    }
}

/// Keeps a reference, and reads it when it is asked.
distributed actor Borrower {
    typealias ActorSystem = ApusActorSystem
    private var kept: ObjectRef<[Int]>?
    distributed func keep(_ reference: ObjectRef<[Int]>) { kept = reference }
    distributed func sum() async throws -> Int { try await kept?.value.reduce(0, +) ?? -1 }
}

struct NewBorrower: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Borrower { Borrower(actorSystem: system) }
}

/// A local cluster with a small store, whose spill file the test can damage.
private struct DamagedStore {
    let cluster: Cluster
    let node: Int32
    let folder: URL

    static func run(_ body: (DamagedStore) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "apus-lost-\(UInt64.random(in: 0 ... .max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await withCluster(.local(cpus: 2, objectStore: 8 << 20, spillFolder: folder.path)) { cluster in
            let node = try await cluster.result(NodeProcess(), .init(retries: -1))
            try await body(DamagedStore(cluster: cluster, node: node, folder: folder))
        }
    }

    /// Fills the store until objects that a task made, or that were put at a place, are on the disk alone.
    func spill(_ site: String) async throws {
        for round in 0..<40 {
            var ballast: [ObjectRef<[UInt8]>] = []
            for n in 0..<8 {
                ballast.append(try await cluster.put([UInt8](repeating: UInt8(n), count: (1 << 20) - 64)))
            }
            let objects = await cluster.objectStore()?.objects.filter { $0.site.contains(site) } ?? []
            withExtendedLifetime(ballast) {}
            if !objects.isEmpty, objects.allSatisfy({ $0.state == "spilled" }) { return }
            try await Task.sleep(for: .milliseconds(10 * round))
        }
        Issue.record("\(site) is still in memory: \(String(describing: await cluster.objectStore()?.objects))")
    }

    /// Writes over what is in the spill file.
    func damage() throws {
        let descriptors = "/proc/\(node)/fd"
        var damaged = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: descriptors) {
            let path = "\(descriptors)/\(name)"
            guard let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path),
                target.hasPrefix(folder.resolvingSymlinksInPath().path)
            else { continue }
            let file = open(path, O_WRONLY)
            guard file >= 0 else { throw TestFailure(code: Int(errno)) }
            defer { close(file) }
            let size = Int(lseek(file, 0, SEEK_END))
            let noise: [UInt8] = [0xBA, 0xAD]
            for offset in stride(from: 0, to: size, by: 4096) where pwrite(file, noise, 2, off_t(offset)) == 2 {
                damaged += 1
            }
        }
        #expect(damaged > 0, "no spill file was found")
    }
}

@Suite("Lost objects", .timeLimit(.minutes(5))) struct LostObjectConformance {
    private static let size = 100_000

    private func reason(_ error: TaskError?) -> String? {
        if case .objectLost(let reason)? = error?.root.cause { reason } else { nil }
    }

    @Test("a result whose copy on the disk is damaged is computed again, once")
    func result() async throws {
        try await DamagedStore.run { store async throws in
            let runs = try await store.cluster.create(NewCounter())
            let made = try store.cluster.submit(CountedRamp(runs: runs, first: 3, count: Self.size))
            #expect(try await made.value.first == 3)
            try await store.spill("CountedRamp")
            try store.damage()
            #expect(try await made.value == Array(3..<3 + Self.size))
            #expect(try await runs.add(0) == 2)
            // As an input, in another process.
            try await store.spill("CountedRamp")
            try store.damage()
            let sum = try await store.cluster.result(SumInput(numbers: made))
            #expect(sum == 3 * Self.size + Self.size * (Self.size - 1) / 2)
            #expect(try await runs.add(0) == 3)
            // Many at once that want it.
            try await store.spill("CountedRamp")
            try store.damage()
            let sums = try (0..<8).map { _ in try store.cluster.submit(SumInput(numbers: made)) }
            #expect(try await store.cluster.get(sums).allSatisfy { $0 == sum })
            #expect(try await runs.add(0) == 4)
        }
    }

    @Test("a shared array that a task made in place is made again")
    func shared() async throws {
        try await DamagedStore.run { store async throws in
            let runs = try await store.cluster.create(NewCounter())
            let made = try store.cluster.submit(CountedShared(runs: runs, count: Self.size))
            #expect(try await made.value.count == Self.size)
            try await store.spill("CountedShared")
            try store.damage()
            #expect(try await made.value.elementsEqual((0..<Self.size).map { Float($0) }))
            #expect(try await runs.add(0) == 2)
        }
    }

    @Test("a lost result of a chain of a thousand tasks is computed again from its beginning")
    func chain() async throws {
        try await DamagedStore.run { store async throws in
            let runs = try await store.cluster.create(NewCounter())
            var last = try store.cluster.submit(CountedRamp(runs: runs, first: 0, count: 10_000))
            for _ in 0..<1000 { last = try store.cluster.submit(Successors(runs: runs, numbers: last)) }
            #expect(try await last.value == Array(1000..<11_000))
            // The values of those before are gone.
            try await eventually { await store.cluster.objectStore()?.count == 1 }
            #expect(try await runs.add(0) == 1001)
            try await store.spill("Successors")
            try store.damage()
            #expect(try await last.value == Array(1000..<11_000))
            #expect(try await runs.add(0) == 2002)
            try await eventually { await store.cluster.objectStore()?.count == 1 }
        }
    }

    @Test("who borrows a lost result gets it when its owner has computed it again")
    func borrowed() async throws {
        try await DamagedStore.run { store async throws in
            let runs = try await store.cluster.create(NewCounter())
            let borrower = try await store.cluster.create(NewBorrower())
            let made = try store.cluster.submit(CountedRamp(runs: runs, first: 0, count: Self.size))
            _ = try await made.value
            try await borrower.keep(made)
            try await store.spill("CountedRamp")
            try store.damage()
            #expect(try await borrower.sum() == Self.size * (Self.size - 1) / 2)
            #expect(try await runs.add(0) == 2)
            withExtendedLifetime(made) {}
        }
    }

    @Test("a lost object that was put fails with a typed error that says why, whoever reads it")
    func put() async throws {
        try await DamagedStore.run { store async throws in
            let runs = try await store.cluster.create(NewCounter())
            let put = try await store.cluster.put(Array(0..<Self.size), file: "Put.swift")
            let dependent = try store.cluster.submit(Successors(runs: runs, numbers: put))
            #expect(try await dependent.value.first == 1)
            try await store.spill("Put.swift")
            try await store.spill("Successors")
            try store.damage()
            let own = await taskError { _ = try await put.value }
            #expect(try #require(reason(own)).contains("it was put"))
            let task = await taskError { _ = try await store.cluster.result(SumInput(numbers: put)) }
            #expect(try #require(reason(task)).contains("it was put"))
            // What is computed from it cannot be computed again either.
            let other = await taskError { _ = try await dependent.value }
            #expect(try #require(reason(other)).contains("it was put"))
            // The cluster goes on.
            #expect(try await store.cluster.result(MakeRamp(count: Self.size)).count == Self.size)
        }
    }

    @Test("a task without retries, or that returns something else, is not made to do so")
    func refused() async throws {
        try await DamagedStore.run { store async throws in
            let runs = try await store.cluster.create(NewCounter())
            let once = try store.cluster.submit(
                CountedRamp(runs: runs, first: 0, count: Self.size), .init(retries: 0))
            _ = try await once.value
            try await store.spill("CountedRamp")
            try store.damage()
            let error = await taskError { _ = try await once.value }
            #expect(try #require(reason(error)).contains("may not run again"))
            #expect(try await runs.add(0) == 1)

            let fresh = try await store.cluster.create(NewCounter())
            let unsteady = try store.cluster.submit(Unsteady(runs: fresh))
            _ = try await unsteady.value
            try await store.spill("Unsteady")
            try store.damage()
            let other = await taskError { _ = try await unsteady.value }
            #expect(try #require(reason(other)).contains("not the same every time"))
        }
    }

    @Test("a result that has come is there, even where its worker ends at once")
    func lastLoans() async throws {
        try await DamagedStore.run { store async throws in
            for n in 0..<20 {
                let made = try store.cluster.submit(MakeRamp(count: Self.size + n))
                while !made.isReady { await Task.yield() }
                for worker in Processes.children(of: store.node) { Processes.end(worker) }
                #expect(try await made.value == Array(0..<Self.size + n))
            }
        }
    }

    @Test("results outlive the workers that made or own them")
    func workers() async throws {
        try await DamagedStore.run { store async throws in
            let runs = try await store.cluster.create(NewCounter())
            let made = try store.cluster.submit(CountedRamp(runs: runs, first: 1, count: Self.size))
            let family = try await store.cluster.result(LargeFamily(runs: runs))
            try await eventually { made.isReady }
            // The actor that counts dies as well: nothing can run again, so that what is read was never lost.
            for worker in Processes.children(of: store.node) { Processes.end(worker) }
            try await eventually { !Processes.isAlive(family.process) }
            #expect(try await made.value.first == 1)
            #expect(try await family.member.value == Array(7..<7 + Self.size))
        }
    }
}

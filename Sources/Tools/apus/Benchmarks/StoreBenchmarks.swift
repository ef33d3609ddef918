import ApusCore
import ApusObjects
import JSON

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The object store of one node: copies into shared memory beside `memcpy` of the same bytes, decisions of its core, and
/// the spill file.
struct StoreBenchmarks {
    struct Measurement {
        let name: String
        let unit: String
        let samples: [Double]
        /// The same work by the peer, in the same rounds.
        var peer: (name: String, samples: [Double])?

        static func median(_ values: [Double]) -> Double {
            let sorted = values.sorted()
            return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
        }

        var value: Double { Self.median(samples) }
        /// The median of the rounds' ratios: each compares two runs right after each other.
        var ratio: Double? { peer.map { Self.median(zip(samples, $0.samples).map { $0 / $1 }) } }

        var json: JSONValue {
            var object: JSONObject = [
                "name": JSONValue(name), "value": JSONValue(value), "unit": JSONValue(unit),
                "samples": .array(samples.map { JSONValue($0) }),
            ]
            if let peer, let ratio {
                object["peer"] = JSONValue(peer.name)
                object["peerValue"] = JSONValue(Self.median(peer.samples))
                object["ratio"] = JSONValue(ratio)
            }
            return .object(object)
        }

        var line: String {
            func short(_ value: Double) -> String {
                value < 1000 ? String((value * 100).rounded() / 100) : String(Int64(value))
            }
            let comparison = ratio.map { ", \(short($0)) of \(peer?.name ?? "")" } ?? ""
            return "\(name): \(short(value)) \(unit)\(comparison)"
        }
    }

    let folder: String
    let rounds: Int

    static let names = ["put recycled", "put first touch", "put fresh", "core", "spill and restore"]

    func measure(_ name: String) throws -> [Measurement] {
        switch name {
        case "put recycled": try [1, 16, 128, 800].map { try put(name, mebibytes: $0, before: .nothing) }
        case "put first touch": try [1, 16, 128].map { try put(name, mebibytes: $0, before: .map) }
        case "put fresh": try [1, 16, 128].map { try put(name, mebibytes: $0, before: .punch) }
        case "core": [core()]
        default: try spill()
        }
    }

    private func seconds(_ body: () throws -> Void) rethrows -> Double {
        let start = ContinuousClock.now
        try body()
        return (ContinuousClock.now - start) / .seconds(1)
    }

    private enum Before {
        case nothing
        /// As in a process that never wrote to this memory, which another did.
        case map
        /// The memory has no pages at all.
        case punch
    }

    private func put(_ name: String, mebibytes: Int, before: Before) throws -> Measurement {
        let count = mebibytes << 20
        let whole = Extent(offset: 0, count: count)
        let segment = try SharedSegment(capacity: count)
        let source = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
        let target = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
        defer {
            source.deallocate()
            target.deallocate()
        }
        source.initializeMemory(as: UInt8.self, repeating: 1)
        target.initializeMemory(as: UInt8.self, repeating: 2)
        try segment.write(UnsafeRawBufferPointer(source), to: whole)
        var ours: [Double] = []
        var theirs: [Double] = []
        let repeats = before == .nothing ? max(1, 256 / mebibytes) : 1
        for _ in 0..<max(rounds, before == .nothing ? 1 : 9) {
            let copy = seconds { for _ in 0..<repeats { target.copyMemory(from: UnsafeRawBufferPointer(source)) } }
            var other = segment
            if before == .punch { try segment.returnPages(of: whole) }
            if before == .map { other = try SharedSegment(descriptor: dup(segment.descriptor), capacity: count) }
            let write = try seconds {
                for _ in 0..<repeats { try other.write(UnsafeRawBufferPointer(source), to: whole) }
            }
            theirs.append(Double(count * repeats) / copy / 1e9)
            ours.append(Double(count * repeats) / write / 1e9)
        }
        return Measurement(
            name: "\(name) \(mebibytes) MiB", unit: "GB/s", samples: ours, peer: ("memcpy, one thread", theirs))
    }

    /// An object's life as the core sees it: created, sealed, read and released, among a thousand others.
    private func core() -> Measurement {
        var store = StoreCore(StoreCore.Configuration(capacity: 1 << 30, spillCapacity: 0))
        var effects: [StoreEffect] = []
        let now = Instant(nanoseconds: 0)
        let deadline = now + .seconds(10)
        var number: UInt64 = 0
        store.handle(.join(1, label: "client"), at: now, into: &effects)
        func life() {
            number += 1
            let id = ObjectID(owner: 1, number: number)
            effects.removeAll(keepingCapacity: true)
            store.handle(
                .create(id, size: 100_000, client: 1, deadline: deadline, site: "bench"), at: now, into: &effects)
            store.handle(.seal(id, client: 1, heir: nil), at: now, into: &effects)
            store.handle(
                .pin([id], ticket: ReadTicket(client: 1, number: number), deadline: deadline), at: now,
                into: &effects)
            store.handle(.unpin([id], client: 1), at: now, into: &effects)
            if number > 1000 {
                store.handle(
                    .release([ObjectID(owner: 1, number: number - 1000)], client: 1), at: now, into: &effects)
            }
        }
        var samples: [Double] = []
        for _ in 0..<rounds {
            let count = 50_000
            samples.append(Double(count) / seconds { for _ in 0..<count { life() } })
        }
        return Measurement(name: "core: create, seal, pin, unpin, release", unit: "1/s", samples: samples)
    }

    private func spill() throws -> [Measurement] {
        let count = 256 << 20
        let segment = try SharedSegment(capacity: count)
        let file = try SpillFile(folder: folder, segment: segment)
        defer { file.stop() }
        let source = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 4096)
        defer { source.deallocate() }
        source.initializeMemory(as: UInt8.self, repeating: 7)
        try segment.write(UnsafeRawBufferPointer(source), to: Extent(offset: 0, count: count))
        func next() -> StoreEvent? {
            var descriptor = pollfd(fd: file.readiness, events: Int16(POLLIN), revents: 0)
            while poll(&descriptor, 1, -1) == 1 {
                if let event = file.takeEvents().first { return event }
            }
            return nil
        }
        var written: [Double] = []
        var read: [Double] = []
        let id = ObjectID(owner: 1, number: 1)
        for round in 0..<max(3, rounds / 3) {
            var sums: [UInt64] = []
            let writing = seconds {
                file.spill(
                    UInt64(round),
                    [SpillItem(object: id, memory: Extent(offset: 0, count: count), fileOffset: 0)])
                if case .spillFinished(_, let checksums)? = next() { sums = checksums }
            }
            guard let sum = sums.first else { continue }
            var isRight = false
            let reading = seconds {
                file.restore(
                    UInt64(round),
                    RestoreItem(object: id, memory: Extent(offset: 0, count: count), fileOffset: 0, checksum: sum))
                if case .restoreFinished? = next() { isRight = true }
            }
            guard isRight else { continue }
            written.append(Double(count) / writing / 1e9)
            read.append(Double(count) / reading / 1e9)
        }
        return [
            Measurement(name: "spill 256 MiB", unit: "GB/s", samples: written),
            Measurement(name: "restore 256 MiB, cached", unit: "GB/s", samples: read),
        ]
    }
}

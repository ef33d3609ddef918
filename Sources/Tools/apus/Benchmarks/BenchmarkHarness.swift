import JSON

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Measures rates as the runtime specification says (section 7): idle, warm up while counting iterations, then rounds of
/// a tenth of that count each, repeated until the round is long enough.
struct BenchmarkHarness {
    let idle: Duration
    let warmUp: Duration
    let round: Duration
    let rounds: Int

    /// The specification's times.
    static let exact = BenchmarkHarness(idle: .seconds(10), warmUp: .seconds(1), round: .seconds(2), rounds: 4)
    /// A look that takes about two seconds a benchmark.
    static let quick = BenchmarkHarness(idle: .zero, warmUp: .milliseconds(300), round: .milliseconds(400), rounds: 4)

    struct Measurement {
        let name: String
        /// The mean of the samples.
        let value: Double
        let unit: String
        let samples: [Double]
        /// The same work by the peer, in the same rounds.
        var peer: (name: String, samples: [Double])?

        /// The median of the rounds' ratios: each compares runs right after each other.
        var ratio: Double? {
            guard let peer else { return nil }
            let ratios = zip(samples, peer.samples).map { $0 / $1 }.sorted()
            return ratios.isEmpty ? nil : ratios[ratios.count / 2]
        }

        var deviation: Double {
            guard samples.count > 1 else { return 0 }
            let squares = samples.reduce(0) { $0 + ($1 - value) * ($1 - value) }
            return (squares / Double(samples.count - 1)).squareRoot()
        }

        var json: JSONValue {
            var object: JSONObject = [
                "name": JSONValue(name), "value": JSONValue(value), "unit": JSONValue(unit),
                "samples": .array(samples.map { JSONValue($0) }),
            ]
            if let peer, let ratio {
                object["peer"] = JSONValue(peer.name)
                object["peerValue"] = JSONValue(peer.samples.reduce(0, +) / Double(max(1, peer.samples.count)))
                object["ratio"] = JSONValue(ratio)
            }
            return .object(object)
        }

        var line: String {
            func short(_ value: Double) -> String {
                value < 1000 ? "\((value * 100).rounded() / 100)" : "\(Int64(value))"
            }
            let comparison = ratio.map { ", \(short($0)) of \(peer?.name ?? "")" } ?? ""
            let spread = samples.count > 1 ? " ± \(short(deviation))" : ""
            return "\(name): \(short(value))\(spread) \(unit)\(comparison)"
        }
    }

    /// - Parameter multiplier: units of work in one iteration.
    func measure(
        _ name: String, multiplier: Double, unit: String = "1/s", _ iteration: () async throws -> Void
    ) async throws -> Measurement {
        if idle > .zero { try await Task.sleep(for: idle) }
        let clock = ContinuousClock()
        var count = 0
        let start = clock.now
        while clock.now - start < warmUp {
            try await iteration()
            count += 1
        }
        let step = count / 10 + 1
        var samples: [Double] = []
        for _ in 0..<rounds {
            var iterations = 0
            let start = clock.now
            while clock.now - start < round {
                for _ in 0..<step { try await iteration() }
                iterations += step
            }
            samples.append(multiplier * Double(iterations) / ((clock.now - start) / .seconds(1)))
        }
        return Measurement(
            name: name, value: samples.reduce(0, +) / Double(samples.count), unit: unit, samples: samples)
    }

    /// Measures work beside others that do as much: all take turns within each round.
    ///
    /// - Parameter amount: of work in one iteration, of each.
    /// - Returns: one measurement for each peer, of the same samples.
    func measure(
        _ name: String, amount: Double, unit: String, beside peers: [(name: String, work: () throws -> Void)],
        _ iteration: () async throws -> Void
    ) async throws -> [Measurement] {
        if idle > .zero { try await Task.sleep(for: idle) }
        let clock = ContinuousClock()
        func seconds(since start: ContinuousClock.Instant) -> Double { (clock.now - start) / .seconds(1) }
        let start = clock.now
        repeat {
            for peer in peers { try peer.work() }
            try await iteration()
        } while clock.now - start < warmUp
        var ours: [Double] = []
        var theirs: [[Double]] = peers.map { _ in [] }
        for _ in 0..<rounds {
            var times = Array(repeating: 0.0, count: peers.count + 1)
            var count = 0.0
            let start = clock.now
            repeat {
                for (index, peer) in peers.enumerated() {
                    let start = clock.now
                    try peer.work()
                    times[index] += seconds(since: start)
                }
                let start = clock.now
                try await iteration()
                times[peers.count] += seconds(since: start)
                count += 1
            } while clock.now - start < round * (peers.count + 1)
            for index in peers.indices { theirs[index].append(amount * count / times[index]) }
            ours.append(amount * count / times[peers.count])
        }
        let value = ours.reduce(0, +) / Double(ours.count)
        return peers.indices.map {
            Measurement(name: name, value: value, unit: unit, samples: ours, peer: (peers[$0].name, theirs[$0]))
        }
    }

    /// Resident memory of this process in bytes.
    static var residentMemory: Int64 {
        #if os(Linux)
            guard let file = fopen("/proc/self/statm", "r") else { return 0 }
            defer { fclose(file) }
            var pages = [0, 0]
            guard
                withUnsafeMutablePointer(
                    to: &pages[0],
                    { first in
                        withVaList([first]) { vfscanf(file, "%*ld %ld", $0) }
                    }) == 1
            else { return 0 }
            return Int64(pages[0]) * Int64(sysconf(Int32(_SC_PAGESIZE)))
        #else
            return 0
        #endif
    }

    /// What the figures depend on.
    static var processors: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

    static var machine: JSONValue {
        var name = utsname()
        uname(&name)
        let system = withUnsafeBytes(of: &name.release) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let architecture = withUnsafeBytes(of: &name.machine) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        return .object([
            "processors": JSONValue(processors),
            "memory": JSONValue(Int64(sysconf(Int32(_SC_PHYS_PAGES))) * Int64(sysconf(Int32(_SC_PAGESIZE)))),
            "architecture": JSONValue(architecture), "kernel": JSONValue(system),
        ])
    }
}

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

        var deviation: Double {
            guard samples.count > 1 else { return 0 }
            let squares = samples.reduce(0) { $0 + ($1 - value) * ($1 - value) }
            return (squares / Double(samples.count - 1)).squareRoot()
        }

        var json: JSONValue {
            .object([
                "name": JSONValue(name), "value": JSONValue(value), "unit": JSONValue(unit),
                "samples": .array(samples.map { JSONValue($0) }),
            ])
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

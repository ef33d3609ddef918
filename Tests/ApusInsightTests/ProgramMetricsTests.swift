import Apus
import ApusInsight
import ApusTransport
import CApusSystem
import Distributed
import Foundation
import Metrics
import Testing

struct CountPages: RemoteTask {
    /// The first part of the metrics' names: the driver's count for all clusters of a process.
    var place: String
    var language: String
    var count: Int
    func run() async throws -> Int32 {
        let pages = Metrics.Counter(label: "\(place).pages", dimensions: [("language", language)])
        for _ in 0..<count { pages.increment() }
        Metrics.FloatingPointCounter(label: "\(place).tokens").increment(by: 0.25)
        Metrics.Timer(label: "\(place).parse").recordMilliseconds(40)
        Metrics.Recorder(label: "\(place).length").record(70)
        return getpid()
    }
}

struct CountAndDie: RemoteTask {
    func run() async throws -> Int {
        Metrics.Counter(label: "test.before.death").increment(by: 11)
        Metrics.Gauge(label: "test.fever").record(42)
        kill(getpid(), SIGKILL)
        return 0
    }
}

distributed actor Gauger {
    typealias ActorSystem = ApusActorSystem
    distributed func set(_ value: Double) {
        Metrics.Gauge(label: "test.level", dimensions: [("process", "mine")]).record(value)
        Metrics.Meter(label: "test.meter").increment(by: value)
    }
}

struct NewGauger: ActorBlueprint {
    func make(in system: ApusActorSystem) async throws -> Gauger { Gauger(actorSystem: system) }
}

/// Python with the reference parser, where `APUS_PROMETHEUS_PYTHON` names one.
enum ReferenceParser {
    static let python = ProcessInfo.processInfo.environment["APUS_PROMETHEUS_PYTHON"]

    /// What `prometheus_client` reads, a line each: the sample's name, its labels sorted, its value.
    static func read(_ text: String) throws -> [String] {
        let process = Process()
        process.executableURL = URL(filePath: try #require(python))
        process.arguments = [
            "-c",
            """
            import sys, json
            from prometheus_client.parser import text_string_to_metric_families as parse
            for family in parse(sys.stdin.read()):
                assert family.type in ("counter", "gauge", "histogram"), family
                for s in family.samples:
                    print(json.dumps([s.name, sorted(s.labels.items()), float(s.value)]))
            """,
        ]
        let folder = try ScratchFolder()
        let (input, output) = ("\(folder.path)/metrics", "\(folder.path)/samples")
        try Data(text.utf8).write(to: URL(filePath: input))
        try Data().write(to: URL(filePath: output))
        process.standardInput = FileHandle(forReadingAtPath: input)
        process.standardOutput = FileHandle(forWritingAtPath: output)
        try process.run()
        process.waitUntilExit()
        let bytes = try Data(contentsOf: URL(filePath: output))
        try #require(process.terminationStatus == 0, "prometheus_client refuses the text:\n\(text)")
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

@Suite("A program's metrics", .timeLimit(.minutes(5))) struct ProgramMetricsTests {
    // MARK: Names

    @Test("names and labels become what Prometheus takes, once and for all")
    func names() throws {
        func key(_ kind: MetricKind, _ label: String, _ labels: [(String, String)] = []) -> MetricKey {
            MetricKey(kind, label, labels)
        }
        #expect(key(.counter, "http.requests").name == "http_requests_total")
        #expect(key(.counter, "x_total").name == "x_total")
        #expect(key(.durations, "9 lives").name == "_9_lives_seconds")
        #expect(key(.gauge, "größe").name == "gr__e")
        #expect(key(.gauge, "").name == "unnamed")
        #expect(key(.values, "a:b").name == "a_b")
        let labels = key(.values, "x", [("le", "1"), ("__secret", "2"), ("b-b", "3"), ("b_b", "4"), ("c", "")]).labels
        #expect(labels == [.init("_secret", "2"), .init("b_b", "3"), .init("exported_le", "1")])
        #expect(key(.gauge, "x", [("process", "a")]).labels == [.init("exported_process", "a")])
        let long = key(.gauge, "x", [("l", String(repeating: "é", count: 300))]).labels[0].value
        #expect(long == String(repeating: "é", count: 128))
        #expect(key(.gauge, "x", (0..<50).map { ("l\($0)", "v") }).labels.count == MetricKey.labelLimit)
    }

    @Test("whatever names come, the text is what the format asks for")
    func fuzzedNames() throws {
        var random = SeededNumbers()
        let recorder = try MetricRecorder()
        func text() -> String {
            String(
                String.UnicodeScalarView(
                    (0..<random.below(12)).map { _ in
                        Unicode.Scalar(UInt32(random.below(4) == 0 ? random.below(0xD000) : random.below(128))) ?? "?"
                    }))
        }
        for _ in 0..<500 {
            let kind = MetricKind.allCases[Int(random.below(5))]
            let handler = recorder.handler(kind, text(), (0..<random.below(4)).map { _ in (text(), text()) })
            handler?.increment(by: Int64(random.below(1000)))
        }
        var totals = MetricTotals()
        totals.add(recorder.reader, process: "driver")
        var written = MetricsText()
        totals.write(into: &written)
        _ = try MetricsParser(written.text)
        if ReferenceParser.python != nil { #expect(try !ReferenceParser.read(written.text).isEmpty, random.replay) }
    }

    // MARK: Values

    @Test("values are counted into the right buckets, by several threads too")
    func histogram() throws {
        var random = SeededNumbers()
        let recorder = try MetricRecorder()
        let values = (0..<4000).map { _ in Int64(exp(Double(random.below(26_000)) / 1000)) }
        DispatchQueue.concurrentPerform(iterations: 4) { part in
            for value in values[part * 1000..<part * 1000 + 1000] {
                (recorder.handler(.durations, "d", []))?.recordNanoseconds(value)
            }
        }
        let sample = try #require(recorder.reader.samples().first)
        guard case .histogram(let sum, let buckets) = sample.value else {
            Issue.record("no histogram")
            return
        }
        let seconds = values.map { Double($0) / 1e9 }
        #expect(abs(sum - seconds.reduce(0, +)) < 1e-6 * sum)
        let bounds = sample.kind.bounds
        let expected = (0...bounds.count).map { index in
            UInt64(
                seconds.count {
                    (index == 0 || $0 > bounds[index - 1]) && (index == bounds.count || $0 <= bounds[index])
                })
        }
        #expect(buckets == expected, random.replay)
        var totals = MetricTotals()
        totals.add(recorder.reader, process: nil)
        totals.add(recorder.reader, process: nil)
        var text = MetricsText()
        totals.write(into: &text)
        let parsed = try MetricsParser(text.text)
        #expect(parsed.types["d_seconds"] == "histogram")
        #expect(parsed.value("d_seconds_count") == 8000)
        #expect(parsed.value("d_seconds_bucket", ["le": "+Inf"]) == 8000)
        let bound = try #require(parsed.value("d_seconds_bucket", ["le": "0.01"]))
        #expect(bound == 2 * Double(seconds.count { $0 <= 0.01 }))
    }

    @Test("too many label values share one series, and too many metrics are counted")
    func limits() throws {
        let recorder = try MetricRecorder()
        for number in 0..<MetricRecorder.seriesLimit + 500 {
            recorder.handler(.counter, "many", [("user", "\(number)")])?.increment(by: 1)
        }
        var totals = MetricTotals()
        totals.add(recorder.reader, process: "1")
        var text = MetricsText()
        totals.write(into: &text)
        let parsed = try MetricsParser(text.text)
        #expect(parsed.samples.count == MetricRecorder.seriesLimit + 1)
        #expect(parsed.value("many_total", ["overflow": "true"]) == 500)
        #expect(parsed.samples.reduce(0) { $0 + $1.value } == Double(MetricRecorder.seriesLimit + 500))
        var refused = 0
        for number in 0..<100_000 where recorder.handler(.values, "name\(number)", []) == nil { refused += 1 }
        #expect(refused > 0)
        #expect(recorder.reader.refused == UInt64(refused))
    }

    @Test("two kinds of one name are two metrics, and the runtime's own names stay its own")
    func conflicts() throws {
        let recorder = try MetricRecorder()
        recorder.handler(.values, "size", [])?.recordNanoseconds(1)
        recorder.handler(.counter, "apus_uptime_seconds", [])?.increment(by: 3)
        recorder.handler(.durations, "apus_uptime", [])?.recordNanoseconds(5)
        recorder.handler(.counter, "size_count_total", [])?.increment(by: 4)
        var totals = MetricTotals()
        totals.add(recorder.reader, process: "1")
        let report = ClusterReport(
            cluster: "c", version: "1", program: "/x", driver: 4, uptime: 1.5, metricsPort: nil)
        let text = report.metrics(totals)
        let parsed = try MetricsParser(text)
        #expect(parsed.value("apus_uptime_seconds") == 1.5)
        #expect(parsed.value("apus_uptime_seconds_total") == 3)
        #expect(parsed.value("apus_uptime_seconds_histogram_count") == 1)
        #expect(parsed.value("size_count_total") == 4)
        if ReferenceParser.python != nil { #expect(try !ReferenceParser.read(text).isEmpty) }
    }

    @Test("a reader survives whatever a process writes")
    func hostile() throws {
        var random = SeededNumbers()
        let recorder = try MetricRecorder()
        for number in 0..<20 {
            recorder.handler(MetricKind.allCases[number % 5], "m\(number)", [("a", "b")])?.increment(by: 1)
        }
        let mapping = try SharedMapping(descriptor: recorder.descriptor, length: MetricMemory.length)
        let reader = try MetricReader(descriptor: recorder.descriptor)
        #expect(reader.samples().count > 0)
        for round in 0..<20_000 {
            (mapping.base + Int(random.below(4096))).storeBytes(of: UInt8(random.below(256)), as: UInt8.self)
            var totals = MetricTotals()
            totals.add(reader, process: "1")
            var text = MetricsText()
            totals.write(into: &text)
            guard round % 100 == 0 else { continue }
            #expect(throws: Never.self, random.replay) { try MetricsParser(text.text) }
        }
    }

    @Test("memory that can shrink, or is too short, is not read")
    func unsealed() throws {
        let open = try SharedMapping.create(label: "test", length: MetricMemory.length)
        defer { close(open) }
        #expect(throws: TransportError.self) { try MetricReader(descriptor: open) }
        let short = try SharedMapping.create(label: "test", length: 4096)
        defer { close(short) }
        _ = apus_memory_seal_size(short)
        #expect(throws: TransportError.self) { try MetricReader(descriptor: short) }
    }

    // MARK: Clusters

    private func parsed(_ cluster: Cluster) async throws -> MetricsParser {
        try MetricsParser(try await cluster.metrics())
    }

    @Test("what tasks, actors and the driver count is added up at the node, also of workers that were killed")
    func local() async throws {
        _ = TestState.path
        let name = "metrics-\(UUID().uuidString)"
        try await withCluster(.local(cpus: 2, name: name, metricsPort: 0)) { cluster async throws in
            let before = try await parsed(cluster).value("test_driver_total") ?? 0
            Metrics.Counter(label: "test.driver").increment(by: 5)
            var tasks: [ObjectRef<Int32>] = []
            for number in 0..<40 {
                tasks.append(
                    try cluster.submit(
                        CountPages(place: "local", language: number % 4 == 0 ? "de" : "en\"\\\n", count: number)))
            }
            let processes = Set(try await cluster.get(tasks))
            #expect(!processes.contains(getpid()))
            await #expect(throws: (any Error).self) {
                try await cluster.submit(CountAndDie(), .init(retries: 0)).value
            }
            let gauger = try await cluster.create(NewGauger())
            try await gauger.set(2.5)
            try await gauger.set(1.5)

            let text = try await cluster.metrics()
            let metrics = try MetricsParser(text)
            #expect(metrics.value("test_driver_total") == before + 5)
            #expect(metrics.value("local_pages_total", ["language": "de"]) == 180)
            #expect(metrics.value("local_pages_total", ["language": "en\"\\\n"]) == 600)
            #expect(metrics.value("local_tokens_total") == 10)
            #expect(metrics.value("local_parse_seconds_count") == 40)
            #expect(metrics.value("local_parse_seconds_bucket", ["le": "0.025"]) == 0)
            #expect(metrics.value("local_parse_seconds_bucket", ["le": "0.05"]) == 40)
            #expect(abs((metrics.value("local_parse_seconds_sum") ?? 0) - 1.6) < 1e-9)
            #expect(metrics.value("local_length_sum") == 2800)
            #expect(metrics.value("test_before_death_total") == 11)
            #expect(metrics.samples.allSatisfy { $0.name != "test_fever" })
            let level = try #require(metrics.samples.first { $0.name == "test_level" })
            #expect(level.value == 1.5)
            #expect(level.labels["exported_process"] == "mine")
            #expect(level.labels["process"].flatMap(Int.init) != nil)
            #expect(metrics.samples.first { $0.name == "test_meter" }?.value == 4)
            #expect(metrics.value("apus_tasks_submitted_total", ["name": "CountPages"]) == 40)

            let client = try InsightClient.connect(to: name)
            guard case .text(let told) = try client.ask(.metrics) else {
                Issue.record("no text")
                return
            }
            #expect(try MetricsParser(told).value("local_pages_total", ["language": "de"]) == 180)
            guard case .report(let report) = try client.ask(.report(tasks: nil, objects: false)) else { return }
            let served = try exchange(
                try #require(report.metricsPort), Array("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
            #expect(served.contains("\nlocal_pages_total{language=\"de\"} 180\n"))

            if ReferenceParser.python != nil {
                let lines = try ReferenceParser.read(text)
                #expect(lines.count == metrics.samples.count)
                #expect(lines.contains(#"["local_pages_total", [["language", "en\"\\\n"]], 600.0]"#))
            }
        }
    }

    @Test("an embedded cluster has the program's own")
    func embedded() async throws {
        try await withCluster(.embedded(cpus: 2)) { cluster async throws in
            let before = try await parsed(cluster).value("embedded_pages_total", ["language": "fr"]) ?? 0
            let tasks = try (0..<10).map {
                try cluster.submit(CountPages(place: "embedded", language: "fr", count: $0))
            }
            _ = try await cluster.get(tasks)
            #expect(try await parsed(cluster).value("embedded_pages_total", ["language": "fr"]) == before + 45)
        }
    }

    @Test(
        "the text agrees with the reference parser",
        .enabled(
            if: ReferenceParser.python != nil, "APUS_PROMETHEUS_PYTHON names no Python with prometheus_client"))
    func reference() throws {
        let recorder = try MetricRecorder()
        recorder.handler(.values, "sizes", [("a", "x\\y\"z\n")])?.recordNanoseconds(2_000_000_000)
        recorder.handler(.counter, "big", [])?.increment(by: .max)
        var totals = MetricTotals()
        totals.add(recorder.reader, process: "1")
        var text = MetricsText()
        totals.write(into: &text)
        let lines = try ReferenceParser.read(text.text)
        #expect(lines.contains(#"["big_total", [], 9.223372036854776e+18]"#))
        #expect(lines.contains(#"["sizes_bucket", [["a", "x\\y\"z\n"], ["le", "2.5"]], 1.0]"#))
        #expect(
            lines.contains(#"["sizes_bucket", [["a", "x\\y\"z\n"], ["le", "1.0"]], 0.0]"#)
                || lines.contains(#"["sizes_bucket", [["a", "x\\y\"z\n"], ["le", "1"]], 0.0]"#))
    }
}

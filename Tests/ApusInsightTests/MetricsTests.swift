import ApusCore
import ApusInsight
import Foundation
import Testing

/// Reads the text format 0.0.4 strictly: the grammar of Prometheus's "Exposition formats".
struct MetricsParser {
    struct Sample: Equatable {
        var name: String
        var labels: [String: String]
        var value: Double
    }
    struct Failure: Error, CustomStringConvertible {
        var line: Int
        var reason: String
        init(at line: Int, _ reason: String) { (self.line, self.reason) = (line, reason) }
        var description: String { "line \(line): \(reason)" }
    }

    var samples: [Sample] = []
    var types: [String: String] = [:]
    var helps: [String: String] = [:]

    init(_ text: String) throws {
        guard text.isEmpty || text.hasSuffix("\n") else { throw Failure(at: 0, "the last line has no end") }
        var finished: Set<String> = []
        var series: Set<[String]> = []
        var current: String?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            func fail(_ reason: String) -> Failure { .init(at: index + 1, reason) }
            if line.isEmpty { continue }
            if line.hasPrefix("#") {
                let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
                guard words.count == 4, words[1] == "HELP" || words[1] == "TYPE" else {
                    throw fail("a comment of another kind")
                }
                let name = String(words[2])
                guard Self.isName(name, colons: true) else { throw fail("name \(name)") }
                if words[1] == "HELP" {
                    guard helps[name] == nil else { throw fail("a second HELP of \(name)") }
                    helps[name] = String(words[3])
                } else {
                    guard types[name] == nil else { throw fail("a second TYPE of \(name)") }
                    guard ["counter", "gauge", "histogram", "summary", "untyped"].contains(words[3]) else {
                        throw fail("type \(words[3])")
                    }
                    guard !series.contains(where: { $0[0] == name }) else { throw fail("TYPE after samples") }
                    types[name] = String(words[3])
                }
                if current != name {
                    if let current { finished.insert(current) }
                    current = name
                }
                guard !finished.contains(name) else { throw fail("the lines of \(name) are not together") }
                continue
            }
            let sample = try Self.sample(line.unicodeScalars.map { Character($0) }, fail)
            guard let current, sample.name == current || Self.isPart(sample, of: current, types[current]) else {
                throw fail("\(sample.name) without TYPE")
            }
            let identity = [sample.name] + sample.labels.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
            guard series.insert(identity).inserted else { throw fail("twice the same series") }
            samples.append(sample)
        }
        try checkHistograms()
    }

    /// Whether it is one of the lines of a histogram.
    private static func isPart(_ sample: Sample, of metric: String, _ type: String?) -> Bool {
        guard type == "histogram" else { return false }
        return sample.name == "\(metric)_bucket"
            ? sample.labels["le"] != nil : sample.name == "\(metric)_sum" || sample.name == "\(metric)_count"
    }

    /// Each histogram has rising bounds, counts that do not fall, and `+Inf` for the count.
    private func checkHistograms() throws {
        for name in types.filter({ $0.value == "histogram" }).keys {
            let buckets = Dictionary(grouping: samples.filter { $0.name == "\(name)_bucket" }) { sample in
                sample.labels.filter { $0.key != "le" }
            }
            for (labels, lines) in buckets {
                let bounds = lines.map {
                    ["+Inf": Double.infinity][$0.labels["le"] ?? ""] ?? Double($0.labels["le"] ?? "") ?? .nan
                }
                guard zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 }), bounds.last == .infinity,
                    zip(lines, lines.dropFirst()).allSatisfy({ $0.value <= $1.value }),
                    value("\(name)_count", labels) == lines.last?.value, value("\(name)_sum", labels) != nil
                else { throw Failure(at: 0, "the buckets of \(name)") }
            }
        }
    }

    private static func isName(_ text: some StringProtocol, colons: Bool) -> Bool {
        guard let first = text.first, first.isASCII, first.isLetter || first == "_" || (colons && first == ":") else {
            return false
        }
        return text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_" || (colons && $0 == ":")) }
    }

    private static func sample(_ line: [Character], _ fail: (String) -> Failure) throws -> Sample {
        var place = 0
        func take(_ isIn: (Character) -> Bool) -> String {
            var text = ""
            while place < line.count, isIn(line[place]) {
                text.append(line[place])
                place += 1
            }
            return text
        }
        let name = take { $0 != "{" && $0 != " " }
        guard isName(name, colons: true) else { throw fail("name \(name)") }
        var labels: [String: String] = [:]
        if place < line.count, line[place] == "{" {
            place += 1
            while place < line.count, line[place] != "}" {
                let label = take { $0 != "=" }
                guard isName(label, colons: false), !label.hasPrefix("__"), labels[label] == nil else {
                    throw fail("label \(label)")
                }
                guard place + 1 < line.count, line[place + 1] == "\"" else { throw fail("label \(label) has no value") }
                place += 2
                var value = ""
                while place < line.count, line[place] != "\"" {
                    if line[place] == "\\" {
                        place += 1
                        guard place < line.count, let escaped = ["\\": "\\", "\"": "\"", "n": "\n"][line[place]] else {
                            throw fail("escape")
                        }
                        value += escaped
                    } else {
                        value.append(line[place])
                    }
                    place += 1
                }
                labels[label] = value
                place += 1
                if place < line.count, line[place] == "," { place += 1 }
            }
            guard place < line.count else { throw fail("the labels do not end") }
            place += 1
        }
        guard place < line.count, line[place] == " " else { throw fail("no blank before the value") }
        place += 1
        let number = String(line[place...])
        let special = ["+Inf": Double.infinity, "-Inf": -.infinity, "NaN": .nan]
        guard let value = special[number] ?? Double(number) else { throw fail("value \(number)") }
        return Sample(name: name, labels: labels, value: value)
    }

    func value(_ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { $0.name == name && $0.labels == labels }?.value
    }
}

@Suite("Metrics", .timeLimit(.minutes(5))) struct MetricsTests {
    private var report: ClusterReport {
        var report = ClusterReport(
            cluster: "a\"b\\c\nd", version: "1", program: "/bin/x", driver: 4, uptime: 1.5, metricsPort: nil)
        var counts = NameCounts(name: "Generic<Array<Int>, \"x\">", counts: Array(repeating: 0, count: EventKind.count))
        counts.counts[Int(EventKind.submitted.rawValue)] = 10
        counts.counts[Int(EventKind.succeeded.rawValue)] = 4
        counts.counts[Int(EventKind.failed.rawValue)] = 1
        counts.counts[Int(EventKind.started.rawValue)] = 7
        counts.counts[Int(EventKind.ended.rawValue)] = 5
        report.counts = [counts]
        var node = NodeReport(
            number: 0, pid: 3, total: Resources(cpus: 2, memory: 100, custom: ["slots": 4]),
            available: Resources(cpus: 0.5, memory: 50, custom: ["slots": 4]))
        node.counters.linesForwarded = 12
        node.store = StoreFigures(capacity: 1000, shared: 10, spilled: 20, objects: 3)
        report.nodes = [node]
        return report
    }

    @Test("the text is what the format asks for, and says what the report says")
    func format() throws {
        let parsed = try MetricsParser(report.metrics())
        let name = ["name": "Generic<Array<Int>, \"x\">"]
        #expect(parsed.value("apus_tasks_submitted_total", name) == 10)
        #expect(parsed.value("apus_tasks", ["state": "pending"]) == 5)
        #expect(parsed.value("apus_tasks", ["state": "running"]) == 2)
        #expect(parsed.value("apus_resources_available", ["resource": "cpus"]) == 0.5)
        #expect(parsed.value("apus_resources_total", ["resource": "slots"]) == 4)
        #expect(parsed.value("apus_lines_forwarded_total") == 12)
        #expect(parsed.value("apus_store_bytes", ["place": "spilled"]) == 20)
        #expect(parsed.value("apus_info", ["cluster": "a\"b\\c\nd", "version": "1", "program": "/bin/x"]) == 1)
        for sample in parsed.samples where parsed.types[sample.name] == "counter" {
            #expect(sample.name.hasSuffix("_total"))
        }
    }

    @Test(
        "the port answers requests of HTTP, and refuses all else",
        arguments: [
            ("GET /metrics HTTP/1.1\r\nHost: localhost:1\r\n\r\n", 200), ("GET /metrics HTTP/1.0\r\n\r\n", 200),
            ("GET /metrics?x=1 HTTP/1.1\nHost: 127.0.0.1\n\n", 200),
            ("HEAD /metrics HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 200),
            ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
            ("POST /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
            ("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421), ("GET /metrics\r\n\r\n", 400),
            ("\r\n\r\n", 400), ("GET /metrics HTTP/1.1\r\nbroken\r\n\r\n", 400),
            ("GET /metrics HTTP/1.1\r\nX: " + String(repeating: "x", count: 9000) + "\r\n\r\n", 431),
        ])
    func http(request: String, code: Int) throws {
        let text = report.metrics()
        let server = try AnsweringServer(answer: text, metricsPort: 0)
        try server.run(text) {
            let answer = try exchange(try #require(server.server.metricsPort), Array(request.utf8))
            #expect(answer.hasPrefix("HTTP/1.1 \(code) "))
            let parts = answer.components(separatedBy: "\r\n\r\n")
            #expect(answer.contains("Connection: close\r\n"))
            if code == 200, !request.hasPrefix("HEAD") {
                #expect(answer.contains("Content-Type: text/plain; version=0.0.4"))
                #expect(answer.contains("Content-Length: \(text.utf8.count)\r\n"))
                #expect(parts.dropFirst().joined(separator: "\r\n\r\n") == text)
            }
        }
    }

    @Test("bytes that are no request get an answer or the end")
    func fuzz() throws {
        var numbers = SeededNumbers()
        let server = try AnsweringServer(answer: "", metricsPort: 0)
        try server.run("") {
            let port = try #require(server.server.metricsPort)
            for _ in 0..<200 {
                let bytes = (0..<numbers.below(300)).map { _ in UInt8(numbers.below(256)) } + Array("\r\n\r\n".utf8)
                let answer = try exchange(port, bytes)
                #expect(answer.hasPrefix("HTTP/1.1 4"), numbers.replay)
            }
            #expect(
                try exchange(port, Array("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)).hasPrefix(
                    "HTTP/1.1 200"))
        }
    }
}

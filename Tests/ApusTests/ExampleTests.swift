import Apus
import Testing

/// The program of the module's documentation and of the README; it is here so that it compiles and runs.
struct CountWords: RemoteTask {
    @Input var page: String
    var minimumLength = 3
    func run() async throws -> Int { page.split(separator: " ").count { $0.utf8.count >= minimumLength } }
}

struct Total: RemoteTask {
    @Inputs var counts: [Int]
    func run() async throws -> Int { counts.reduce(0, +) }
}

@Suite("Example") struct ExampleTests {
    @Test("the documentation's program runs")
    func example() async throws {
        try await withCluster(.fromEnvironment) { cluster in
            let page = try await cluster.put("the swift sleeps on the wing")
            let counts = try [
                cluster.submit(CountWords(page: page)),
                cluster.submit(
                    CountWords(page: "it lands only to nest", minimumLength: 4), .init(cpus: 0.5, retries: 3)),
            ]
            let total = try cluster.submit(Total(counts: Inputs(counts)))
            let (ready, pending) = try await cluster.wait(for: counts, count: 1, timeout: .seconds(1))
            #expect(ready.count == 1)
            #expect(pending.count == 1)
            #expect(try await total.value == 8)
        }
    }
}

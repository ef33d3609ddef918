import Apus
import ApusCore
import Coresets
import Files
import Foundation
import JSON
import Testing

@Suite("Core-sets of texts") struct TextTests {
    private static let topics = [
        ["swift", "wing", "nest", "feather", "migrate", "roost", "egg", "flight"],
        ["tensor", "gradient", "loss", "layer", "batch", "weight", "epoch", "model"],
        ["flour", "butter", "oven", "sugar", "dough", "yeast", "crust", "salt"],
        ["goal", "keeper", "match", "league", "referee", "pitch", "corner", "striker"],
    ]

    private static func text(_ topic: Int, _ generator: inout SeededGenerator, words: Int = 40) -> String {
        (0..<words).map { _ in topics[topic][generator.below(8)] }.joined(separator: " ")
    }

    @Test("dot products of rows are about the cosines of n-gram counts") func cosines() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 90)
        let features = try TextFeatures(columns: 4096, longest: 2)
        func counts(_ text: String) -> [String: Double] {
            let words = text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
            var counts: [String: Double] = [:]
            for index in words.indices {
                counts[words[index], default: 0] += 1
                if index > 0 { counts[words[index - 1] + " " + words[index], default: 0] += 1 }
            }
            return counts.mapValues { 1 + log($0) }
        }
        for round in 0..<100 {
            let texts = (0..<2).map { _ in
                Self.text(generator.below(4), &generator) + ", "
                    + Self.text(generator.below(4), &generator).uppercased()
            }
            let (a, b) = (counts(texts[0]), counts(texts[1]))
            func norm(_ x: [String: Double]) -> Double { x.values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
            let cosine = a.reduce(0) { $0 + $1.value * (b[$1.key] ?? 0) } / (norm(a) * norm(b))
            let ours = zip(features.row(of: texts[0]), features.row(of: texts[1])).reduce(0) {
                $0 + Double($1.0 * $1.1)
            }
            #expect(abs(ours - cosine) < 0.08, Replay.note(round))
        }
        #expect(features.row(of: " -- !?").allSatisfy { $0 == 0 })
        #expect(features.row(of: "Ünïcode words") == features.row(of: "Ünïcode  WORDS"))
        #expect(throws: CoresetError.self) { try TextFeatures(columns: 0) }
    }

    private static func folder() -> String {
        let path = NSTemporaryDirectory() + "coresets-\(UUID().uuidString)"
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    @Test(
        "each topic is represented, weights are of all pages, and the choice is the same on every backend",
        arguments: [64, 2048])
    func topics(part: Int) async throws {
        var generator = SeededGenerator(seed: 3, stream: 91)
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // Most pages are of the first topic, a few of each other.
        let owners = (0..<600).map { $0 % 20 < 17 ? 0 : $0 % 20 - 16 }
        let lines = owners.map { topic in
            JSONValue.object(["text": .string(Self.text(topic, &generator)), "url": .string("u")]).text()
        }
        try AtomicFile.write(lines[..<300].joined(separator: "\n"), to: folder + "/a.jsonl")
        try AtomicFile.write(lines[300...].joined(separator: "\n") + "\n\n", to: folder + "/b.jsonl")
        var request = TextSelection(count: 8, features: try TextFeatures())
        request.part = part
        let (chosen, files) = (request, [folder + "/a.jsonl", folder + "/b.jsonl"])
        var all: [[TextSelection.Pick]] = []
        for configuration in [
            ClusterConfiguration.embedded(cpus: 2), .embedded(cpus: 1, isolation: .encoded), .local(cpus: 2),
        ] {
            let outcome = try await withCluster(configuration) { try await chosen.run(on: $0, files: files) }
            #expect(outcome.seen == 600 && outcome.parts == (600 + part - 1) / part && outcome.picks.count == 8)
            all.append(outcome.picks)
        }
        #expect(all[0] == all[1] && all[0] == all[2])
        #expect(Set(all[0].map { owners[$0.index] }) == [0, 1, 2, 3])
        #expect(all[0].reduce(0) { $0 + $1.weight } == 600)
        for pick in all[0] { #expect(pick.page["text"]?.stringValue.map { lines[pick.index].contains($0) } == true) }
    }

    @Test("pages that come through a pipe are seen once and few are held, and the choice is that of two passes")
    func onePass() async throws {
        var generator = SeededGenerator(seed: 4, stream: 92)
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let lines = (0..<4000).map { index in
            JSONValue.object(["v": .array((0..<3).map { _ in JSONValue(generator.unit()) }), "n": JSONValue(index)])
                .text()
        }
        let file = folder + "/pages.jsonl"
        try AtomicFile.write(lines.joined(separator: "\n"), to: file)
        var request = TextSelection(count: 6, features: try TextFeatures(), key: "v", metric: .gaussian(gamma: 1))
        // 4,000 pages in 134 parts: three levels of unions, none of them full at the end.
        request.part = 30
        let twice = request
        request.isOnePass = true
        let once = request
        let pipe = folder + "/pipe"
        try #require(mkfifo(pipe, 0o600) == 0)
        let text = lines.joined(separator: "\n")
        let writer = Task.detached {
            guard let handle = FileHandle(forWritingAtPath: pipe) else { return }
            try handle.write(contentsOf: Data(text.utf8))
            try handle.close()
        }
        let (piped, read) = try await withCluster(.embedded(cpus: 2)) { cluster in
            (try await once.run(on: cluster, files: [pipe]), try await twice.run(on: cluster, files: [file]))
        }
        try await writer.value
        #expect(piped.picks == read.picks && piped.picks.count == 6 && piped.seen == 4000 && piped.parts == 134)
        #expect(piped.picks.allSatisfy { $0.page["n"]?.intValue == $0.index })
        #expect(piped.picks.reduce(0) { $0 + $1.weight } == 4000)
        // Nine parts whose choice is not known, and up to seven unions of at most 24 in each of three levels.
        #expect(piped.mostHeld <= 9 * 30 + 3 * 8 * 24 && piped.mostHeld > 30, "\(piped.mostHeld)")
        #expect(read.mostHeld == 0)
    }

    @Test("embeddings of pages are used where they are named, and what is wrong with them is said with its line")
    func embeddings() async throws {
        let folder = Self.folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = folder + "/pages.jsonl"
        func run(_ text: String, key: String?, count: Int = 1) async throws -> TextSelection.Outcome {
            try AtomicFile.write(text, to: file)
            let request = TextSelection(
                count: count, features: try TextFeatures(), key: key, metric: .gaussian(gamma: 1))
            return try await withCluster(.embedded(cpus: 1)) { try await request.run(on: $0, files: [file]) }
        }
        let good = (0..<5).map { "{\"v\": [\($0 < 3 ? 0 : 9), \(Double($0) / 100)]}" }.joined(separator: "\n")
        let outcome = try await run(good, key: "v", count: 2)
        #expect(outcome.picks.map(\.weight) == [3, 2])
        for (bad, place) in [
            (good + "\n{\"v\": [1]}", "line 6"), (good + "\n{\"w\": 1}", "line 6"), ("{\"v\": [1, \"x\"]}", "line 1"),
            (good + "\n\nnot JSON", "line 7"),
        ] {
            await #expect {
                _ = try await run(bad, key: "v")
            } throws: { "\($0)".contains(place) && $0 is CoresetError }
        }
        await #expect(throws: CoresetError.self) { _ = try await run(good, key: nil) }
        let few = await #expect(throws: CoresetError.self) { _ = try await run(good, key: "v", count: 9) }
        #expect("\(few.map { "\($0)" } ?? "")".contains("9 pages cannot be chosen from 5"))
    }
}

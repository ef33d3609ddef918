import Curation
import Foundation
import Testing

@Suite("_aggregate") struct AggregateTests {
    /// Expected values: NumPy 2.4, `percentile(…, method="nearest")`, `mean` and `histogram(bins=10)`.
    @Test("gives NumPy's percentiles and histograms of the pages that a step leaves", arguments: [1 << 10, 1 << 28])
    func statistics(memory: Int) async throws {
        let scratch = try Scratch()
        var text = ""
        for index in 0..<2000 {
            let value = Double((index * 7919) % 2003) / 8 - 100
            text += "{\"text\":\"\(index % 4 == 0 ? "" : "kept")\",\"v\":\(value),\"site\":\"s\(index % 3)\","
            text += "\"lang\":{\"en\":\(Double(index % 10) / 10),\"de\":0.35}}\n"
        }
        text += "{\"text\":\"kept\"}\n"
        let yaml = """
            - steps:
              - func: page_length_filter
                length_type: char
                min_length: 1
                _aggregate:
                  v: percentiles
                  site: histogram
                  lang: {type: histogram, transform: threshold_transform, threshold: 0.5, default: none}
              - func: exact_dedup
                content_key: v
                _aggregate: {v: histogram}
            """
        // Numbers are no texts to exact_dedup: every page fails there, so that the second statistic is empty.
        var run = CurationRun(
            recipe: try Recipe(yaml: yaml, file: "r.yaml"), pool: [try scratch.file("p.jsonl", text)],
            output: scratch.path + "/out")
        run.tableBytes = memory
        let manifest = try await curate(run)
        #expect(manifest.isBalanced)
        let found = try #require(manifest.steps[0].aggregates)
        #expect(found.map(\.key) == ["v", "site", "lang"] && found.map(\.missing) == [1, 1, 1])
        #expect(
            found[0].percentiles == [
                "min": -99.875, "max": 149.375, "median": 25.375, "p25": -37.625, "p75": 87.375,
                "p90": 125.375, "p95": 137.375, "p99": 147.5, "mean": 24.931833333333334,
            ])
        #expect(found[1].texts == ["s0": 500, "s1": 500, "s2": 500])
        #expect(found[2].texts == ["en": 800, "none": 700])
        #expect(manifest.steps[1].aggregates?.first?.bins == nil)
    }

    @Test("gives NumPy's histogram of numbers")
    func bins() async throws {
        let scratch = try Scratch()
        let text = (0..<2000).map { "{\"text\":\"t\",\"v\":\(Double(($0 * 7919) % 2003) / 8 - 100)}\n" }.joined()
        let yaml = "- steps: [{func: page_length_filter, length_type: char, _aggregate: {v: histogram}}]"
        let manifest = try await curate(
            CurationRun(
                recipe: try Recipe(yaml: yaml, file: "r.yaml"), pool: [try scratch.file("p.jsonl", text)],
                output: scratch.path + "/out"))
        let bins = try #require(manifest.steps[0].aggregates?.first?.bins)
        #expect(bins.map(\.count) == [199, 199, 200, 200, 200, 201, 200, 200, 200, 201])
        #expect(
            zip(
                bins.map(\.from),
                [
                    -100.0, -74.975, -49.95, -24.92500000000001, 0.09999999999999432, 25.125, 50.14999999999998,
                    75.17499999999998, 100.19999999999999, 125.225,
                ]
            ).allSatisfy { abs($0 - $1) < 1e-9 })
    }

    @Test(
        "with a misspelt statistic or argument is an error that names the right one",
        arguments: [
            ("v: percentile", "must be percentiles or histogram, but is \"percentile\""),
            ("v: {type: histogram, transform: threshold_transform, treshold: 1}", "Did you mean `threshold`?"),
        ])
    func misspelt(rule: String, message: String) {
        let yaml = "- steps: [{func: page_length_filter, length_type: char, _aggregate: {\(rule)}}]"
        let error = #expect(throws: RecipeError.self) { try Recipe(yaml: yaml, file: "r.yaml") }
        #expect(error.map { "\($0)" }?.contains(message) == true, "\(error.map { "\($0)" } ?? "")")
    }
}

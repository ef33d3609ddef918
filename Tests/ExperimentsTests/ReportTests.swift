import Experiments
import Files
import Foundation
import Testing

@Suite("Report") struct ReportTests {
    @Test("everything that comes from outside is escaped")
    func escapes() throws {
        let html = try Report(Self.example()).html
        #expect(!html.contains("<script>alert"))
        #expect(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        // With a folder named, the page is left there to be looked at.
        if let path = ProcessInfo.processInfo.environment["APUS_REPORT_SAMPLE"] { try AtomicFile.write(html, to: path) }
    }

    @Test("the page loads nothing from elsewhere")
    func selfContained() throws {
        let html = try Report(Self.example()).html
        for reference in ["src=", "<link", "@import", "url(h", "<script"] { #expect(!html.contains(reference)) }
    }

    @Test("the result survives JSON")
    func json() throws {
        let data = try JSONEncoder().encode(Self.example())
        #expect(try JSONDecoder().decode(ExperimentResult.self, from: data) == Self.example())
    }

    @Test("an experiment without losses, samples or comparisons still has a report")
    func empty() throws {
        var result = try Self.example()
        result.models = []
        result.comparisons = []
        result.evaluations = []
        result.datasets = []
        #expect(Report(result).html.contains("</html>"))
    }

    /// A result as `result.json` holds it, with hostile text in it.
    static func example() throws -> ExperimentResult {
        let datasets = ["uncurated", "curated"].map { name in
            """
            {"name": "\(name)", "recipe": "recipe.yaml", "decontaminated": 3, "documents": 697, "bytes": 1234567, "tokens": 345678,
             "shardDigests": ["00ff"],
             "funnel": {"read": 1000, "kept": 700, "dropped": [{"name": "language_filter", "count": 280}],
                        "failed": [{"name": "not HTML", "count": 20}],
                        "steps": [{"name": "extract", "count": 980}, {"name": "language_filter", "count": 700}]},
             "keptSamples": [{"url": "file:///a.html", "text": "Text & <b>more</b>."}],
             "droppedSamples": [{"rule": "language_filter", "url": "file:///b.html", "text": "Texte\\u0001"}]}
            """
        }
        let models = ["uncurated", "curated"].map { name in
            let start = name == "curated" ? 3.9 : 3.6
            let losses = (0..<400).map {
                "{\"tokens\": \($0 * 4096), \"loss\": \(start + 4.7 / (1 + Double($0) / 12))}"
            }
            return """
                {"dataset": "\(name)", "seed": 1, "parameters": 1500000, "steps": 400, "tokens": 1600000, "epochs": 0.8,
                 "finalLoss": 3.9, "seconds": 61, "losses": [\(losses.joined(separator: ","))]}
                """
        }
        let json = """
            {"name": "Trial <script>alert(1)</script>", "seed": 1, "verdict": "curated is better on both measures.",
             "datasets": [\(datasets.joined(separator: ","))], "models": [\(models.joined(separator: ","))],
             "heldOut": {"documents": 100, "bytes": 200000, "recipe": "recipe.yaml", "clozeQuestions": 300},
             "tokenizer": {"vocabularySize": 4096, "bytesPerToken": 3.4, "digest": "ab"},
             "evaluations": [
               {"dataset": "uncurated", "bitsPerByte": {"value": 2.01, "lower": 1.96, "upper": 2.06},
                "clozeAccuracy": {"value": 0.41, "lower": 0.36, "upper": 0.46}, "clozeBaseline": 0.25},
               {"dataset": "curated", "bitsPerByte": {"value": 1.71, "lower": 1.66, "upper": 1.75},
                "clozeAccuracy": {"value": 0.53, "lower": 0.47, "upper": 0.58}, "clozeBaseline": 0.25}],
             "comparisons": [{"metric": "bits per byte", "first": "curated", "second": "uncurated",
                              "difference": {"value": -0.3, "lower": -0.33, "upper": -0.27}, "better": "curated"}],
             "settings": [{"key": "seed", "value": "1"}], "versions": [{"key": "apus", "value": "0.1.0"}],
             "steps": [{"name": "pool", "key": "abcdef0123456789", "seconds": 1.5, "reused": false}]}
            """
        return try JSONDecoder().decode(ExperimentResult.self, from: Data(json.utf8))
    }
}

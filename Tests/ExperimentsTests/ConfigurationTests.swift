import Experiments
import Testing

@Suite("Experiment configuration") struct ConfigurationTests {
    static let valid = """
        name: trial
        pools: {web: [a.warc.gz]}
        datasets:
          raw: {pool: web, recipe: r.yaml}
        heldOut: {pool: web, recipe: r.yaml}
        tokenizer: {vocabularySize: 1000}
        training: {tokens: 2_000_000}
        """

    @Test("a file is read with its defaults")
    func reads() throws {
        let configuration = try ExperimentConfiguration(yaml: Self.valid, file: "x/trial.yaml")
        #expect(configuration.name == "trial")
        #expect(configuration.training.tokens == 2_000_000)
        #expect(configuration.folder == "x")
        #expect(configuration.datasets.map { [$0.name, $0.pool, $0.recipe] } == [["raw", "web", "r.yaml"]])
    }

    @Test("an unknown key is named with its line and the nearest known one")
    func unknownKey() {
        let yaml = Self.valid.replacing("vocabularySize", with: "vocabulary_size")
        #expect {
            try ExperimentConfiguration(yaml: yaml, file: "t.yaml")
        } throws: { error in
            let message = "\(error)"
            return message.contains("t.yaml:6") && message.contains("vocabulary_size")
                && message.contains("‘vocabularySize’")
        }
    }

    @Test(
        "wrong values are refused with their key",
        arguments: [
            ("tokens: 2_000_000", "tokens: many", "training.tokens"),
            ("tokens: 2_000_000", "tokens: -1", "training.tokens"),
            ("raw: {pool: web", "raw: {pool: wed", "datasets.raw.pool"),
            ("pools: {web: [a.warc.gz]}", "pools: 7", "pools"),
            ("name: trial", "seed: 3", "name"), ("name: trial", "name: [", "trial.yaml"),
        ])
    func wrong(old: String, new: String, key: String) {
        #expect {
            try ExperimentConfiguration(yaml: Self.valid.replacing(old, with: new), file: "trial.yaml")
        } throws: { "\($0)".contains(key) }
    }
}

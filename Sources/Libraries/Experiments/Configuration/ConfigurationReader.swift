import Files
import JSON
import Yams

extension ExperimentConfiguration {
    /// Reads an experiment's YAML file.
    ///
    /// - Throws: `ExperimentError` naming the line and key; `FileError` where the file cannot be read.
    public init(file: String) throws {
        try self.init(yaml: FileReader.text(of: file, limit: 1 << 24), file: file)
    }

    /// Reads an experiment from YAML; `file` is its name in messages, and recipe paths are relative to its folder.
    public init(yaml: String, file: String) throws {
        let node: Node?
        do {
            node = try Yams.compose(yaml: yaml)
        } catch let error as YamlError {
            throw ExperimentError.notYAML(file: file, reason: "\(error)")
        }
        guard let node, case .mapping = node else {
            throw ExperimentError.notYAML(file: file, reason: "a mapping of keys to values is needed")
        }
        let root = try Section(node, at: "", in: file)
        try root.allow([
            "name", "seed", "pools", "datasets", "heldOut", "tokenizer", "training", "evaluation", "classifiers",
        ])
        name = try root.string("name")
        seed = UInt64(try root.int("seed", default: 1, in: 0...Int.max))
        folder = Paths.split(file).folder
        let folder = folder
        pools = try root.section("pools").map { section, name in
            Pool(name: name, paths: try section.strings(name).map { Paths.join(folder, $0) })
        }
        datasets = try root.section("datasets").sections { section, name in
            try section.allow(["pool", "recipe"])
            return Dataset(name: name, pool: try section.string("pool"), recipe: try section.string("recipe"))
        }
        let heldOutSection = try root.section("heldOut")
        try heldOutSection.allow(["pool", "recipe", "documents", "bytesPerDocument", "overlapWords", "overlapShare"])
        heldOut = HeldOut(
            pool: try heldOutSection.string("pool"), recipe: try heldOutSection.string("recipe"),
            documents: try heldOutSection.int("documents", default: 200, in: 2...10_000_000),
            bytesPerDocument: try heldOutSection.int("bytesPerDocument", default: 8000, in: 1000...1 << 30),
            overlapWords: try heldOutSection.int("overlapWords", default: 13, in: 2...1000),
            overlapShare: try heldOutSection.double("overlapShare", default: 0.2, in: 0...1))
        let tokenizerSection = try root.section("tokenizer")
        try tokenizerSection.allow(["vocabularySize", "path", "trainingBytes"])
        tokenizer = Tokenizer(
            vocabularySize: try tokenizerSection.int("vocabularySize", default: 4096, in: 257...1_000_000),
            path: try tokenizerSection.optionalString("path").map { Paths.join(folder, $0) },
            trainingBytes: try tokenizerSection.int("trainingBytes", default: 20_000_000, in: 1000...Int.max))
        let trainingSection = try root.section("training")
        try trainingSection.allow([
            "scale", "tokens", "sequenceLength", "batch", "learningRate", "seeds", "maximumEpochs",
        ])
        training = Training(
            scale: try trainingSection.string("scale", default: "tiny"),
            tokens: try trainingSection.int("tokens", default: 2_000_000, in: 1...Int.max),
            sequenceLength: try trainingSection.int("sequenceLength", default: 256, in: 8...65_536),
            batch: try trainingSection.int("batch", default: 16, in: 1...1_000_000),
            learningRate: try trainingSection.double("learningRate", default: 3e-3, in: 1e-9...1),
            seeds: try trainingSection.ints("seeds", default: [1], in: 0...Int.max).map(UInt64.init),
            maximumEpochs: try trainingSection.double("maximumEpochs", default: 4, in: 0.001...1e6))
        let evaluationSection = try root.section("evaluation", isOptional: true)
        try evaluationSection.allow(["clozeQuestions", "clozeChoices", "bootstrapSamples"])
        evaluation = Evaluation(
            clozeQuestions: try evaluationSection.int("clozeQuestions", default: 500, in: 1...1_000_000),
            clozeChoices: try evaluationSection.int("clozeChoices", default: 4, in: 2...26),
            bootstrapSamples: try evaluationSection.int("bootstrapSamples", default: 2000, in: 100...1_000_000))
        classifiers = try root.section("classifiers", isOptional: true).sections { section, name in
            try section.allow(["pool", "recipe", "positive", "negative"])
            return Classifier(
                name: name, pool: try section.string("pool"), recipe: try section.string("recipe"),
                positive: try section.strings("positive"), negative: try section.strings("negative"))
        }
        try checkNames(file: file)
    }

    private func checkNames(file: String) throws {
        if datasets.isEmpty { throw ExperimentError.missingKey(file: file, key: "datasets") }
        let known = pools.map(\.name)
        let uses =
            datasets.map { ("datasets.\($0.name).pool", $0.pool) } + [("heldOut.pool", heldOut.pool)]
            + classifiers.map { ("classifiers.\($0.name).pool", $0.pool) }
        for (key, name) in uses where !known.contains(name) {
            throw ExperimentError.unknownName(file: file, key: key, name: name, known: known)
        }
    }
}

/// A mapping of the file, read by key with the place kept for messages.
private struct Section {
    private let mapping: Node.Mapping
    private let path: String
    private let file: String
    private let line: Int

    init(_ node: Node?, at path: String, in file: String) throws {
        self.path = path
        self.file = file
        line = node?.mark?.line ?? 1
        switch node {
        case .mapping(let mapping)?: self.mapping = mapping
        case nil: mapping = Node.Mapping([])
        default: throw ExperimentError.wrongType(file: file, line: line, key: path, expected: "a mapping")
        }
    }

    /// Refuses keys that the section does not know, naming the nearest that it does.
    func allow(_ keys: [String]) throws {
        for (key, _) in mapping {
            let name = key.string ?? ""
            if !keys.contains(name) {
                throw ExperimentError.unknownKey(
                    file: file, line: key.mark?.line ?? line, key: full(name),
                    nearest: Spelling.nearest(to: name, in: keys),
                    known: keys)
            }
        }
    }

    func section(_ key: String, isOptional: Bool = false) throws -> Section {
        guard let node = mapping[key] else {
            guard isOptional else { throw ExperimentError.missingKey(file: file, key: full(key)) }
            return try Section(nil, at: full(key), in: file)
        }
        return try Section(node, at: full(key), in: file)
    }

    func map<Value>(_ transform: (Section, String) throws -> Value) throws -> [Value] {
        try mapping.map { key, _ in try transform(self, key.string ?? "") }
    }

    func sections<Value>(_ transform: (Section, String) throws -> Value) throws -> [Value] {
        try map { section, name in try transform(try section.section(name), name) }
    }

    func optionalString(_ key: String) throws -> String? {
        guard let node = mapping[key] else { return nil }
        guard let value = node.string, !value.isEmpty else { throw wrong(key, node, "text") }
        return value
    }

    func string(_ key: String, default fallback: String? = nil) throws -> String {
        guard let value = try optionalString(key) ?? fallback else {
            throw ExperimentError.missingKey(file: file, key: full(key))
        }
        return value
    }

    func strings(_ key: String) throws -> [String] {
        guard let node = mapping[key] else { throw ExperimentError.missingKey(file: file, key: full(key)) }
        if let single = node.string { return [single] }
        let values = node.sequence.map { $0.compactMap(\.string) } ?? []
        guard !values.isEmpty, values.count == node.sequence?.count else {
            throw wrong(key, node, "text or a list of texts")
        }
        return values
    }

    func int(_ key: String, default fallback: Int, in range: ClosedRange<Int>) throws -> Int {
        guard let node = mapping[key] else { return fallback }
        guard let value = Self.int(node) else { throw wrong(key, node, "a whole number") }
        return try check(value, key, node, range)
    }

    func ints(_ key: String, default fallback: [Int], in range: ClosedRange<Int>) throws -> [Int] {
        guard let node = mapping[key] else { return fallback }
        let nodes = node.sequence.map(Array.init) ?? [node]
        guard !nodes.isEmpty else { throw wrong(key, node, "a list of whole numbers") }
        return try nodes.map { element in
            guard let value = Self.int(element) else { throw wrong(key, element, "a list of whole numbers") }
            return try check(value, key, element, range)
        }
    }

    func double(_ key: String, default fallback: Double, in range: ClosedRange<Double>) throws -> Double {
        guard let node = mapping[key] else { return fallback }
        guard let value = node.float else { throw wrong(key, node, "a number") }
        return try check(value, key, node, range)
    }

    /// A whole number, with `_` between digits and forms such as `2e6` allowed.
    private static func int(_ node: Node) -> Int? {
        if let value = node.int { return value }
        return node.float.flatMap { Int(exactly: $0) }
    }

    private func check<Value: Comparable>(_ value: Value, _ key: String, _ node: Node, _ range: ClosedRange<Value>)
        throws -> Value
    {
        guard range.contains(value) else {
            throw ExperimentError.outOfRange(
                file: file, line: node.mark?.line ?? line, key: full(key), value: "\(value)",
                allowed: "\(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    private func wrong(_ key: String, _ node: Node, _ expected: String) -> ExperimentError {
        .wrongType(file: file, line: node.mark?.line ?? line, key: full(key), expected: expected)
    }

    private func full(_ key: String) -> String { path.isEmpty ? key : path + "." + key }
}

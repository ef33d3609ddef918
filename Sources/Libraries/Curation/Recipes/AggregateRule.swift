import JSON

/// What a step's `_aggregate` asks for: a statistic of a field over the pages that the step leaves.
///
/// `_aggregate: {key: type}`, or `{key: {type: …, transform: threshold_transform, threshold: …, default: …}}`.
struct AggregateRule: Sendable, Hashable {
    enum Kind: String, Sendable, CaseIterable, Codable { case percentiles, histogram }

    /// Of weights by name: the name with the largest weight that reaches the threshold.
    struct ThresholdTransform: Sendable, Hashable {
        var threshold: Double
        var fallback: String
    }

    /// The page's field.
    var key: String
    var kind: Kind
    var transform: ThresholdTransform?

    /// A step's rules, in the recipe's order.
    ///
    /// - Throws: `CurationError` that names the key and the nearest valid one.
    static func rules(step: String, _ value: JSONValue?) throws(CurationError) -> [AggregateRule] {
        guard let value else { return [] }
        guard case .object(let object) = value else {
            throw .wrongParameter(
                step: step, key: "_aggregate", expected: "a mapping of fields to statistics", found: value.kind)
        }
        var rules: [AggregateRule] = []
        for (key, value) in object { rules.append(try AggregateRule(step: step, key: key, value)) }
        return rules
    }

    private init(step: String, key: String, _ value: JSONValue) throws(CurationError) {
        self.key = key
        guard case .object(let settings) = value else {
            kind = try Self.kind(step: step, key: key, value)
            return
        }
        kind = try Self.kind(step: step, key: key, settings["type"])
        var arguments = settings
        var name = settings["transform"]
        if case .object(let inner)? = name {
            arguments = inner
            arguments["type"] = .null
            arguments["transform"] = .null
            name = inner["func"]
        }
        let isTransformed = name != nil && name != .null
        if isTransformed, name?.stringValue != "threshold_transform" {
            throw .wrongParameter(
                step: step, key: "_aggregate.\(key).transform", expected: "threshold_transform",
                found: name?.text() ?? "")
        }
        let known = ["type", "transform"] + (isTransformed ? ["func", "threshold", "default"] : [])
        for argument in settings.keys + arguments.keys where !known.contains(argument) {
            throw .unknownParameter(
                step: step, key: "_aggregate.\(key).\(argument)", nearest: Spelling.nearest(to: argument, in: known))
        }
        guard isTransformed else { return }
        guard let threshold = arguments["threshold"]?.doubleValue else {
            throw .missingParameter(step: step, key: "_aggregate.\(key).threshold")
        }
        transform = ThresholdTransform(
            threshold: threshold, fallback: arguments["default"].map { $0.stringValue ?? $0.text() } ?? "unknown")
    }

    private static func kind(step: String, key: String, _ value: JSONValue?) throws(CurationError) -> Kind {
        guard let text = value?.stringValue, let kind = Kind(rawValue: text) else {
            throw .wrongParameter(
                step: step, key: "_aggregate.\(key)",
                expected: Kind.allCases.map(\.rawValue).joined(separator: " or "), found: value?.text() ?? "nothing")
        }
        return kind
    }

    /// What the rule counts of a page; nil where the field is absent or of a kind that the statistic cannot take.
    func value(of page: Page) -> AggregateValue? {
        guard let value = page.fields[key] else { return nil }
        if let transform {
            guard case .object(let weights) = value else { return nil }
            var best: (name: String, weight: Double)?
            for (name, weight) in weights {
                guard let weight = weight.doubleValue, weight >= transform.threshold else { continue }
                if best.map({ weight > $0.weight }) ?? true { best = (name, weight) }
            }
            return kind == .histogram ? .text(best?.name ?? transform.fallback) : nil
        }
        if let number = value.doubleValue, number.isFinite { return .number(number) }
        guard kind == .histogram else { return nil }
        return value.stringValue.map { .text($0) } ?? value.boolValue.map { .text($0 ? "true" : "false") }
    }
}

/// One page's part in a statistic.
enum AggregateValue: Sendable, Hashable {
    case number(Double)
    case text(String)
}

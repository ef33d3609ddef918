import JSON

/// One step applied to pages by itself, as `apus curate apply` does.
public struct SingleStep: Sendable {
    private let step: any CurationStep

    /// - Parameters:
    ///   - parameters: as texts; each is read as YAML or JSON.
    /// - Throws: `CurationError`.
    public init(_ name: String, parameters: [(String, String)], folder: String = ".") throws {
        var values = JSONObject()
        for (key, text) in parameters { values[key] = YAMLValue.parameter(text) }
        step = try StepRegistry.make(name, parameters: values, baseFolder: folder)
    }

    /// The pages that a page becomes, or why it was dropped: one JSON object a line.
    ///
    /// - Throws: what the step throws; `JSONError` for a line that is no JSON.
    public func lines(for line: [UInt8]) throws -> [JSONValue] {
        guard case .object(let fields) = try JSONValue(parsing: line) else {
            throw CurationError.notAPage(step: step.name)
        }
        var page = Page(fields: fields)
        switch try step.apply(to: &page) {
        case .keep: return [.object(page.fields)]
        case .split(let pages): return pages.map { .object($0.fields) }
        case .drop(let reason):
            var object: JSONObject = ["dropped": .string(reason.rule)]
            if let value = reason.value { object["value"] = .number(value) }
            if let limit = reason.limit { object["limit"] = .number(limit) }
            return [.object(object)]
        }
    }

    /// Every step that recipes can name.
    public static var descriptions: [StepDescription] { StepRegistry.descriptions + RecipePlan.descriptions }
}

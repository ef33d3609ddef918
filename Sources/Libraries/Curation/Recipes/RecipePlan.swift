import JSON

/// A recipe made ready: the extraction, and passes over the pool. A pass starts with a global step (all but the first) and
/// goes on with the local steps after it.
struct RecipePlan: Sendable {
    struct Pass: Sendable {
        /// The global step whose decisions the pass begins with.
        var dedup: ExactDedup?
        var steps: [any CurationStep] = []
        /// Names for the funnel, `dedup` first where there is one.
        var names: [String] = []
        /// The statistics that each of them asks for.
        var aggregates: [[AggregateRule]] = []
    }

    var extraction = TextExtraction.Mode.fast
    var passes: [Pass] = [Pass()]

    /// Steps that the pipeline has beside those of the registry.
    static let descriptions: [StepDescription] = [
        TextExtraction.description, ExactDedup.description,
        StepDescription("commit", "Changes nothing; kept from recipes that write to disk there."),
    ]

    /// Every step's name, sorted.
    static var names: [String] { (StepRegistry.names + descriptions.map(\.name)).sorted() }

    init(_ recipe: Recipe) throws {
        for (index, step) in recipe.steps.enumerated() {
            do {
                let aggregates = try AggregateRule.rules(step: step.name, step.parameters["_aggregate"])
                switch step.name {
                case "commit": continue
                case "extract":
                    guard index == 0 else {
                        throw RecipeError.misplaced(
                            file: recipe.file, line: step.line, step: "extract", reason: "must be the first step")
                    }
                    extraction = try TextExtraction.Mode(StepParameters(step: step.name, values: try Self.known(step)))
                case "exact_dedup":
                    let parameters = StepParameters(step: step.name, values: try Self.known(step))
                    passes.append(Pass(dedup: try ExactDedup(parameters), names: [step.name], aggregates: [aggregates]))
                default:
                    passes[passes.count - 1].steps.append(
                        try StepRegistry.make(step.name, parameters: step.parameters, baseFolder: recipe.folder))
                    passes[passes.count - 1].names.append(step.name)
                    passes[passes.count - 1].aggregates.append(aggregates)
                }
            } catch CurationError.unknownStep(let name, _) {
                let nearest = Spelling.nearest(to: name, in: Self.names)
                throw RecipeError.step(file: recipe.file, line: step.line, .unknownStep(name, nearest: nearest))
            } catch let error as CurationError {
                throw RecipeError.step(file: recipe.file, line: step.line, error)
            }
        }
    }

    private static func known(_ step: Recipe.Step) throws(CurationError) -> JSONObject {
        let keys = descriptions.first { $0.name == step.name }?.parameters.map(\.key) ?? []
        var values = JSONObject()
        for (key, value) in step.parameters where !key.hasPrefix("_") {
            guard keys.contains(key) else {
                throw .unknownParameter(step: step.name, key: key, nearest: Spelling.nearest(to: key, in: keys))
            }
            values[key] = value
        }
        return values
    }
}

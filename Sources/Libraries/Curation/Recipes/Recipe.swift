import Files
import JSON
import Yams

/// A curation recipe: the steps that a pool's pages go through, in order.
///
/// The file is a YAML list of `{source, steps}`, as DataComp-LM's tools read it. A step is `{func: name, parameter: …}` or
/// the bare word `commit`; keys that start with `_` are notes to the tools (`_aggregate`) and change nothing.
public struct Recipe: Sendable, Codable {
    /// One step as the recipe names it.
    public struct Step: Sendable, Hashable {
        /// As recipes name the step.
        public var name: String
        /// Its parameters, without those that begin with `_`.
        public var parameters: JSONObject
        /// Where it stands in the file, from 1.
        public var line: Int
    }

    /// The file's name, for messages; relative names in parameters start from its folder.
    public var file: String
    /// What the recipe calls its pages.
    public var source: String
    /// In order.
    public var steps: [Step]
    /// Names of the variables that were filled in.
    public let usedVariables: Set<String>

    /// Relative paths in the recipe start here.
    public var folder: String { Paths.split(file).folder }

    /// Reads a recipe.
    ///
    /// - Parameters:
    ///   - source: which entry of the file, where it has several.
    ///   - variables: what `${name}` in parameters stands for, so that a recipe can use what is made elsewhere, such as
    ///     a classifier trained for it.
    /// - Throws: `RecipeError`, `FileError`.
    public init(file: String, source: String? = nil, variables: [String: String] = [:]) throws {
        try self.init(yaml: FileReader.text(of: file, limit: 1 << 24), file: file, source: source, variables: variables)
    }

    /// Finds what is wrong with a recipe whose variables have no values yet: everything but the steps that use them.
    ///
    /// - Returns: the variables that the recipe uses.
    /// - Throws: as reading it does.
    @discardableResult
    public static func check(file: String, source: String? = nil, variables: [String]) throws -> Set<String> {
        let names = Dictionary(variables.map { ($0, "") }) { $1 }
        let text = try FileReader.text(of: file, limit: 1 << 24)
        return try Recipe(yaml: text, file: file, source: source, variables: names, isTrial: true).usedVariables
    }

    /// Reads a recipe from text; `file` is its name in messages.
    public init(yaml: String, file: String, source: String? = nil, variables: [String: String] = [:]) throws {
        try self.init(yaml: yaml, file: file, source: source, variables: variables, isTrial: false)
    }

    /// - Parameter isTrial: leaves out the steps that use variables, whose values need not be valid.
    private init(yaml: String, file: String, source: String?, variables: [String: String], isTrial: Bool) throws {
        let root: Node?
        do {
            root = try Yams.compose(yaml: yaml)
        } catch {
            throw RecipeError.notYAML(file: file, line: nil, reason: "\(error)")
        }
        guard let root else { throw RecipeError.wrongShape(file: file, line: 1, expected: "a list of {source, steps}") }
        let entries = try Self.entries(root, file)
        let chosen = try Self.choose(entries, source, file)
        self.file = file
        self.source = chosen.source
        let named = try Self.steps(chosen.steps, file)
        let used = named.map { RecipeVariables.names(in: .object($0.parameters)) }
        usedVariables = used.reduce(into: []) { $0.formUnion($1) }
        let filled = try named.map { try RecipeVariables(variables).filled($0, file: file) }
        steps = isTrial ? zip(filled, used).filter { $1.isEmpty }.map(\.0) : filled
        // Keeps the plan for the run that follows.
        _ = try PlanCache.plan(self, key: fingerprint())
    }

    private typealias Entry = (source: String, steps: Node, line: Int)

    private static func line(_ node: Node) -> Int { node.mark?.line ?? 1 }

    private static func entries(_ root: Node, _ file: String) throws -> [Entry] {
        let nodes: [Node]
        switch root {
        case .sequence(let sequence): nodes = Array(sequence)
        case .mapping: nodes = [root]
        default: throw RecipeError.wrongShape(file: file, line: line(root), expected: "a list of {source, steps}")
        }
        guard !nodes.isEmpty else {
            throw RecipeError.wrongShape(file: file, line: line(root), expected: "a list of {source, steps}")
        }
        return try nodes.map { node in
            guard case .mapping(let mapping) = node else {
                throw RecipeError.wrongShape(
                    file: file, line: line(node), expected: "a mapping with `source` and `steps`")
            }
            var source = ""
            var steps: Node?
            for (key, value) in mapping {
                switch key.scalar?.string ?? "" {
                case "source": source = value.scalar?.string ?? ""
                case "steps": steps = value
                case let name where name.hasPrefix("_"): continue
                case let name:
                    throw RecipeError.unknownKey(
                        file: file, line: line(key), key: name,
                        nearest: Spelling.nearest(to: name, in: ["source", "steps"]))
                }
            }
            guard let steps else {
                throw RecipeError.wrongShape(file: file, line: line(node), expected: "the key `steps`")
            }
            return (source, steps, line(node))
        }
    }

    private static func choose(_ entries: [Entry], _ source: String?, _ file: String) throws -> Entry {
        guard let source else {
            if entries.count == 1 { return entries[0] }
            throw RecipeError.severalSources(file: file, sources: entries.map(\.source))
        }
        guard let entry = entries.first(where: { $0.source == source }) else {
            throw RecipeError.unknownKey(
                file: file, line: 1, key: source, nearest: Spelling.nearest(to: source, in: entries.map(\.source)))
        }
        return entry
    }

    private static func steps(_ node: Node, _ file: String) throws -> [Step] {
        if node.null != nil { return [] }
        guard case .sequence(let sequence) = node else {
            throw RecipeError.wrongShape(file: file, line: line(node), expected: "a list of steps")
        }
        return try sequence.map { node in
            if let name = node.scalar?.string { return Step(name: name, parameters: [:], line: line(node)) }
            guard case .mapping = node, case .object(var parameters) = YAMLValue.value(node),
                case .string(let name)? = parameters["func"]
            else { throw RecipeError.wrongShape(file: file, line: line(node), expected: "`func: STEP`, or `commit`") }
            parameters["func"] = nil
            return Step(name: name, parameters: parameters, line: line(node))
        }
    }
}

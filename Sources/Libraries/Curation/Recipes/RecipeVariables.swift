import JSON

/// What `${name}` in a recipe's parameters stands for.
struct RecipeVariables {
    private let values: [String: String]

    init(_ values: [String: String]) { self.values = values }

    /// The step with its variables filled in. A variable may be a part of a text, and stand several times;
    /// one that is all of a text and stands for a number gives a number.
    ///
    /// - Throws: `RecipeError.unknownVariable`.
    func filled(_ step: Recipe.Step, file: String) throws(RecipeError) -> Recipe.Step {
        var step = step
        for key in step.parameters.keys {
            guard let value = step.parameters[key] else { continue }
            step.parameters[key] = try filled(value, file: file, line: step.line)
        }
        return step
    }

    /// The variables that a value uses.
    static func names(in value: JSONValue) -> Set<String> {
        var found: Set<String> = []
        switch value {
        case .string(let text):
            var rest = Substring(text)
            while let open = rest.firstRange(of: "${"), let close = rest[open.upperBound...].firstIndex(of: "}") {
                found.insert(String(rest[open.upperBound..<close]))
                rest = rest[rest.index(after: close)...]
            }
        case .array(let elements): for element in elements { found.formUnion(names(in: element)) }
        case .object(let members): for (_, member) in members { found.formUnion(names(in: member)) }
        default: break
        }
        return found
    }

    private func filled(_ value: JSONValue, file: String, line: Int) throws(RecipeError) -> JSONValue {
        switch value {
        case .string(let text):
            let result = try filled(text, file: file, line: line)
            // Alone, a variable may stand for a number: a threshold.
            if text.hasPrefix("${"), text.firstIndex(of: "}") == text.index(before: text.endIndex),
                let number = Double(result), number.isFinite
            {
                return .number(number)
            }
            return .string(result)
        case .array(let elements):
            var result: [JSONValue] = []
            for element in elements { result.append(try filled(element, file: file, line: line)) }
            return .array(result)
        default: return value
        }
    }

    private func filled(_ text: String, file: String, line: Int) throws(RecipeError) -> String {
        var result = ""
        var rest = Substring(text)
        while let open = rest.firstRange(of: "${"), let close = rest[open.upperBound...].firstIndex(of: "}") {
            let name = String(rest[open.upperBound..<close])
            guard let value = values[name] else {
                throw .unknownVariable(file: file, line: line, name: name, known: values.keys.sorted())
            }
            result += rest[..<open.lowerBound] + value
            rest = rest[rest.index(after: close)...]
        }
        return result + rest
    }
}

import Files
import JSON

extension Recipe.Step: Codable {
    private enum CodingKeys: String, CodingKey { case name, parameters, line }

    /// Parameters travel as JSON text.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.decode(String.self, forKey: .name)
        line = try container.decode(Int.self, forKey: .line)
        guard case .object(let object) = try JSONValue(parsing: try container.decode(String.self, forKey: .parameters))
        else {
            throw DecodingError.dataCorruptedError(
                forKey: .parameters, in: container, debugDescription: "a step's parameters must be an object")
        }
        parameters = object
    }

    /// Writes the recipe with its parameters filled in.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(line, forKey: .line)
        try container.encode(JSONValue.object(parameters).text(), forKey: .parameters)
    }
}

extension Recipe {
    /// What decides the recipe's effect: its steps with their parameters, and the content of the files that they name.
    /// The recipe's own name and comments change nothing.
    ///
    /// - Throws: `FileError` where a named file cannot be read.
    package func fingerprint() throws -> String {
        var hash = SHA256()
        for step in steps {
            hash.update("\(step.name) \(JSONValue.object(step.parameters).text())\n")
            for name in Self.strings(in: .object(step.parameters)) where !name.isEmpty {
                let path = Paths.join(folder, name)
                if FileReader.exists(path) { hash.update("\(name) \(try SHA256.digest(file: path))\n") }
            }
        }
        return hash.finish()
    }

    /// Every text in a value.
    private static func strings(in value: JSONValue) -> [String] {
        switch value {
        case .string(let text): [text]
        case .array(let elements): elements.flatMap(strings)
        case .object(let members): members.flatMap { strings(in: $0.1) }
        default: []
        }
    }
}

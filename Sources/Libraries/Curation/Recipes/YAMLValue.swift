import JSON
import Yams

/// YAML nodes as JSON values: plain scalars by YAML's core rules, quoted ones as text.
enum YAMLValue {
    static func value(_ node: Node) -> JSONValue {
        switch node {
        case .scalar(let scalar): return self.scalar(scalar)
        case .sequence(let sequence): return .array(sequence.map(value))
        case .mapping(let mapping):
            return .object(JSONObject(mapping.map { ($0.key.scalar?.string ?? "", value($0.value)) }))
        case .alias: return .null
        }
    }

    private static func scalar(_ scalar: Node.Scalar) -> JSONValue {
        guard scalar.style == .plain || scalar.style == .any else { return .string(scalar.string) }
        return plain(scalar.string)
    }

    /// A word as YAML reads it without quotes.
    static func plain(_ text: String) -> JSONValue {
        switch text {
        case "", "~", "null", "Null", "NULL": return .null
        case "true", "True", "TRUE": return .bool(true)
        case "false", "False", "FALSE": return .bool(false)
        case ".inf", "+.inf", ".Inf", "inf": return .number(.infinity)
        default: break
        }
        let digits = text.filter { $0 != "_" }
        if let first = digits.utf8.first, (48...57).contains(first) || first == 43 || first == 45 || first == 46 {
            if let integer = Int64(digits) { return .integer(integer) }
            if digits.utf8.allSatisfy({ (48...57).contains($0) || "+-.eE".utf8.contains($0) }),
                let number = Double(digits)
            {
                return .number(number)
            }
        }
        return .string(text)
    }

    /// A parameter from a command line: JSON or YAML, else text.
    static func parameter(_ text: String) -> JSONValue {
        if let first = text.utf8.first, first == 0x5B || first == 0x7B || first == 0x22 || first == 0x27,
            let node = try? Yams.compose(yaml: text)
        {
            return value(node)
        }
        return plain(text)
    }
}

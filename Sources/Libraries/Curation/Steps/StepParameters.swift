import Files
import JSON
import UnicodeText

/// The parameters of one step in a recipe, read with messages that name the step and the key.
public struct StepParameters: Sendable {
    /// The step's name, for messages.
    public let step: String
    /// As the recipe gives them.
    public let values: JSONObject
    /// The folder that relative file names start from: the recipe's.
    public let baseFolder: String

    /// Parameters as a recipe gives them.
    public init(step: String, values: JSONObject, baseFolder: String = ".") {
        self.step = step
        self.values = values
        self.baseFolder = baseFolder
    }

    /// A parameter; nil where it is absent or null.
    public subscript(key: String) -> JSONValue? {
        guard let value = values[key], value != .null else { return nil }
        return value
    }

    func wrong(_ key: String, _ expected: String, _ found: JSONValue) -> CurationError {
        let text = found.text()
        return .wrongParameter(
            step: step, key: key, expected: expected,
            found: text.utf8.count <= 60 ? "\(found.kind), \(text)" : found.kind)
    }

    /// A text; nil where the recipe gives none.
    public func string(_ key: String) throws(CurationError) -> String? {
        guard let value = self[key] else { return nil }
        guard let text = value.stringValue else { throw wrong(key, "a string", value) }
        return text
    }

    /// A text, or `fallback` where the recipe gives none.
    public func string(_ key: String, default fallback: String) throws(CurationError) -> String {
        try string(key) ?? fallback
    }

    /// True or false, or `fallback` where the recipe gives none.
    public func bool(_ key: String, default fallback: Bool) throws(CurationError) -> Bool {
        guard let value = self[key] else { return fallback }
        guard let flag = value.boolValue else { throw wrong(key, "true or false", value) }
        return flag
    }

    /// A finite number; `.inf` and `Infinity` in a recipe read as no limit.
    public func number(_ key: String, default fallback: Double) throws(CurationError) -> Double {
        guard let value = self[key] else { return fallback }
        guard let number = value.doubleValue, !number.isNaN else { throw wrong(key, "a number", value) }
        return number
    }

    /// A number; nil where the recipe gives none.
    public func number(_ key: String) throws(CurationError) -> Double? {
        self[key] == nil ? nil : try number(key, default: 0)
    }

    /// A whole number within a range, or `fallback` where the recipe gives none.
    public func integer(
        _ key: String, default fallback: Int, in range: ClosedRange<Int> = 0...Int(Int32.max)
    ) throws(CurationError) -> Int {
        guard let value = self[key] else { return fallback }
        guard let number = value.intValue, range.contains(number) else {
            throw wrong(key, "a whole number from \(range.lowerBound) to \(range.upperBound)", value)
        }
        return number
    }

    /// A list of strings; one string is a list of one.
    public func strings(_ key: String) throws(CurationError) -> [String]? {
        guard let value = self[key] else { return nil }
        if let one = value.stringValue { return [one] }
        guard let elements = value.arrayValue else { throw wrong(key, "a list of strings", value) }
        var strings: [String] = []
        for element in elements {
            guard let text = element.stringValue else { throw wrong(key, "a list of strings", element) }
            strings.append(text)
        }
        return strings
    }

    /// One of an enumeration's names.
    public func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, default fallback: Choice
    ) throws(CurationError) -> Choice where Choice.RawValue == String {
        guard let value = self[key] else { return fallback }
        guard let text = value.stringValue, let choice = Choice(rawValue: text) else {
            throw wrong(key, "one of " + Choice.allCases.map(\.rawValue).joined(separator: ", "), value)
        }
        return choice
    }

    /// The lines of the file that a parameter names, as Python's `splitlines` has them; nil without the parameter.
    public func lines(ofFile key: String) throws(CurationError) -> [String]? {
        guard let bytes = try bytes(ofFile: key) else { return nil }
        let span = bytes.span
        return PythonRules.text.splitLines(span, 0..<span.count).map { String(span, $0) }
    }

    /// The path of the file that a parameter names, from the recipe's folder; nil without the parameter.
    public func path(_ key: String) throws(CurationError) -> String? {
        guard let name = try string(key) else { return nil }
        return name.hasPrefix("/") ? name : baseFolder + "/" + name
    }

    /// The bytes of the file that a parameter names; nil without the parameter.
    public func bytes(ofFile key: String) throws(CurationError) -> [UInt8]? {
        guard let path = try path(key) else { return nil }
        do {
            return try FileReader.bytes(of: path)
        } catch {
            throw .unreadableFile(step: step, key: key, path: path, reason: "\(error)")
        }
    }

    /// Items listed under one key or, line by line, in the file that another names; the file counts first.
    public func banlist() throws(CurationError) -> [String] {
        do {
            if let lines = try lines(ofFile: "banlist_from_fname") { return lines }
        } catch .unreadableFile(let step, let key, let path, let reason) {
            throw .unreadableFile(
                step: step, key: key, path: path, reason: "\(reason) Give a file with one entry a line, or a `banlist`")
        }
        guard let items = try strings("banlist") else {
            throw .missingParameter(step: step, key: "banlist_from_fname` (a file with one entry a line) or `banlist")
        }
        return items
    }
}

import JSON
import UnicodeText

/// `split_lines_modifier`: the text becomes a list.
struct SplitLinesModifier: RecipeStep {
    static let description = StepDescription(
        "split_lines_modifier", "Makes a list of the text's lines; drops empty pages.",
        [.init("delimiter", "a string", "a line feed", "what stands between lines")])

    private let delimiter: [UInt8]

    init(_ parameters: StepParameters) throws(CurationError) {
        delimiter = Array(try parameters.string("delimiter", default: "\n").utf8)
        if delimiter.isEmpty {
            throw .wrongParameter(step: parameters.step, key: "delimiter", expected: "a string", found: "empty")
        }
    }

    func apply(to page: inout Page) throws -> Verdict {
        if page.fields["text"]?.arrayValue != nil { return .keep }
        let content = try page.content(for: name)
        guard !content.isEmpty else { return drop() }
        let bytes = content.utf8.span
        page.fields["text"] = .array(
            PythonRules.text.split(bytes, 0..<bytes.count, at: delimiter).map { .string(String(bytes, $0)) })
        return .keep
    }
}

/// `join_lines_modifier`: a list becomes text again.
struct JoinLinesModifier: RecipeStep {
    static let description = StepDescription(
        "join_lines_modifier", "Joins a list of lines to one text; drops pages whose list is empty.",
        [.init("delimiter", "a string", "a line feed", "what is put between lines")])

    private let delimiter: String

    init(_ parameters: StepParameters) throws(CurationError) {
        delimiter = try parameters.string("delimiter", default: "\n")
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard let lines = page.fields["text"]?.arrayValue else {
            _ = try page.content(for: name)
            return .keep
        }
        guard !lines.isEmpty else { return drop() }
        var pieces: [String] = []
        for line in lines {
            guard let piece = line.stringValue else {
                throw CurationError.wrongField(
                    step: name, key: "text", expected: "a list of strings", found: "a list with \(line.kind)")
            }
            pieces.append(piece)
        }
        page.text = pieces.joined(separator: delimiter)
        return .keep
    }
}

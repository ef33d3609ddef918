import JSON
import UnicodeText

/// `starcoder_v2_repo_splitter`: large repositories become several pages.
struct StarCoderRepoSplitter: RecipeStep {
    static let description = StepDescription(
        "starcoder_v2_repo_splitter", "Splits a page with many files into pages with at most so many.",
        [
            .init("max_files", "a whole number", "1000", "the most files a page"),
            .init("delete_content", "true or false", "true", "remove the text from the pages split off"),
        ])

    private let maximum: Int
    private let deletesText: Bool

    init(_ parameters: StepParameters) throws(CurationError) {
        maximum = try parameters.integer("max_files", default: 1000, in: 1...Int(Int32.max))
        deletesText = try parameters.bool("delete_content", default: true)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let files = try RepositoryFiles.of(page, for: name)
        guard files.count > maximum else { return .keep }
        var pages: [Page] = []
        for start in stride(from: 0, to: files.count, by: maximum) {
            var part = page
            part.fields["files"] = .array(Array(files[start..<min(start + maximum, files.count)]))
            if deletesText { part.fields["text"] = nil }
            pages.append(part)
        }
        return .split(pages)
    }
}

/// `starcoder_v2_format_modifier`: a repository's files become one text.
struct StarCoderFormatModifier: RecipeStep {
    static let description = StepDescription(
        "starcoder_v2_format_modifier", "Makes the text of a repository's files, with StarCoder 2's marks between.",
        [
            .init("add_metadata_prob", "a number from 0 to 1", "0.5", "how often names of repository and files go in"),
            .init("add_sentinels", "true or false", "true", "keep the marks; else blank lines stand for them"),
            .init("seed", "a whole number", "0", "which pages get names: a hash of this and the repository's name"),
        ])

    private let probability: Double
    private let keepsMarks: Bool
    private let seed: Int

    init(_ parameters: StepParameters) throws(CurationError) {
        probability = try parameters.number("add_metadata_prob", default: 0.5)
        if !(0...1 ~= probability), let value = parameters["add_metadata_prob"] {
            throw parameters.wrong("add_metadata_prob", "a number from 0 to 1", value)
        }
        keepsMarks = try parameters.bool("add_sentinels", default: true)
        seed = try parameters.integer("seed", default: 0)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let files = try RepositoryFiles.of(page, for: name)
        let repository = page.fields["repo_name"]?.stringValue
        let draw = SeededDraw.unit(seed: seed, key: repository ?? files.first?["text"]?.stringValue ?? "")
        let addsNames = draw < probability
        var text = ""
        if addsNames {
            guard let repository else { throw CurationError.missingField(step: name, key: "repo_name") }
            text += "<repo_name>" + repository
        }
        for file in files {
            text += "<file_sep>"
            if addsNames { text += try RepositoryFiles.string(file, "filename", for: name) + "\n" }
            text += try RepositoryFiles.string(file, "text", for: name)
        }
        if !keepsMarks {
            let bytes = text.utf8.span
            let parts = PythonRules.text.split(bytes, 0..<bytes.count, at: Array("<file_sep>".utf8))
            var output: [UInt8] = []
            for (index, part) in parts.enumerated() {
                if index > 0 { output.append(contentsOf: [0x0A, 0x0A]) }
                output.append(bytes, part)
            }
            output = output.removing(Array("<repo_name>".utf8))
            let span = output.span
            text = String(span, PythonRules.text.strip(span, 0..<span.count))
        }
        page.text = text
        return .keep
    }
}

/// The `files` of a repository's page.
private enum RepositoryFiles {
    static func of(_ page: Page, for step: String) throws(CurationError) -> [JSONValue] {
        guard let value = page.fields["files"] else { throw .missingField(step: step, key: "files") }
        guard let files = value.arrayValue else {
            throw .wrongField(step: step, key: "files", expected: "a list", found: value.kind)
        }
        return files
    }

    static func string(_ file: JSONValue, _ key: String, for step: String) throws(CurationError) -> String {
        guard let text = file[key]?.stringValue else { throw .missingField(step: step, key: "files.\(key)") }
        return text
    }
}

/// Numbers that look random, but are the same for the same seed and key.
enum SeededDraw {
    /// A number from 0 up to 1.
    static func unit(seed: Int, key: String) -> Double {
        let bytes = key.utf8.span
        let hash = TextHash.of(bytes, 0..<bytes.count)
        let mixed = TextHash.mix(hash ^ UInt64(bitPattern: Int64(seed)), 0x9E37_79B9_7F4A_7C15)
        return Double(mixed >> 11) / Double(1 << 53)
    }
}

import JSON
import WebArchives

/// `coreset_filter`: of all pages, those stay that a selection chose.
///
/// A selection looks at the whole pool, a step at one page; so `apus select text` comes first and writes which pages stand
/// for the others, and this step keeps those.
struct CoresetFilter: RecipeStep {
    static let description = StepDescription(
        "coreset_filter",
        "Keeps the pages that `apus select text` chose, with the number of pages that each stands for.",
        [
            .init("selection", "a file name", nil, "what `apus select text --selection` wrote"),
            .init("weight_key", "a string", "coreset_weight", "the field that gets the number of pages stood for"),
        ])

    private let weights: [String: Double]
    private let key: String

    init(_ parameters: StepParameters) throws(CurationError) {
        key = try parameters.string("weight_key", default: "coreset_weight")
        guard let lines = try parameters.lines(ofFile: "selection"), let path = try parameters.path("selection") else {
            throw .missingParameter(step: parameters.step, key: "selection")
        }
        var weights: [String: Double] = [:]
        for (index, line) in lines.enumerated() where !line.isEmpty {
            guard let entry = try? JSONValue(parsing: Array(line.utf8)), let name = entry["key"]?.stringValue,
                let weight = entry["weight"]?.doubleValue
            else {
                throw .unreadableFile(
                    step: parameters.step, key: "selection", path: path,
                    reason: "line \(index + 1) is no object with `key` and `weight`. "
                        + "Write the file with `apus select text --selection FILE`.")
            }
            // Equal pages that were chosen stand for those of both.
            weights[name, default: 0] += weight
        }
        self.weights = weights
    }

    func apply(to page: inout Page) throws -> Verdict {
        guard let weight = weights[CoresetKey.of(page)] else { return drop() }
        page.fields[key] = .number(weight)
        return .keep
    }
}

/// What a page is known by between a selection and a recipe: a digest of its address and text.
package enum CoresetKey {
    package static func of(_ page: Page) -> String {
        let content = (page.fields["url"]?.stringValue ?? "") + "\n" + (page.text ?? "")
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: MD5.digest(of: Array(content.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] },
            as: UTF8.self)
    }
}

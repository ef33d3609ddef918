import Curation
import JSON
import Testing

@Suite(
    "Reference mapper cases",
    .enabled(if: ReferenceData.has("mapper_cases.jsonl"), "../shared/data/dclm_reference is absent"),
    .enabled(if: ReferenceData.hasModels, "Scripts/install-models was not run"))
struct MapperCaseTests {
    @Test("each of 43 mappers does to every page what the reference does")
    func mapperCases() throws {
        var passed: [String: Int] = [:]
        var failed: [String: [String]] = [:]
        var steps: [String: any CurationStep] = [:]
        let cases = try ReferenceData.lines("mapper_cases.jsonl")
        for (line, fields) in cases.enumerated() {
            let mapper = try #require(fields["mapper"]?.stringValue)
            let parameters = fields["params"]?.objectValue ?? [:]
            let page = Page(fields: fields["page"]?.objectValue ?? [:])
            let expected = fields["expected"] ?? .null
            let key = mapper + JSONValue.object(parameters).text()
            let found: JSONValue
            do {
                let step = try steps[key] ?? strictStep(mapper, parameters)
                steps[key] = step
                found = outcome(of: step, on: page)
            } catch {
                failed[mapper, default: []].append("line \(line + 1): \(error)")
                continue
            }
            if found.isIdentical(to: expected) {
                passed[mapper, default: 0] += 1
            } else {
                failed[mapper, default: []].append(
                    "line \(line + 1), \(JSONValue.object(parameters).text()): \(difference(found, expected))")
            }
        }
        let total = passed.values.reduce(0, +)
        print("mapper cases: \(total)/\(cases.count)")
        for (mapper, messages) in failed.sorted(by: { $0.key < $1.key }) {
            print("  \(mapper): \(messages.count) of \(messages.count + passed[mapper, default: 0]) fail")
            for message in messages.prefix(4) { print("    \(message)") }
        }
        #expect(total == cases.count && passed.count == 43)
    }

    @Test(
        "every recipe keeps, changes and drops as the reference does",
        .enabled(if: ReferenceData.has("recipe_cases.jsonl")))
    func recipeCases() throws {
        let recipes = try JSONValue(parsing: try bytes("recipes.json")).objectValue ?? [:]
        var made: [String: [any CurationStep]] = [:]
        for (name, value) in recipes {
            made[name] = try (value.arrayValue ?? []).map { step in
                let parameters = step.objectValue ?? [:]
                return try strictStep(parameters["func"]?.stringValue ?? "", parameters)
            }
        }
        var passed = 0
        var messages: [String] = []
        let cases = try ReferenceData.lines("recipe_cases.jsonl")
        for (line, fields) in cases.enumerated() {
            let steps = try #require(made[fields["recipe"]?.stringValue ?? ""])
            var pages = [Page(fields: fields["page"]?.objectValue ?? [:])]
            var removedAt: Int?
            var lengths: [JSONValue] = []
            for (index, step) in steps.enumerated() {
                guard removedAt == nil else {
                    lengths.append(.null)
                    continue
                }
                let next = outcome(of: step, on: pages[0])
                pages = (next.arrayValue ?? []).map { Page(fields: $0.objectValue ?? [:]) }
                if pages.isEmpty { removedAt = index }
                lengths.append(pages.first.map { JSONValue(length(of: $0)) } ?? .null)
            }
            let expectedLengths = fields["text_length_after_step"]?.arrayValue ?? []
            let sameLengths = zip(lengths, expectedLengths).allSatisfy { $0.canonical == $1.canonical }
            let expectedPages = fields["expected"] ?? .null
            let foundPages = JSONValue.array(pages.map { .object($0.fields) })
            if removedAt == fields["removed_at_step"]?.intValue, sameLengths, foundPages.isIdentical(to: expectedPages)
            {
                passed += 1
            } else {
                messages.append(
                    "line \(line + 1), \(fields["recipe"]?.text() ?? ""): removed at \(removedAt.map(String.init) ?? "none"), expected \(fields["removed_at_step"]?.text() ?? "") \(fields["removed_by"]?.text() ?? ""); \(difference(foundPages, expectedPages)); lengths \(lengths.map { $0.text() }) expected \(expectedLengths.map { $0.text() })"
                )
            }
        }
        print("recipe cases: \(passed)/\(cases.count)")
        for message in messages.prefix(8) { print("  \(message)") }
        #expect(cases.count > 0 && passed == cases.count)
    }

    private func length(of page: Page) -> Int {
        if let text = page.text { return text.unicodeScalars.count }
        return (page.fields["text"]?.arrayValue ?? []).reduce(0) { $0 + ($1.stringValue?.unicodeScalars.count ?? 0) }
    }

    private func bytes(_ file: String) throws -> [UInt8] {
        try Array(#require(try? String(contentsOfFile: ReferenceData.folder + "/" + file, encoding: .utf8)).utf8)
    }

    /// The step as the reference behaves; its default list of top-level domains is the reference's.
    private func strictStep(_ name: String, _ parameters: JSONObject) throws -> any CurationStep {
        var parameters = parameters
        let description = StepRegistry.descriptions.first { $0.name == name }
        if description?.parameters.contains(where: { $0.key == "strict" }) == true { parameters["strict"] = true }
        if name == "url_removal_modifier", parameters["tlds_filepath"] == nil {
            parameters["tlds_filepath"] = "iana_tlds.txt"
        }
        return try StepRegistry.make(name, parameters: parameters, baseFolder: ReferenceData.folder)
    }

    /// The pages that a step leaves; null where it fails.
    private func outcome(of step: any CurationStep, on page: Page) -> JSONValue {
        var page = page
        do {
            switch try step.apply(to: &page) {
            case .keep: return [.object(page.fields)]
            case .drop: return []
            case .split(let pages): return .array(pages.map { .object($0.fields) })
            }
        } catch is CurationError {
            return .null
        } catch {
            return .string("\(error)")
        }
    }

    /// Where two values part, with what is around.
    private func difference(_ found: JSONValue, _ expected: JSONValue) -> String {
        let (left, right) = (Array(found.canonical.utf8), Array(expected.canonical.utf8))
        let common = zip(left, right).prefix { $0 == $1 }.count
        func around(_ bytes: [UInt8]) -> String {
            String(
                decoding: bytes[max(0, min(common, bytes.count) - 50)..<min(bytes.count, common + 80)], as: UTF8.self)
        }
        return "at \(common) found \(around(left)) ⏐ expected \(around(right))"
    }
}

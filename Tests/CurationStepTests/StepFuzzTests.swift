import Curation
import FastText
import Files
import Foundation
import JSON
import Testing

@Suite("Hostile pages and parameters")
struct StepFuzzTests {
    /// What steps need beside their defaults; the values bring rare branches in.
    private static let parameters: [String: [JSONObject]] = [
        "repetition_filter": [
            ["granularity": "line", "max_fraction": 0.3], ["granularity": "paragraph", "max_fraction": 0.3],
            ["granularity": 2, "max_fraction": 0.1, "ignore_case": true], ["granularity": 7, "max_fraction": 0.1],
        ],
        "page_length_filter": [
            ["length_type": "word", "min_length": 3, "model": "uniseg"], ["length_type": "line"],
            ["length_type": "paragraph"],
        ],
        "substring_filter": [
            ["banlist": ["lorem ipsum", "{"]],
            ["banlist": ["a+b*", "(x|y)"], "location": "suffix", "exact_word": true],
        ],
        "substring_line_modifier": [
            ["banlist": "items in cart", "max_length": 10, "remove_substring_only": true],
            ["banlist": "Read more...", "location": "suffix"], ["banlist": ["(a|aa)+b"], "location": "prefix"],
        ],
        "url_substring_filter": [
            ["banlist": ["bad", "worse"], "ignore_chars": ["www", "-"]],
            ["banlist": ["a.com"], "exact_domain_match": true], ["banlist": ["x"], "match_substrings": false],
        ],
        "word_removal_ratio_filter": [["prev_word_count_key": "previous_word_count"]],
        "language_filter": [["keep_languages": ["en"], "key": "language"]],
        "quality_filter": [["key": "score", "threshold": 0.5]],
        "split_lines_modifier": [["delimiter": "\n"]],
        "join_lines_modifier": [["delimiter": "\n"]],
        "within_page_dedup": [["granularity": "line"], ["granularity": "paragraph", "normalize": false]],
        "random_sampling_filter": [[:], ["seed": 7]],
        "detect_lang_whole_page_enricher": [
            ["model": "fasttext"], ["model": "langdetect", "seed": 0], ["model": "apus"],
        ],
        "detect_lang_paragraph_enricher": [["model": "fasttext", "strict": false]],
    ]

    /// Every registered step with each set of parameters; those whose models are not installed are left out, by name.
    private static func steps() throws -> [any CurationStep] {
        var steps: [any CurationStep] = []
        let folder = try qualityModelFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for name in StepRegistry.names {
            var sets = parameters[name] ?? [[:]]
            if name == "classify_fasttext_hq_prob_enricher" { sets = [["model_filename": "q.bin"]] }
            if name == "coreset_filter" { sets = [["selection": "chosen.jsonl"]] }
            for set in sets {
                do {
                    steps.append(try StepRegistry.make(name, parameters: set, baseFolder: folder))
                } catch {
                    guard isModelAbsent(error), !ReferenceData.hasModels else { throw error }
                    print("\(name) is left out: Scripts/install-models was not run")
                }
            }
        }
        return steps
    }

    private static func isModelAbsent(_ error: CurationError) -> Bool {
        if case .modelUnavailable = error { return true }
        return false
    }

    private static func qualityModelFolder() throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "apus-fuzz-\(UUID())").path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var options = FastTextTrainingOptions.qualityClassifier
        options.buckets = 100
        var trainer = try FastTextTrainer(options)
        for index in 0..<20 {
            try trainer.add("proof theorem \(index)", label: "hq")
            try trainer.add("buy cheap \(index)", label: "cc")
        }
        try trainer.train().write(to: folder + "/q.bin")
        let chosen = CoresetKey.of(Page(text: "chosen", url: "https://example.org/"))
        try AtomicFile.write("{\"key\": \"\(chosen)\", \"weight\": 3}\n", to: folder + "/chosen.jsonl")
        return folder
    }

    @Test("a step fails only by its own errors, gives the same twice, and a filter or an enricher leaves the text")
    func pages() throws {
        var random = SplitMix(state: 20)
        var tried = 0
        var failed = 0
        let texts = (0..<120).map { _ in HostileText.make(&random) }
        let pages = texts.map { Page(fields: HostileText.fields($0)) } + HostileText.wrongPages
        for step in try Self.steps() {
            for page in pages {
                tried += 1
                let first = outcome(of: step, on: page)
                #expect(first == outcome(of: step, on: page), "\(step.name) differs from itself")
                switch first {
                case .failed(let error):
                    failed += 1
                    #expect(error == nil, "\(step.name) threw \(error ?? "")")
                case .kept(let after):
                    if step.name.hasSuffix("_filter") || step.name.hasSuffix("_filters") {
                        #expect(after == page, "\(step.name)")
                    }
                    if step.name.hasSuffix("_enricher") {
                        #expect(after.fields["text"] == page.fields["text"], "\(step.name)")
                    }
                case .other: continue
                }
            }
        }
        print("hostile pages: \(tried) tried, \(failed) failed by the steps' own errors")
        #expect(tried > 5000 && failed > 0 && failed < tried / 2)
    }

    @Test("any value of any parameter makes a step, or an error that names the parameter")
    func parameterValues() throws {
        let values: [JSONValue] = [
            .null, true, false, 0, 1, -1, 1000, .integer(.max), .integer(.min), .number(.infinity), .number(-.infinity),
            .number(.nan), 1e308, 0.5, "", "x", "en", "(", "[a-", "\\", "a{9999}", "\u{0}", "../../absent", [], ["("],
            [1], [[]], [:],
        ]
        let page = Page(fields: HostileText.fields("Some words here.\nAnd there, the and of that.\n\nx"))
        var made = 0
        var refused = 0
        for description in StepRegistry.descriptions {
            let base = Self.parameters[description.name]?.first ?? [:]
            for parameter in description.parameters {
                for value in values {
                    var set = base
                    set[parameter.key] = value
                    do {
                        let step = try StepRegistry.make(description.name, parameters: set)
                        made += 1
                        let foreign = outcome(of: step, on: page).foreignError
                        #expect(foreign == nil, "\(description.name): \(foreign ?? "")")
                    } catch {
                        if Self.isModelAbsent(error) { continue }
                        refused += 1
                        let message = "\(error)"
                        #expect(message.hasPrefix(description.name), "\(message)")
                    }
                }
            }
        }
        print("parameters: \(made) made a step, \(refused) were refused")
        #expect(made > 500 && refused > 500)
    }

    @Test(
        "lines that are no pages fail with a reason",
        arguments: ["", "{", "[]", "3", "\"text\"", "nul", "{\"text\":}", "{\"text\":\"\\ud800\"}x"])
    func lines(line: String) throws {
        let step = try SingleStep("stop_word_filter", parameters: [])
        #expect(throws: (any Error).self) { try step.lines(for: Array(line.utf8)) }
    }

    @Test("bytes that are no UTF-8 fail, or are replaced, and never reach the output")
    func invalidBytes() throws {
        let step = try SingleStep("newline_removal_modifier", parameters: [])
        for bytes in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]] {
            let line = Array("{\"text\":\"a".utf8) + bytes + Array("\\n\\n\\n\\nb\"}".utf8)
            guard let values = try? step.lines(for: line) else { continue }
            for value in values { #expect(String(validating: value.text().utf8, as: UTF8.self) != nil) }
        }
    }

    private enum Outcome: Equatable {
        case kept(Page)
        case other(String)
        /// The error, where it isn't one of the steps' own.
        case failed(String?)

        var foreignError: String? {
            if case .failed(let error) = self { return error }
            return nil
        }
    }

    private func outcome(of step: any CurationStep, on page: Page) -> Outcome {
        var page = page
        do {
            switch try step.apply(to: &page) {
            case .keep: return .kept(page)
            case .drop(let reason): return .other("\(reason)")
            case .split(let pages): return .other("\(pages.count)")
            }
        } catch is CurationError {
            return .failed(nil)
        } catch {
            return .failed("\(error)")
        }
    }
}

/// Steele, Lea and Flood 2014: a sequence that a seed decides.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

/// Texts of pieces that steps look for, in orders they do not expect.
enum HostileText {
    private static let pieces = [
        "the", "and", "word", "Word.", "WORD!", "a", "b", "aa", " ", "  ", "\t", "\n", "\n\n", "\n\n\n\n", "\r\n", "\r",
        "\u{B}",
        "\u{C}", "\u{1C}", "\u{85}", "\u{2028}", "\u{2029}", "\u{A0}", "\u{3000}", "\u{200B}", "\u{FEFF}", "\u{0}",
        "\u{7F}",
        "é", "e\u{301}", "İ", "Σ", "ΑΣ", "ς", "ſ", "\u{212A}", "ß", "ǅ", "中文", "ไทย", "👩‍👩‍👧", "🇩🇪🇩", "\u{1F3FD}", "①", "Ⅷ",
        "٣", "½",
        "...", "…", ". . .", "#", "•", "* x", "- x", "\"", "”", "?", "{", "}", "[edit]", "[12]", "[citation needed]",
        "1,234", "3.5k likes",
        "12 comments", "lorem ipsum", "JavaScript", "items in cart", "Read more...", "Sign-in",
        "http://www.a.com/x?y=z", "a.com",
        "1.2.3.4:80", "https://", "Mr. Smith", "e.g.", "\\section{x}", "\\newcommand{\\a}{b}", "\\def\\x{\\x\\x}",
        "\\x ", "% note",
        "\\appendix", "\\bibliography{x}", "<li>", "</li>", "<p>", "&amp;", "\\begin{comment}", "\\end{comment}",
    ]

    static func make(_ random: inout SplitMix) -> String {
        var text = ""
        for _ in 0..<Int.random(in: 0...120, using: &random) {
            let piece = pieces[Int.random(in: 0..<pieces.count, using: &random)]
            let times = Int.random(in: 0..<40, using: &random) == 0 ? Int.random(in: 2...300, using: &random) : 1
            for _ in 0..<times { text += piece }
            if Bool.random(using: &random) { text += " " }
        }
        return text
    }

    /// A page that has what every step reads.
    static func fields(_ text: String) -> JSONObject {
        [
            "text": .string(text), "url": .string("http://www.a-b.com/" + text.prefix(20)),
            "metadata": ["WARC-Target-URI": .string(text)], "previous_word_count": 10, "score": 0.7,
            "language": ["en": 0.9],
            "filename": .string(text), "question": ["text": .string(text)],
            "answers": [["text": .string(text), "score": 1], ["text": "x"]], "repo_name": "r",
            "files": [["text": .string(text), "filename": "a.py"]],
        ]
    }

    /// Every field with a value of every kind, and every field absent.
    static let wrongPages: [Page] = {
        let good = fields("the and of\nx")
        let values: [JSONValue?] = [
            nil, .null, true, 0, -5, .integer(.max), .number(.infinity), "", "x", [], [.null], ["a", "b"],
            [["text": 1]], [:],
            ["en": "x"], ["text": []],
        ]
        return good.keys.flatMap { key in
            values.map { value in
                var fields = good
                fields[key] = value
                return Page(fields: fields)
            }
        }
    }()
}

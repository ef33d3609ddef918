import Curation
import Files
import JSON

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Measures heuristic steps over texts: on one core, in megabytes of text a second.
struct CurationBenchmarks {
    /// Steps applied in order to each page, until one drops it.
    struct Group {
        var name: String
        var steps: [any CurationStep]
    }

    struct Measurement {
        var name: String
        /// Megabytes (10⁶ bytes) of UTF-8 text a second of processor time: the median round.
        var rate: Double
        var kept: Int
        var failed: Int
        var isKept: [Bool]

        var json: JSONValue {
            [
                "name": .string(name), "value": .number(rate), "unit": "MB/s", "kept": JSONValue(kept),
                "failed": JSONValue(failed),
            ]
        }
    }

    private let pages: [Page]
    let bytes: Int
    var count: Int { pages.count }

    /// - Parameters:
    ///   - files: JSON lines with `text`; they are repeated until there are enough bytes.
    /// - Throws: `FileError`, `JSONError`; `CurationError` for a line without text.
    init(files: [String], bytes wanted: Int) throws {
        var pages: [Page] = []
        var bytes = 0
        for file in files {
            for line in try FileReader.bytes(of: file).split(separator: 0x0A) {
                let fields = try JSONValue(parsing: Array(line)).objectValue ?? [:]
                guard let text = fields["text"]?.stringValue else {
                    throw CurationError.missingField(step: file, key: "text")
                }
                pages.append(Page(text: text, url: "http://www.example.com/a-page/of-words.html"))
                bytes += text.utf8.count
            }
        }
        let (once, onceBytes) = (pages, bytes)
        while bytes < wanted, onceBytes > 0 {
            pages += once
            bytes += onceBytes
        }
        self.pages = pages
        self.bytes = bytes
    }

    /// Applies a group to every page, several times over.
    func measure(_ group: Group, rounds: Int = 3) -> Measurement {
        var rates: [Double] = []
        var isKept: [Bool] = []
        var failed = 0
        for _ in 0..<rounds {
            isKept.removeAll(keepingCapacity: true)
            failed = 0
            let start = Self.processorSeconds()
            for page in pages {
                var page = page
                var stays = true
                for step in group.steps {
                    do {
                        if case .drop = try step.apply(to: &page) { stays = false }
                    } catch {
                        failed += 1
                        stays = false
                    }
                    if !stays { break }
                }
                isKept.append(stays)
            }
            rates.append(Double(bytes) / 1e6 / (Self.processorSeconds() - start))
        }
        rates.sort()
        return Measurement(
            name: group.name, rate: rates[rates.count / 2], kept: isKept.count { $0 }, failed: failed, isKept: isKept)
    }

    /// Time that this thread has had a core: what others do on the machine counts for little.
    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// What is measured: each heuristic step with the DataComp-LM recipes' parameters, and the rule sets of whole papers.
    static func groups() throws(CurationError) -> [Group] {
        var groups: [Group] = []
        for (name, parameters) in steps {
            groups.append(Group(name: name, steps: [try StepRegistry.make(name, parameters: parameters)]))
        }
        for (name, rules) in ruleSets {
            var made: [any CurationStep] = []
            for (name, parameters) in rules { made.append(try StepRegistry.make(name, parameters: parameters)) }
            groups.append(Group(name: name, steps: made))
        }
        return groups
    }

    private typealias Rule = (name: String, parameters: JSONObject)

    private static let gopherQuality: [Rule] = [
        (
            "page_length_filter",
            ["length_type": "word", "min_length": 50, "max_length": 100_000, "ignore_punctuation": true]
        ),
        ("word_length_filter", ["min_length": 3, "max_length": 10]),
        ("symbol_ratio_filter", [:]),
        ("bullet_count_filter", [:]),
        ("ellipsis_count_filter", [:]),
        ("alphabetic_word_ratio_filter", [:]),
        ("stop_word_filter", [:]),
    ]

    private static let lineCleaning: [Rule] = [
        ("uppercase_ratio_line_modifier", [:]),
        ("numeric_ratio_line_modifier", ["max_ratio": 0.999999]),
        ("counter_line_modifier", [:]),
        ("line_length_modifier", ["min_length": 2]),
        ("substring_line_modifier", ["banlist": "items in cart", "max_length": 10, "remove_substring_only": true]),
        (
            "substring_line_modifier",
            ["banlist": "Read more...", "max_length": 10, "location": "suffix", "remove_substring_only": true]
        ),
        (
            "substring_line_modifier",
            ["banlist": "Sign-in", "max_length": 10, "location": "prefix", "remove_substring_only": true]
        ),
    ]

    private static let policies: JSONValue = [
        "terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies",
    ]

    private static let c4Quality: [Rule] = [
        ("word_length_modifier", ["max_length": 1000, "model": "split"]),
        ("citation_removal_modifier", [:]),
        ("punctuation_line_modifier", ["remove_ellipses": true]),
        ("line_length_modifier", ["min_length": 3]),
        ("substring_filter", ["banlist": ["lorem ipsum"]]),
        ("substring_line_modifier", ["banlist": ["javascript"]]),
        ("substring_filter", ["banlist": ["{"]]),
        ("substring_line_modifier", ["banlist": policies]),
        (
            "page_length_filter",
            ["length_type": "sentence", "min_length": 5, "tokenizer": "nltk", "tokenizer_lang": "english"]
        ),
    ]

    private static let repetition: [Rule] = [("massive_web_repetition_filters", [:])]

    private static let steps: [Rule] = {
        var rules = gopherQuality + repetition + lineCleaning.prefix(5) + c4Quality.prefix(3)
        rules += [
            ("newline_removal_modifier", [:]), ("word_counter_enricher", [:]),
            ("within_page_dedup", ["granularity": "line"]),
            ("line_length_filter", [:]), ("alphanumeric_char_ratio_filter", [:]),
        ]
        return rules
    }()

    private static let ruleSets: [(name: String, rules: [Rule])] = [
        ("gopher_quality", gopherQuality), ("gopher_repetition", repetition), ("c4_quality", c4Quality),
        (
            "refinedweb_heuristics",
            [("newline_removal_modifier", [:])] + gopherQuality + repetition + [
                ("word_counter_enricher", ["key": "previous_word_count"])
            ] + lineCleaning + [("word_removal_ratio_filter", ["prev_word_count_key": "previous_word_count"])]
        ),
    ]
}

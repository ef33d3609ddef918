import JSON

/// Scores texts as `score.py` of the pages does: by shared runs of four words, and by fragments.
struct PageScorer {
    struct Row {
        var precision = 0.0
        var recall = 0.0
        var f1 = 0.0
    }

    struct Fragments {
        var found = 0
        var wanted = 0
        var unwantedFound = 0
        var unwanted = 0
    }

    struct Summary {
        var pages = 0
        var full: [Row] = []
        var fragments = Fragments()

        var f1: Double? { full.isEmpty ? nil : full.reduce(0) { $0 + $1.f1 } / Double(full.count) }
        var includeRecall: Double? {
            fragments.wanted == 0 ? nil : Double(fragments.found) / Double(fragments.wanted)
        }
        var excludeRate: Double? {
            fragments.unwanted == 0 ? nil : 1 - Double(fragments.unwantedFound) / Double(fragments.unwanted)
        }
    }

    private(set) var summaries: [String: Summary] = [:]

    mutating func add(_ page: SharedPage, expected: JSONValue, got: String) {
        var row: Row?
        var fragments: Fragments?
        if page.kinds.contains("full-text") { row = Self.compare(expected["text"]?.stringValue ?? "", got) }
        if page.kinds.contains("fragments") { fragments = Self.look(expected, in: got) }
        var names = [page.set, "all"]
        if let type = page.pageType { names.append("\(page.set)/\(type)") }
        if let language = page.language, page.set == "daniel" { names.append("daniel/\(language)") }
        for name in names {
            summaries[name, default: Summary()].pages += 1
            if let row { summaries[name, default: Summary()].full.append(row) }
            if let fragments {
                summaries[name, default: Summary()].fragments.found += fragments.found
                summaries[name, default: Summary()].fragments.wanted += fragments.wanted
                summaries[name, default: Summary()].fragments.unwantedFound += fragments.unwantedFound
                summaries[name, default: Summary()].fragments.unwanted += fragments.unwanted
            }
        }
    }

    // MARK: Words

    /// A word by itself: Thai, kana, Han.
    private static func isUnspaced(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x0E00...0x0E7F, 0x3040...0x30FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x2FFFF:
            true
        default: false
        }
    }

    /// What Python's `\w` matches.
    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value < 0x80 {
            return scalar == "_" || (48...57).contains(scalar.value) || (97...122).contains(scalar.value | 0x20)
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return true
        default: return scalar.properties.numericType != nil
        }
    }

    /// Runs of four words with how often they occur; of fewer words, the one run that there is.
    static func shingles(_ text: String) -> [[String]: Int] {
        var words: [String] = []
        var word = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let stands = isUnspaced(scalar)
            if !stands, isWord(scalar) {
                word.append(scalar)
                continue
            }
            if !word.isEmpty {
                words.append(String(word))
                word = String.UnicodeScalarView()
            }
            if stands { words.append(String(scalar)) }
        }
        if !word.isEmpty { words.append(String(word)) }
        guard !words.isEmpty else { return [:] }
        var counts: [[String]: Int] = [:]
        for start in 0..<max(1, words.count - 3) {
            counts[Array(words[start..<min(start + 4, words.count)]), default: 0] += 1
        }
        return counts
    }

    static func compare(_ truth: String, _ got: String) -> Row {
        let (wanted, given) = (shingles(truth), shingles(got))
        if wanted.isEmpty, given.isEmpty { return Row(precision: 1, recall: 1, f1: 1) }
        let shared = Double(given.reduce(0) { $0 + min($1.value, wanted[$1.key] ?? 0) })
        let sizes = (given.values.reduce(0, +), wanted.values.reduce(0, +))
        let precision = sizes.0 == 0 ? 0 : shared / Double(sizes.0)
        let recall = sizes.1 == 0 ? 0 : shared / Double(sizes.1)
        let f1 = precision + recall == 0 ? 0 : 2 * precision * recall / (precision + recall)
        return Row(precision: precision, recall: recall, f1: f1)
    }

    // MARK: Fragments

    /// Python's `" ".join(text.split())`, as bytes.
    private static func squeeze(_ text: String) -> [UInt8] {
        var result = String.UnicodeScalarView()
        var space = false
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace || (0x1C...0x1F).contains(scalar.value) {
                space = !result.isEmpty
            } else {
                if space { result.append(" ") }
                space = false
                result.append(scalar)
            }
        }
        return Array(String(result).utf8)
    }

    private static func look(_ expected: JSONValue, in got: String) -> Fragments {
        let flat = squeeze(got)
        func fragments(_ key: String) -> [[UInt8]] {
            (expected[key]?.arrayValue ?? []).compactMap(\.stringValue).map(squeeze).filter { !$0.isEmpty }
        }
        func count(_ parts: [[UInt8]]) -> Int { parts.count { part in flat.contains(part) } }
        let (wanted, unwanted) = (fragments("with"), fragments("without"))
        return Fragments(
            found: count(wanted), wanted: wanted.count, unwantedFound: count(unwanted), unwanted: unwanted.count)
    }
}

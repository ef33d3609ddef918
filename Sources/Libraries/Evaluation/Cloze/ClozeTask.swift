import ApusCore
import UnicodeText

/// A text that breaks off before a word, and words that may come next.
public struct ClozeQuestion: Sendable, Hashable, Codable {
    /// The text before the gap, without the space at its end.
    public var context: String
    /// Words with the space before them, the right one among them.
    public var choices: [String]
    /// Place of the right one.
    public var answer: Int
    /// The document that it comes from, by its place in the list.
    public var document: Int
}

/// Multiple-choice questions made from documents, in any language that puts spaces between words.
///
/// The gap is a word of at least four letters with enough text before it. The other choices are words of other documents
/// that come about as often, so that frequency alone tells nothing, and that the document itself does not use.
/// Questions are spread evenly over the documents. The same documents and seed give the same questions.
///
/// - Source: after the cloze tests of Hill et al. 2015 (Children's Book Test), with distractors matched by frequency.
public struct ClozeTask: Sendable {
    public let questions: [ClozeQuestion]

    /// Words that must stand before a gap.
    static let minimumContextWords = 20
    /// UTF-8 bytes of context at most.
    static let contextBytes = 1200
    static let minimumLetters = 4

    /// - Parameters:
    ///   - documents: texts, of any length.
    ///   - wanted: how many questions are wanted; fewer are made where the documents give no more.
    ///   - choices: of each, at least 2.
    ///   - seed: decides gaps and choices.
    /// - Complexity: O(bytes + questions · choices).
    public init(documents: [String], questions wanted: Int, choices: Int, seed: UInt64) {
        let texts = documents.map(ClozeText.init)
        let lexicon = Lexicon(texts)
        // A document's gaps in random order; questions are taken from each document in turn.
        var gaps = texts.enumerated().map { number, text in
            var generator = SeededGenerator(seed: seed, stream: UInt64(number))
            var gaps = text.gaps
            generator.shuffle(&gaps)
            return gaps[...]
        }
        var generator = SeededGenerator(seed: seed, stream: .max)
        var made: [ClozeQuestion] = []
        var isExhausted = false
        while made.count < wanted, !isExhausted {
            isExhausted = true
            for number in texts.indices where made.count < wanted {
                guard let gap = gaps[number].popFirst() else { continue }
                isExhausted = false
                let word = texts[number].words[gap]
                let others = lexicon.others(like: word.text, notIn: texts[number], count: choices - 1, &generator)
                guard others.count == choices - 1 else { continue }
                let answer = generator.below(choices)
                var list = others
                list.insert(word.text, at: answer)
                made.append(
                    ClozeQuestion(
                        context: texts[number].context(before: word), choices: list.map { " " + $0 }, answer: answer,
                        document: number))
            }
        }
        questions = made
    }
}

/// A document's words.
struct ClozeText {
    struct Word {
        var text: String
        var range: Range<Int>
        /// Whether it can be a gap or a choice.
        var isEligible: Bool
    }

    private let bytes: [UInt8]
    private(set) var words: [Word] = []
    private(set) var used: Set<String> = []

    init(_ text: String) {
        let bytes = Array(text.utf8)
        self.bytes = bytes
        let span = bytes.span
        let splitter = WordSplitter(.uniseg)
        let classes = ScalarClassTable.standard
        var start = 0
        while let range = splitter.next(span, start..<span.count) {
            start = range.upperBound
            let word = String(decoding: bytes[range], as: UTF8.self)
            guard let first = word.unicodeScalars.first, !classes[first.value].isDisjoint(with: [.letter, .digit])
            else { continue }
            let isAllLetters = word.unicodeScalars.allSatisfy { classes[$0.value].contains(.letter) }
            let followsSpace = range.lowerBound > 0 && bytes[range.lowerBound - 1] == 0x20
            words.append(
                Word(
                    text: word, range: range,
                    isEligible: followsSpace && isAllLetters && word.unicodeScalars.count >= ClozeTask.minimumLetters))
            used.insert(word)
        }
    }

    /// Places of words that can be gaps.
    var gaps: [Int] { words.indices.filter { $0 >= ClozeTask.minimumContextWords && words[$0].isEligible } }

    /// The text before a word, from the start of a word.
    func context(before word: Word) -> String {
        let end = word.range.lowerBound - 1
        var start = max(0, end - ClozeTask.contextBytes)
        if start > 0, let whole = words.first(where: { $0.range.lowerBound >= start }) {
            start = whole.range.lowerBound
        }
        return String(decoding: bytes[start..<max(start, end)], as: UTF8.self)
    }
}

/// The words that can be choices, by how often they come in all documents.
private struct Lexicon {
    /// Rising frequency; equal ones by their bytes.
    private let words: [String]
    private var places: [String: Int] = [:]

    /// Words on either side of the right one's frequency that are drawn from.
    private static let reach = 60

    init(_ texts: [ClozeText]) {
        var counts: [String: Int] = [:]
        for text in texts {
            for word in text.words where word.isEligible { counts[word.text, default: 0] += 1 }
        }
        words = counts.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map(\.key)
        for (place, word) in words.enumerated() { places[word] = place }
    }

    /// Different words near one in frequency, which a text does not use; fewer where there are none.
    ///
    /// They begin with a capital letter where the word does, so that the form tells as little as the frequency.
    func others(like word: String, notIn text: ClozeText, count: Int, _ generator: inout SeededGenerator) -> [String] {
        guard let place = places[word] else { return [] }
        func isCapital(_ word: String) -> Bool { word.unicodeScalars.first?.properties.isUppercase == true }
        let kind = isCapital(word)
        var near: [String] = []
        var distance = 1
        while near.count < Self.reach, place - distance >= 0 || place + distance < words.count {
            for neighbour in [place - distance, place + distance] where words.indices.contains(neighbour) {
                let other = words[neighbour]
                if isCapital(other) == kind, !text.used.contains(other) { near.append(other) }
            }
            distance += 1
        }
        generator.shuffle(&near)
        return Array(near.prefix(count))
    }
}

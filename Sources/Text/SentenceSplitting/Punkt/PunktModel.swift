import Files
import UnicodeText

/// What Punkt has learnt of a language: abbreviations, words that go together across a full stop, words that often start
/// sentences, and in what case words were seen where.
///
/// The file (`Scripts/convert-punkt-model` writes it) has a line a fact, its fields separated by tabs: `abbreviation` and
/// the word without its full stop; `collocation` and two words; `starter` and the word; `context`, the word and the sum
/// of its flags (2, 4, 8: with a capital at a sentence's start, inside, elsewhere; 16, 32, 64: the same in lower case).
/// Words are in lower case, numbers are `##number##`.
public struct PunktModel: Sendable {
    let abbreviations: Set<[UInt8]>
    /// Both words with a tab between.
    let collocations: Set<[UInt8]>
    let starters: Set<[UInt8]>
    let contexts: [[UInt8]: Context]

    /// Where and in which case a word was seen.
    struct Context: OptionSet, Sendable {
        let rawValue: UInt8
        static let capitalInside = Context(rawValue: 4)
        static let lowerAtStart = Context(rawValue: 16)
        static let capital = Context(rawValue: 2 | 4 | 8)
        static let lower = Context(rawValue: 16 | 32 | 64)
    }

    /// A model that knows nothing: every full stop ends a sentence.
    public static let untrained = PunktModel()

    private init() {
        abbreviations = []
        collocations = []
        starters = []
        contexts = [:]
    }

    /// - Throws: `SentenceError`.
    public init(contentsOf file: String) throws(SentenceError) {
        let bytes: [UInt8]
        do { bytes = try FileReader.bytes(of: file) } catch { throw .file(error) }
        try self.init(bytes, file: file)
    }

    init(_ bytes: [UInt8], file: String) throws(SentenceError) {
        var abbreviations: Set<[UInt8]> = []
        var collocations: Set<[UInt8]> = []
        var starters: Set<[UInt8]> = []
        var contexts: [[UInt8]: Context] = [:]
        for (index, line) in bytes.split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
            if line.isEmpty { continue }
            let fields = line.split(separator: 0x09, omittingEmptySubsequences: false).map { Array($0) }
            switch (String(decoding: fields[0], as: UTF8.self), fields.count) {
            case ("abbreviation", 2): abbreviations.insert(fields[1])
            case ("collocation", 3): collocations.insert(fields[1] + [0x09] + fields[2])
            case ("starter", 2): starters.insert(fields[1])
            case ("context", 3):
                guard let flags = UInt8(String(decoding: fields[2], as: UTF8.self)) else {
                    throw .damagedModel(file: file, line: index + 1, reason: "the flags are no number from 0 to 255")
                }
                contexts[fields[1]] = Context(rawValue: flags)
            default: throw .damagedModel(file: file, line: index + 1, reason: "is no line of a Punkt model")
            }
        }
        self.abbreviations = abbreviations
        self.collocations = collocations
        self.starters = starters
        self.contexts = contexts
    }
}

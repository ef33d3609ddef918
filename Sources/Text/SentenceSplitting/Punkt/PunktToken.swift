import UnicodeText

/// A word as Punkt judges it.
struct PunktToken {
    /// In lower case, numbers as `##number##`.
    private(set) var type: [UInt8] = []
    /// The word in lower case without its last character.
    private(set) var stem: [UInt8] = []
    var endsSentence = false
    var isAbbreviation = false
    private(set) var isEllipsis = false
    private(set) var endsInStop = false
    /// One letter and a full stop.
    private(set) var isInitial = false
    private(set) var startsUpper = false
    private(set) var startsLower = false
    /// One character that starts no sentence.
    private(set) var isPunctuation = false

    static let number = Array("##number##".utf8)

    init(_ bytes: Span<UInt8>, _ word: Range<Int>, _ lower: LowerCase, _ model: PunktModel) {
        let text = PythonText()
        let first = bytes.scalar(at: word.lowerBound)
        let firstClass = text.classes[first.value]
        startsUpper = firstClass.contains(.uppercase)
        startsLower = firstClass.contains(.lowercase)
        endsInStop = bytes[word.upperBound - 1] == 0x2E
        isInitial =
            endsInStop && word.count == first.length + 1 && text.isWord(first.value) && !firstClass.contains(.decimal)
        isPunctuation =
            word.count == 1 && PunktCharacters.isPunctuation(first.value < 0x80 ? bytes[word.lowerBound] : 0)
        let lowered = lower(bytes, word)
        let loweredSpan = lowered.span
        type = Self.isNumber(loweredSpan, text) ? Self.number : lowered
        stem = endsInStop ? Array(lowered.dropLast()) : lowered

        if word.count == 1, PunktCharacters.endsSentence(bytes[word.lowerBound]) {
            endsSentence = true
        } else if word.count > 1, word.allSatisfy({ bytes[$0] == 0x2E }) {
            isEllipsis = true
        } else if endsInStop, bytes[word.upperBound - 2] != 0x2E {
            let lastPart = stem.lastIndex(of: 0x2D).map { Array(stem[($0 + 1)...]) } ?? stem
            if model.abbreviations.contains(stem) || model.abbreviations.contains(lastPart) {
                isAbbreviation = true
            } else {
                endsSentence = true
            }
        }
    }

    /// The type without a full stop at its end.
    var typeWithoutStop: [UInt8] { type.count > 1 && type.last == 0x2E ? Array(type.dropLast()) : type }

    /// The type, without a full stop that ends the sentence.
    var typeInSentence: [UInt8] { endsSentence ? typeWithoutStop : type }

    /// `-`, then `.` or `,`, then digits with digits, commas, full stops and hyphens; all but a digit may lack.
    private static func isNumber(_ bytes: Span<UInt8>, _ text: PythonText) -> Bool {
        var position = 0
        if bytes[0] == 0x2D { position = 1 }
        if position < bytes.count, bytes[position] == 0x2E || bytes[position] == 0x2C { position += 1 }
        guard position < bytes.count else { return false }
        let first = bytes.scalar(at: position)
        guard text.classes[first.value].contains(.decimal) else { return false }
        position += first.length
        while position < bytes.count {
            let scalar = bytes.scalar(at: position)
            let isMark = scalar.value == 0x2C || scalar.value == 0x2E || scalar.value == 0x2D
            guard isMark || text.classes[scalar.value].contains(.decimal) else { return false }
            position += scalar.length
        }
        return true
    }
}

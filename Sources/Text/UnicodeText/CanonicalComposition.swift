// The Swift library's normaliser, which swift-foundation uses in the same way; it spares every program the loading of
// Foundation.
@_spi(_Unicode) import Swift

/// Unicode normalisation form C over UTF-8.
public enum CanonicalComposition {
    /// Whether the bytes are in normalisation form C for certain; false where the quick check (UAX 15 §9) says "maybe".
    ///
    /// Ill-formed bytes are passed over.
    ///
    /// - Complexity: O(bytes); one comparison a byte where all scalars are below U+0300.
    public static func isNormalized(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var position = 0
        // 0xCC 0x80 is U+0300, the first scalar whose answer is not a plain yes.
        while position < bytes.count, bytes[position] < 0xCC { position += 1 }
        if position == bytes.count { return true }
        return QuickCheck.shared.answers.withUnsafeBufferPointer { answers in
            var lastClass: UInt8 = 0
            while position < bytes.count {
                let byte = bytes[position]
                if byte < 0xCC {
                    // ASCII, continuation bytes and Latin: starters.
                    if byte < 0x80 || byte >= 0xC0 { lastClass = 0 }
                    position += 1
                    continue
                }
                let decoded = bytes.scalar(at: position)
                let scalar = decoded.value
                position += decoded.length
                let answer = scalar < QuickCheck.limit ? answers[Int(scalar)] : QuickCheck.answer(scalar)
                if answer == QuickCheck.notYes { return false }
                if answer != 0, answer < lastClass { return false }
                lastClass = answer
            }
            return true
        }
    }

    /// Appends the text in normalisation form C. Ill-formed bytes become U+FFFD.
    public static func append(_ bytes: UnsafeBufferPointer<UInt8>, to output: inout [UInt8]) {
        let text = String(decoding: bytes, as: UTF8.self)
        for scalar in text._nfc {
            output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
    }

    /// The text in normalisation form C.
    public static func normalized(_ text: String) -> String {
        var text = text
        return text.withUTF8 { bytes in
            if isNormalized(bytes) { return nil }
            var output: [UInt8] = []
            output.reserveCapacity(bytes.count)
            append(bytes, to: &output)
            return String(decoding: output, as: UTF8.self)
        } ?? text
    }
}

/// The NFC quick-check answer of each scalar, derived once from the Swift library's own decompositions.
private struct QuickCheck {
    static let limit: UInt32 = 0x20000
    /// The scalar may change, or may compose with the one before it.
    static let notYes: UInt8 = 255

    static let shared = QuickCheck()

    /// 0: a starter that stays; 1…254: its canonical combining class, it stays if in order; `notYes`.
    let answers: [UInt8]

    private init() {
        var answers = [UInt8](repeating: 0, count: Int(Self.limit))
        for value in UInt32(0x300)..<Self.limit {
            // CJK ideographs and Hangul syllables stay as they are.
            if (0x3400...0x9FFF).contains(value) || (0xAC00...0xD7A3).contains(value) { continue }
            if answers[Int(value)] == 0 { answers[Int(value)] = Self.answer(value) }
        }
        for value in UInt32(0xC0)..<Self.limit {
            if (0x3400...0x9FFF).contains(value) || (0xAC00...0xD7A3).contains(value) { continue }
            guard let scalar = Unicode.Scalar(value), scalar.properties.generalCategory != .unassigned else { continue }
            // What follows in a decomposition may compose with what it follows.
            for (offset, part) in String(Character(scalar))._nfd.enumerated()
            where offset > 0 && part.value < Self.limit {
                answers[Int(part.value)] = Self.notYes
            }
        }
        // Hangul vowels and final consonants compose with the syllable before.
        for value in 0x1161...0x1175 { answers[value] = Self.notYes }
        for value in 0x11A8...0x11C2 { answers[value] = Self.notYes }
        self.answers = answers
    }

    static func answer(_ value: UInt32) -> UInt8 {
        guard let scalar = Unicode.Scalar(value) else { return 0 }
        var composed = String(Character(scalar))._nfc.makeIterator()
        guard composed.next() == scalar, composed.next() == nil else { return notYes }
        return min(scalar.properties.canonicalCombiningClass.rawValue, 254)
    }
}

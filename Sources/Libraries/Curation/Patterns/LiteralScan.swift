/// A literal that every match of a pattern holds: pages without it are passed over at the speed of a byte scan.
///
/// Made of ASCII only, and where case is ignored without i, k and s, which scalars beyond ASCII match too.
struct RequiredLiteral: Sendable {
    /// In lower case where case is ignored.
    let bytes: [UInt8]
    let ignoresCase: Bool

    /// The longest usable run of plain characters in a pattern; nil where there is none.
    init?(in pattern: String, ignoresCase: Bool) {
        var best: [UInt8] = []
        var run: [UInt8] = []
        // Groups, alternatives, escapes and repeats make it unsure what every match holds.
        if !pattern.isPlainPattern, pattern.utf8.contains(where: Self.isStructural) { return nil }
        for byte in pattern.utf8 {
            let plain = byte < 0x80 && byte != 0x2E && byte != 0x5E && byte != 0x24
            if plain, !(ignoresCase && CaseFold.hasForeignPartner(byte) && Self.isLetter(byte)) {
                run.append(ignoresCase && Self.isLetter(byte) ? byte | 0x20 : byte)
            } else {
                run = []
            }
            if run.count > best.count { best = run }
        }
        guard !best.isEmpty else { return nil }
        bytes = best
        self.ignoresCase = ignoresCase
    }

    /// One literal for each pattern; nil where one has none, or there is no pattern (which matches anything).
    static func ofAll(_ patterns: [String], ignoresCase: Bool) -> [RequiredLiteral]? {
        var literals: [RequiredLiteral] = []
        for pattern in patterns {
            guard let literal = RequiredLiteral(in: pattern, ignoresCase: ignoresCase) else { return nil }
            literals.append(literal)
        }
        return literals.isEmpty ? nil : literals
    }

    private static func isStructural(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x28, 0x29, 0x2A, 0x2B, 0x3F, 0x5B, 0x5C, 0x5D, 0x7B, 0x7C: true
        default: false
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte | 0x20 }

    /// Whether a range holds the literal. Complexity: O(bytes) but for repetitive text.
    ///
    /// Looks for the first and the last byte together, 16 places at a time; 5 × the speed of a loop over bytes
    /// (`apus bench curation --only substring_line_modifier`). Setting bit 0x20 makes letters lower case, and other
    /// bytes at worst candidates too many, which `isEqual` sorts out.
    func isFound(in text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count >= bytes.count else { return false }
        let folds: UInt8 = ignoresCase ? 0x20 : 0
        let reach = bytes.count - 1
        let (first, last) = (SIMD16(repeating: bytes[0] | folds), SIMD16(repeating: bytes[reach] | folds))
        let fold = SIMD16(repeating: folds)
        return text.extracting(range).withUnsafeBytes { text in
            var start = 0
            // Loads end at most at start + reach + 16, which the condition keeps inside the text.
            while start + reach + 16 <= text.count {
                let heads = text.loadUnaligned(fromByteOffset: start, as: SIMD16<UInt8>.self) | fold
                let tails = text.loadUnaligned(fromByteOffset: start + reach, as: SIMD16<UInt8>.self) | fold
                let found = (heads .== first) .& (tails .== last)
                if any(found) {
                    for lane in 0..<16 where found[lane] && isEqual(text, start + lane) { return true }
                }
                start += 16
            }
            while start + reach < text.count {
                if isEqual(text, start) { return true }
                start += 1
            }
            return false
        }
    }

    @inline(__always)
    private func isEqual(_ text: UnsafeRawBufferPointer, _ start: Int) -> Bool {
        for offset in bytes.indices {
            let byte = text[start + offset]
            let folded = ignoresCase && 0x41...0x5A ~= byte ? byte | 0x20 : byte
            if folded != bytes[offset] { return false }
        }
        return true
    }
}

/// Where in a text a banlist's item must stand.
enum BanlistLocation: String, CaseIterable { case any, prefix, suffix }

extension String {
    /// Whether this means the same as a regular expression and as plain text.
    var isPlainPattern: Bool {
        utf8.allSatisfy { byte in
            switch byte {
            case 0x24, 0x28...0x2B, 0x2E, 0x3F, 0x5B...0x5E, 0x7C: false
            // A brace that starts no repeat is plain; one before a digit or a comma may start one.
            case 0x7B: self.utf8.count == 1
            default: true
            }
        }
    }
}

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
        for byte in pattern.utf8 where Self.isStructural(byte) { return nil }
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

    private static func isStructural(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x28, 0x29, 0x2A, 0x2B, 0x3F, 0x5B, 0x5C, 0x5D, 0x7B, 0x7C: true
        default: false
        }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { 0x61...0x7A ~= byte | 0x20 }

    /// Whether a range holds the literal. Complexity: O(bytes) but for repetitive text.
    func isFound(in text: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.count >= bytes.count else { return false }
        let mask: UInt8 = ignoresCase && Self.isLetter(bytes[0]) ? 0x20 : 0
        let first = bytes[0]
        for start in range.lowerBound...(range.upperBound - bytes.count) where text[start] | mask == first {
            var offset = 1
            while offset < bytes.count {
                let byte = text[start + offset]
                let folded = ignoresCase && 0x41...0x5A ~= byte ? byte | 0x20 : byte
                guard folded == bytes[offset] else { break }
                offset += 1
            }
            if offset == bytes.count { return true }
        }
        return false
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

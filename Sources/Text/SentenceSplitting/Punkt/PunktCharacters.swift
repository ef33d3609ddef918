import UnicodeText

/// The punctuation that Punkt's rules for European languages name.
enum PunktCharacters {
    /// A possible end of a sentence: `.`, `?`, `!`.
    @inline(__always)
    static func endsSentence(_ byte: UInt8) -> Bool { byte == 0x2E || byte == 0x3F || byte == 0x21 }

    /// What no word holds: `) " ; } ] * : @ ' ( { [ ! ?`.
    @inline(__always)
    static func isOutsideWords(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x29, 0x22, 0x3B, 0x7D, 0x5D, 0x2A, 0x3A, 0x40, 0x27, 0x28, 0x7B, 0x5B, 0x21, 0x3F: true
        default: false
        }
    }

    /// What no word starts with: `` ( " ` { [ : ; & # * @ ) } ] - , ``.
    @inline(__always)
    static func startsNoWord(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x28, 0x22, 0x60, 0x7B, 0x5B, 0x3A, 0x3B, 0x26, 0x23, 0x2A, 0x40, 0x29, 0x7D, 0x5D, 0x2D, 0x2C: true
        default: false
        }
    }

    /// What goes to the sentence before it: `" ' ) ] }`.
    @inline(__always)
    static func closes(_ byte: UInt8) -> Bool {
        byte == 0x22 || byte == 0x27 || byte == 0x29 || byte == 0x5D || byte == 0x7D
    }

    /// Punctuation that starts no sentence: `; : , . ! ?`.
    @inline(__always)
    static func isPunctuation(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x3B, 0x3A, 0x2C, 0x2E, 0x21, 0x3F: true
        default: false
        }
    }
}

/// What the bytes of a page are, seen as UTF-8.
struct UTF8Check {
    /// Well-formed sequences of two and more bytes.
    var sequences = 0
    /// Maximal ill-formed parts; each decodes as one U+FFFD.
    var errors = 0
    /// Bytes up to the first error; all of them where there is none.
    var validPrefix = 0
    var isValid: Bool { errors == 0 }
    var isASCII: Bool { errors == 0 && sequences == 0 }

    /// Complexity: O(n); ASCII in steps of 32 bytes.
    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let base = bytes.baseAddress else { return }
        let raw = UnsafeRawPointer(base)
        let count = bytes.count
        var at = 0
        while at < count {
            // Four words at a time; operators of SIMD vectors would go byte by byte.
            while at + 32 <= count {
                let words = raw.loadUnaligned(fromByteOffset: at, as: (UInt64, UInt64, UInt64, UInt64).self)
                if (words.0 | words.1 | words.2 | words.3) & 0x8080_8080_8080_8080 != 0 { break }
                at += 32
            }
            while at < count, base[at] < 0x80 { at += 1 }
            guard at < count else { break }
            while at < count, base[at] >= 0x80 {
                let (length, isValid) = Self.sequence(base, at, count)
                if isValid {
                    sequences += 1
                } else {
                    if errors == 0 { validPrefix = at }
                    errors += 1
                }
                at += length
            }
        }
        if errors == 0 { validPrefix = count }
    }

    /// The length of the sequence (or of the maximal ill-formed part) at a byte ≥ 0x80, and whether it is well-formed.
    @inline(__always)
    static func sequence(_ base: UnsafePointer<UInt8>, _ at: Int, _ count: Int) -> (length: Int, isValid: Bool) {
        let first = base[at]
        let more: Int
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        switch first {
        case 0xC2...0xDF: more = 1
        case 0xE0:
            more = 2
            low = 0xA0
        case 0xED:
            more = 2
            high = 0x9F
        case 0xE1...0xEF: more = 2
        case 0xF0:
            more = 3
            low = 0x90
        case 0xF1...0xF3: more = 3
        case 0xF4:
            more = 3
            high = 0x8F
        default: return (1, false)
        }
        guard at + 1 < count, base[at + 1] >= low, base[at + 1] <= high else { return (1, false) }
        var length = 2
        while length <= more {
            guard at + length < count, base[at + length] & 0xC0 == 0x80 else { return (length, false) }
            length += 1
        }
        return (length, true)
    }

    /// Appends bytes with each ill-formed part replaced by U+FFFD (WHATWG Encoding, 8.1).
    static func repair(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) {
        guard let base = bytes.baseAddress else { return }
        var at = 0
        var start = 0
        while at < bytes.count {
            if base[at] < 0x80 {
                at += 1
                continue
            }
            let (length, isValid) = sequence(base, at, bytes.count)
            if !isValid {
                output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start..<at]))
                output.append(contentsOf: [0xEF, 0xBF, 0xBD])
                start = at + length
            }
            at += length
        }
        output.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[start...]))
    }
}

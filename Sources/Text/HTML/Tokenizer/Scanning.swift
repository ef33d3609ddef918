/// Searches in padded bytes, sixteen at a time. Every search stops at a NUL, which the padding guarantees.
enum Scan {
    /// The first position from `start` with `<`, `&` or NUL.
    @inline(__always)
    static func text(_ bytes: UnsafePointer<UInt8>, from start: Int) -> Int {
        any(0x3C, 0x26, in: bytes, from: start)
    }

    /// The first position from `start` with one of two bytes or NUL.
    @inline(__always)
    static func any(_ one: UInt8, _ other: UInt8, in bytes: UnsafePointer<UInt8>, from start: Int) -> Int {
        // Words of eight bytes: `.==` of the standard library's vectors compiles to a loop over lanes.
        let first = repeated(one)
        let second = repeated(other)
        var position = start
        while true {
            let word = UInt64(littleEndian: UnsafeRawPointer(bytes + position).loadUnaligned(as: UInt64.self))
            let hits = zeros(word) | zeros(word ^ first) | zeros(word ^ second)
            if hits != 0 { return position &+ hits.trailingZeroBitCount >> 3 }
            position &+= 8
        }
    }

    @inline(__always)
    private static func repeated(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    /// The top bit of each zero byte; above the lowest such bit there may be others that mean nothing.
    @inline(__always)
    private static func zeros(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }

    /// The first position from `start` with that byte or NUL.
    @inline(__always)
    static func byte(_ wanted: UInt8, in bytes: UnsafePointer<UInt8>, from start: Int) -> Int {
        any(wanted, wanted, in: bytes, from: start)
    }
}

/// Classes of bytes in tags.
enum ByteClass {
    static var space: UInt8 { 1 }
    /// Ends a tag name: white space, `/`, `>`, NUL.
    static var endsTagName: UInt8 { 2 }
    /// Ends an attribute name: the same and `=`.
    static var endsAttributeName: UInt8 { 4 }
    static var letter: UInt8 { 8 }
    static var alphanumeric: UInt8 { 16 }
    /// Ends an unquoted value: white space, `>`, `&`, NUL.
    static var endsUnquoted: UInt8 { 32 }

    /// 256 classes. Written once; lives as long as the process.
    nonisolated(unsafe) static let table: UnsafePointer<UInt8> = {
        let table = UnsafeMutablePointer<UInt8>.allocate(capacity: 256)
        for byte in 0...255 as ClosedRange<UInt8> {
            let isSpace = [0x20, 0x09, 0x0A, 0x0C, 0x0D].contains(byte)
            let isLetter = byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A
            let isDigit = byte >= 0x30 && byte <= 0x39
            var value: UInt8 = isSpace ? space | endsTagName | endsAttributeName | endsUnquoted : 0
            if byte == 0x2F || byte == 0x3E || byte == 0 { value |= endsTagName | endsAttributeName }
            if byte == 0x3D { value |= endsAttributeName }
            if byte == 0x3E || byte == 0x26 || byte == 0 { value |= endsUnquoted }
            if isLetter { value |= letter | alphanumeric }
            if isDigit { value |= alphanumeric }
            table[Int(byte)] = value
        }
        return UnsafePointer(table)
    }()
}

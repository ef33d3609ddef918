/// What a page says its encoding is: byte order mark, HTTP, or `<meta>` (WHATWG HTML, 13.2.3).
enum EncodingDeclaration {
    /// The encoding that a byte order mark names, and the mark's length.
    static func byteOrderMark(_ bytes: Span<UInt8>) -> (encoding: TextEncoding, length: Int)? {
        guard bytes.count >= 2 else { return nil }
        if bytes.count >= 3, bytes[0] == 0xEF, bytes[1] == 0xBB, bytes[2] == 0xBF { return (.utf8, 3) }
        if bytes[0] == 0xFE, bytes[1] == 0xFF { return (.utf16BE, 2) }
        if bytes[0] == 0xFF, bytes[1] == 0xFE { return (.utf16LE, 2) }
        return nil
    }

    /// The `charset` parameter of an HTTP `Content-Type` field.
    static func contentType(_ value: String) -> TextEncoding? {
        let bytes = Array(value.utf8)
        return charset(inContent: bytes.span, 0..<bytes.count)
    }

    /// The encoding that a `<meta>` in the first 64 KiB names: browsers look at 1,024 bytes before they parse, and start
    /// again when they meet a `<meta>` later. Complexity: O(1).
    static func prescan(_ bytes: Span<UInt8>) -> TextEncoding? {
        var scan = Prescan(end: min(bytes.count, 1 << 16))
        return scan.run(bytes)
    }

    /// The algorithm for extracting an encoding from a `meta` element's `content`.
    static func charset(inContent bytes: Span<UInt8>, _ range: Range<Int>) -> TextEncoding? {
        let name: StaticString = "charset"
        var at = range.lowerBound
        while at + 7 <= range.upperBound {
            guard matches(bytes, at, name) else {
                at += 1
                continue
            }
            at += 7
            while at < range.upperBound, ASCIIByte.isSpace(bytes[at]) { at += 1 }
            guard at < range.upperBound, bytes[at] == 61 else { continue }
            at += 1
            while at < range.upperBound, ASCIIByte.isSpace(bytes[at]) { at += 1 }
            guard at < range.upperBound else { return nil }
            let quote = bytes[at]
            var end = at
            if quote == 34 || quote == 39 {
                at += 1
                end = at
                while end < range.upperBound, bytes[end] != quote { end += 1 }
                guard end < range.upperBound else { return nil }
            } else {
                while end < range.upperBound, !ASCIIByte.isSpace(bytes[end]), bytes[end] != 59 { end += 1 }
            }
            return TextEncoding(label: (at..<end).map { bytes[$0] })
        }
        return nil
    }

    /// Whether lower-case `word` stands at a place, in either case.
    static func matches(_ bytes: Span<UInt8>, _ at: Int, _ word: StaticString) -> Bool {
        guard at + word.utf8CodeUnitCount <= bytes.count else { return false }
        for offset in 0..<word.utf8CodeUnitCount where ASCIIByte.lower(bytes[at + offset]) != word.utf8Start[offset] {
            return false
        }
        return true
    }
}

/// The prescan of a byte stream (WHATWG HTML, 13.2.3.2).
private struct Prescan {
    var at = 0
    let end: Int

    mutating func run(_ bytes: Span<UInt8>) -> TextEncoding? {
        while at < end {
            if bytes[at] != 60 {
                at += 1
            } else if EncodingDeclaration.matches(bytes, at, "<!--") {
                // The dashes that open a comment may close it as well.
                at += 2
                while at + 2 < end, !(bytes[at] == 45 && bytes[at + 1] == 45 && bytes[at + 2] == 62) { at += 1 }
                at += 3
            } else if EncodingDeclaration.matches(bytes, at, "<meta"), at + 5 < end,
                ASCIIByte.isSpace(bytes[at + 5]) || bytes[at + 5] == 47
            {
                at += 5
                let found = meta(bytes)
                if at >= end { return nil }
                if let found { return found }
            } else if at + 1 < end, ASCIIByte.isLetter(bytes[at + 1]) {
                skipTag(bytes, from: at + 1)
            } else if at + 2 < end, bytes[at + 1] == 47, ASCIIByte.isLetter(bytes[at + 2]) {
                skipTag(bytes, from: at + 2)
            } else if at + 1 < end, bytes[at + 1] == 33 || bytes[at + 1] == 47 || bytes[at + 1] == 63 {
                while at < end, bytes[at] != 62 { at += 1 }
                at += 1
            } else {
                at += 1
            }
        }
        return nil
    }

    private mutating func skipTag(_ bytes: Span<UInt8>, from start: Int) {
        at = start
        while at < end, !ASCIIByte.isSpace(bytes[at]), bytes[at] != 62 { at += 1 }
        while attribute(bytes) != nil {}
    }

    private mutating func meta(_ bytes: Span<UInt8>) -> TextEncoding? {
        var seen: Set<[UInt8]> = []
        var gotPragma = false
        var needsPragma: Bool?
        var charset: TextEncoding?
        while let (name, value) = attribute(bytes) {
            let word = bytes.lowercased(name)
            guard seen.insert(word).inserted else { continue }
            if word == Array("http-equiv".utf8) {
                if bytes.lowercased(value) == Array("content-type".utf8) { gotPragma = true }
            } else if word == Array("content".utf8) {
                if charset == nil, let found = EncodingDeclaration.charset(inContent: bytes, value) {
                    charset = found
                    needsPragma = true
                }
            } else if word == Array("charset".utf8) {
                charset = TextEncoding(label: bytes.lowercased(value))
                needsPragma = false
            }
        }
        guard let needsPragma, !needsPragma || gotPragma else { return nil }
        return switch charset {
        case .utf16BE, .utf16LE: .utf8
        case .userDefined: .windows1252
        default: charset
        }
    }

    /// The next attribute of a tag; nil at the tag's or the bytes' end.
    private mutating func attribute(_ bytes: Span<UInt8>) -> (name: Range<Int>, value: Range<Int>)? {
        while at < end, ASCIIByte.isSpace(bytes[at]) || bytes[at] == 47 { at += 1 }
        guard at < end, bytes[at] != 62 else { return nil }
        let start = at
        while at < end, !(bytes[at] == 61 && at > start), !ASCIIByte.isSpace(bytes[at]), bytes[at] != 47,
            bytes[at] != 62
        {
            at += 1
        }
        let name = start..<at
        while at < end, ASCIIByte.isSpace(bytes[at]) { at += 1 }
        guard at < end else { return nil }
        guard bytes[at] == 61 else { return (name, at..<at) }
        at += 1
        while at < end, ASCIIByte.isSpace(bytes[at]) { at += 1 }
        guard at < end else { return nil }
        let quote = bytes[at]
        if quote == 34 || quote == 39 {
            let first = at + 1
            at = first
            while at < end, bytes[at] != quote { at += 1 }
            guard at < end else { return nil }
            at += 1
            return (name, first..<at - 1)
        }
        let first = at
        while at < end, !ASCIIByte.isSpace(bytes[at]), bytes[at] != 62 { at += 1 }
        return at < end ? (name, first..<at) : nil
    }
}

extension Span where Element == UInt8 {
    fileprivate func lowercased(_ range: Range<Int>) -> [UInt8] { range.map { ASCIIByte.lower(self[$0]) } }
}

/// The encoding that a page is in, from what it says and from what its bytes are.
struct CharsetChoice {
    var encoding: TextEncoding
    /// Bytes of a byte order mark before the text.
    var markLength = 0
    /// Whether the bytes after the mark are well-formed UTF-8 and need no decoding.
    var isWellFormedUTF8 = false

    /// Byte order mark, then well-formed UTF-8, then what HTTP and `<meta>` say if the bytes agree, then what is likely.
    ///
    /// Declared encodings are often wrong: a proxy or an archive has stored the page again as UTF-8, or a server sends
    /// one name for all pages. Well-formed UTF-8 beyond ASCII is hardly ever anything else.
    init(_ bytes: UnsafeBufferPointer<UInt8>, contentType: String?) {
        let span = bytes.span
        if let mark = EncodingDeclaration.byteOrderMark(span), mark.encoding != .utf8 {
            encoding = mark.encoding
            markLength = mark.length
            return
        } else if let mark = EncodingDeclaration.byteOrderMark(span) {
            markLength = mark.length
        }
        let text = UnsafeBufferPointer(rebasing: bytes[markLength...])
        let check = UTF8Check(text)
        let declared = contentType.flatMap { EncodingDeclaration.contentType($0) } ?? EncodingDeclaration.prescan(span)
        encoding = .utf8
        if markLength > 0 {
            isWellFormedUTF8 = check.isValid
        } else if check.isASCII {
            // Only states or zero bytes can make ASCII mean something else.
            let likely = CharsetDetector.asciiEncoding(text)
            encoding = likely ?? .utf8
            isWellFormedUTF8 = likely == nil
        } else if check.isValid, !Self.isShortLegacy(check, declared, text) {
            isWellFormedUTF8 = true
        } else if declared == .utf8 || declared == nil, check.sequences > 8 * check.errors {
            // UTF-8 with damage: a cut at the end, a stray byte from a template.
            encoding = .utf8
        } else {
            encoding = Self.legacy(declared, text)
        }
    }

    /// Whether what is well-formed UTF-8 is so few characters that a declared East Asian encoding is as likely.
    private static func isShortLegacy(
        _ check: UTF8Check, _ declared: TextEncoding?, _ text: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        guard check.sequences < 6, let declared, declared.upperHalf == nil, declared != .utf8, declared != .replacement,
            declared != .utf16BE, declared != .utf16LE
        else { return false }
        var ignored: [UInt8] = []
        return declared.decode(text, into: &ignored) == 0
    }

    private static func legacy(_ declared: TextEncoding?, _ text: UnsafeBufferPointer<UInt8>) -> TextEncoding {
        let likely = CharsetDetector.detect(text)
        switch declared {
        case nil, .utf8, .replacement, .utf16BE, .utf16LE, .userDefined: return likely
        case .some(let declared) where declared.upperHalf == nil:
            // Of several bytes: right if it decodes; a few errors are damage.
            var decoded: [UInt8] = []
            guard let errors = declared.decode(text, into: &decoded) else { return likely }
            return errors * 40 <= decoded.count ? declared : likely
        case .some(let declared):
            guard likely != declared else { return declared }
            if likely.upperHalf == nil { return likely }
            return CharsetDetector.overrules(likely, declared, text) ? likely : declared
        }
    }
}

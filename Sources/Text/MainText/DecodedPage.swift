/// The text of a page's bytes.
public struct DecodedPage: Sendable {
    /// The encoding that the bytes were read in; UTF-8 where they are all ASCII.
    public let encoding: TextEncoding
    /// Well-formed UTF-8, without a byte order mark.
    public let bytes: [UInt8]

    /// Finds the encoding and decodes.
    ///
    /// - Parameter contentType: the HTTP field, whose charset is minded where the bytes agree with it.
    /// - Complexity: O(n).
    public init(_ bytes: [UInt8], contentType: String? = nil) {
        let choice = bytes.withUnsafeBufferPointer { CharsetChoice($0, contentType: contentType) }
        if choice.isWellFormedUTF8, choice.markLength == 0 {
            encoding = .utf8
            self.bytes = bytes
            return
        }
        var output: [UInt8] = []
        encoding = bytes.withUnsafeBufferPointer { buffer in
            let text = UnsafeBufferPointer(rebasing: buffer[choice.markLength...])
            if choice.encoding.decode(text, into: &output) != nil { return choice.encoding }
            // The C library lacks the encoding: what is no UTF-8 becomes U+FFFD, and the name says so.
            UTF8Check.repair(text, into: &output)
            return .utf8
        }
        self.bytes = output
    }

    /// The page as a string.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

extension TextEncoding {
    /// What a page says its encoding is: byte order mark, HTTP, `<meta>` in the first 64 KiB, in this order.
    public static func declared(in bytes: [UInt8], contentType: String? = nil) -> TextEncoding? {
        EncodingDeclaration.byteOrderMark(bytes.span)?.encoding ?? contentType.flatMap {
            EncodingDeclaration.contentType($0)
        }
            ?? EncodingDeclaration.prescan(bytes.span)
    }
}

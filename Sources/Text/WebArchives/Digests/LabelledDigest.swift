import Files

/// A digest as WARC fields hold it: `sha1:` and so on, then base 32, hexadecimal or base 64.
public struct LabelledDigest: Sendable, Hashable {
    /// A hash function that archives use.
    public enum Algorithm: String, Sendable { case sha1, sha256, md5 }

    /// How the bytes were made.
    public var algorithm: Algorithm
    /// The digest, decoded.
    public var bytes: [UInt8]

    /// Nil where the text names no known algorithm or is no digest of its length.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        let label = parts[0].lowercased().filter { $0 != "-" }
        guard let algorithm = Algorithm(rawValue: label) else { return nil }
        self.algorithm = algorithm
        let size = algorithm == .sha1 ? SHA1.size : algorithm == .sha256 ? 32 : MD5.size
        let value = Array(parts[1].utf8.filter { !ASCII.isBlank($0) })
        let candidates = [TextCoding.hexadecimal(value), TextCoding.base32(value), TextCoding.base64(value)]
        guard let found = candidates.compactMap({ $0 }).first(where: { $0.count == size }) else { return nil }
        bytes = found
    }

    /// Whether the digest is that of the bytes.
    public func fits(_ content: UnsafeRawBufferPointer) -> Bool {
        switch algorithm {
        case .sha1: return SHA1.digest(of: content) == bytes
        case .sha256:
            var hash = SHA256()
            hash.update(content)
            return hash.finish() == TextCoding.hexadecimal(of: bytes)
        case .md5: return MD5.digest(of: content) == bytes
        }
    }
}

/// Texts that bytes are written as.
package enum TextCoding {
    static func hexadecimal(_ text: [UInt8]) -> [UInt8]? {
        decode(text, bits: 4) { "0123456789abcdef".utf8.position($0) }
    }

    static func base32(_ text: [UInt8]) -> [UInt8]? {
        decode(text.prefix { $0 != 61 }, bits: 5) { "abcdefghijklmnopqrstuvwxyz234567".utf8.position($0) }
    }

    static func base64(_ text: [UInt8]) -> [UInt8]? {
        decode(text.prefix { $0 != 61 }, bits: 6, isLowered: false) { byte in
            let byte = byte == 45 ? 43 : byte == 95 ? 47 : byte
            return "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8.position(byte)
        }
    }

    package static func hexadecimal(of bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    package static func base32(of bytes: [UInt8]) -> String {
        let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
        var text: [UInt8] = []
        var pending: UInt32 = 0
        var bits: UInt32 = 0
        for byte in bytes {
            pending = pending << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(digits[Int(pending >> bits & 31)])
            }
        }
        if bits > 0 { text.append(digits[Int(pending << (5 - bits) & 31)]) }
        while text.count % 8 != 0 { text.append(61) }
        return String(decoding: text, as: UTF8.self)
    }

    private static func decode(
        _ text: some Sequence<UInt8>, bits width: UInt32, isLowered: Bool = true, _ value: (UInt8) -> Int?
    ) -> [UInt8]? {
        var result: [UInt8] = []
        var pending: UInt32 = 0
        var bits: UInt32 = 0
        for byte in text {
            guard let digit = value(isLowered ? ASCII.lower(byte) : byte) else { return nil }
            pending = pending << width | UInt32(digit)
            bits += width
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(truncatingIfNeeded: pending >> bits))
            }
        }
        return result
    }
}

extension String.UTF8View {
    fileprivate func position(_ byte: UInt8) -> Int? { firstIndex(of: byte).map { distance(from: startIndex, to: $0) } }
}

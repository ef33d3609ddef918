import Glibc

/// Guesses the encoding of bytes that are no UTF-8 by what they would say: how common the characters are in the languages
/// that use an encoding, and whether letters and their cases follow each other as they do in words.
///
/// Tables: `Scripts/generate-charset-tables`. Complexity: O(1); a sample of 24 KiB of what is beyond ASCII is looked at.
struct CharsetDetector {
    private static let sampleBytes = 24 << 10

    /// The most likely encoding of bytes that are no UTF-8.
    static func detect(_ bytes: UnsafeBufferPointer<UInt8>) -> TextEncoding {
        if let wide = wideEncoding(bytes) { return wide }
        let sample = sample(bytes)
        if let multibyte = multibyte(sample) { return multibyte }
        return singleByte(sample)
    }

    /// Whether what a page declares is far less plausible than what is likely: letters of another alphabet, well used.
    static func overrules(_ likely: TextEncoding, _ declared: TextEncoding, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool
    {
        guard !likely.isLatin else { return false }
        let sample = sample(bytes)
        guard sample.count(where: { $0 >= 0x80 }) >= 20, let told = rarity(of: declared, sample),
            let other = rarity(of: likely, sample)
        else { return false }
        return other + 6 < told
    }

    private static func rarity(of encoding: TextEncoding, _ sample: [UInt8]) -> Double? {
        SingleByteModel.all.filter { $0.encoding == encoding }.map { $0.rarity(of: sample) }.min()
    }

    /// The parts of the page around bytes beyond ASCII, apart by spaces.
    private static func sample(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        var sample: [UInt8] = []
        sample.reserveCapacity(sampleBytes + 64)
        var taken = 0
        for at in bytes.indices where bytes[at] >= 0x80 {
            guard sample.count < sampleBytes else { break }
            let start = max(taken, at - 2)
            if start > taken { sample.append(32) }
            // Multibyte characters have ASCII bytes too: a run of them must stay whole.
            let end = min(bytes.count, at + 3)
            if end > start { sample.append(contentsOf: bytes[start..<end]) }
            taken = max(taken, end)
        }
        return sample
    }

    /// The encoding of bytes that are all ASCII, where it is not ASCII itself.
    static func asciiEncoding(_ bytes: UnsafeBufferPointer<UInt8>) -> TextEncoding? {
        wideEncoding(bytes) ?? (hasJapaneseEscapes(bytes) ? .iso2022JP : nil)
    }

    private static func hasJapaneseEscapes(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard let base = bytes.baseAddress else { return false }
        var at = 0
        while let found = memchr(base + at, 0x1B, bytes.count - at) {
            at = UnsafeRawPointer(found) - UnsafeRawPointer(base)
            guard at + 2 < bytes.count else { return false }
            if bytes[at + 1] == 0x24, bytes[at + 2] == 0x42 || bytes[at + 2] == 0x40 { return true }
            at += 1
        }
        return false
    }

    /// UTF-16 without a mark: every other byte of markup is zero.
    private static func wideEncoding(_ bytes: UnsafeBufferPointer<UInt8>) -> TextEncoding? {
        let count = min(bytes.count, 1024) & ~1
        guard count >= 32 else { return nil }
        var zeros = (even: 0, odd: 0)
        for at in stride(from: 0, to: count, by: 2) {
            if bytes[at] == 0 { zeros.even += 1 }
            if bytes[at + 1] == 0 { zeros.odd += 1 }
        }
        // Text of other alphabets has few zeros, but its markup has some; other encodings have none.
        if zeros.odd > count / 64, zeros.even <= zeros.odd / 16 { return .utf16LE }
        if zeros.even > count / 64, zeros.odd <= zeros.even / 16 { return .utf16BE }
        return nil
    }

    private static func multibyte(_ sample: [UInt8]) -> TextEncoding? {
        var best: (encoding: TextEncoding, score: Double)?
        for (encoding, common) in CommonScalars.byEncoding {
            guard let decoder = MultibyteDecoder(encoding) else { continue }
            var text: [UInt8] = []
            let errors = sample.withUnsafeBufferPointer { decoder.decode($0, into: &text) }
            var found = 0
            var beyond = 0
            for scalar in String(decoding: text, as: UTF8.self).unicodeScalars where scalar.value >= 0x80 {
                beyond += 1
                if common.contains(scalar.value) { found += 1 }
            }
            guard beyond > 0, errors * 20 <= beyond else { continue }
            let score = Double(found) / Double(beyond) - Double(errors) * 4 / Double(beyond)
            if score > best?.score ?? 0.25 { best = (encoding, score) }
        }
        return best?.encoding
    }

    private static func singleByte(_ sample: [UInt8]) -> TextEncoding {
        var best = (encoding: TextEncoding.windows1252, rarity: Double.infinity)
        // Ties go to the encoding that stands first: the more usual one.
        for model in SingleByteModel.all {
            let rarity = model.rarity(of: sample)
            if rarity < best.rarity - 0.01 { best = (model.encoding, rarity) }
        }
        return best.encoding
    }
}

/// Sets of characters that are common in the languages of multibyte encodings.
private enum CommonScalars {
    static let byEncoding: [(encoding: TextEncoding, common: Set<UInt32>)] = [
        (.gb18030, set(CommonCharacters.simplified)), (.shiftJIS, set(CommonCharacters.japanese)),
        (.eucJP, set(CommonCharacters.japanese)), (.eucKR, set(CommonCharacters.korean)),
        (.big5, set(CommonCharacters.traditional)),
    ]

    private static func set(_ text: String) -> Set<UInt32> { Set(text.unicodeScalars.map(\.value)) }
}

import Glibc

/// Decodes the encodings of East Asia by the C library's `iconv`, with the web's differences (WHATWG Encoding, 10 to 13).
///
/// Holds a conversion; closed on `deinit`. Not `Sendable`: made where it is used.
final class MultibyteDecoder {
    private let encoding: TextEncoding
    private let conversion: iconv_t

    /// Nil where the C library lacks the encoding.
    init?(_ encoding: TextEncoding) {
        let name: String
        switch encoding {
        case .gbk, .gb18030: name = "GB18030"
        case .big5: name = "BIG5-HKSCS"
        case .eucJP, .iso2022JP: name = "EUC-JP-MS"
        case .shiftJIS: name = "CP932"
        case .eucKR: name = "UHC"
        case .utf16BE: name = "UTF-16BE"
        case .utf16LE: name = "UTF-16LE"
        default: return nil
        }
        self.encoding = encoding
        conversion = iconv_open("UTF-8", name)
        guard Int(bitPattern: conversion) != -1 else { return nil }
    }

    deinit { iconv_close(conversion) }

    /// Appends the text of bytes; each ill-formed part becomes one U+FFFD.
    ///
    /// - Returns: how many parts were ill-formed.
    func decode(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) -> Int {
        encoding == .iso2022JP ? decodeStates(bytes, into: &output) : convert(bytes, into: &output)
    }

    private func convert(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) -> Int {
        guard let start = bytes.baseAddress else { return 0 }
        var errors = 0
        var at = 0
        output.reserveCapacity(output.count + bytes.count + bytes.count / 2)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1 << 14) { buffer in
            while at < bytes.count {
                // `iconv` takes its input as mutable, but only reads it.
                var input =
                    UnsafeMutablePointer<CChar>(
                        mutating: UnsafeRawPointer(start + at).assumingMemoryBound(to: CChar.self))
                    as UnsafeMutablePointer<CChar>?
                var left = bytes.count - at
                var result = UnsafeMutableRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self)
                var room = buffer.count
                let outcome = iconv(conversion, &input, &left, &result, &room)
                let reason = errno
                output.append(contentsOf: UnsafeBufferPointer(rebasing: buffer[..<(buffer.count - room)]))
                at = bytes.count - left
                if outcome != Int.max, outcome != Int(bitPattern: UInt.max) { break }
                if reason == E2BIG { continue }
                // A sequence that is ill-formed, or cut off by the end.
                _ = iconv(conversion, nil, nil, nil, nil)
                let length = skipped(bytes, at)
                if length == 1, bytes[at] == 0x80, encoding != .eucJP, encoding != .iso2022JP {
                    output.append(
                        contentsOf: encoding == .gbk || encoding == .gb18030 ? [0xE2, 0x82, 0xAC] : [0xC2, 0x80])
                } else {
                    output.append(contentsOf: [0xEF, 0xBF, 0xBD])
                    errors += 1
                }
                at += length
            }
        }
        return errors
    }

    /// Bytes that an ill-formed part takes: the second of two is read again if it is ASCII.
    private func skipped(_ bytes: UnsafeBufferPointer<UInt8>, _ at: Int) -> Int {
        if encoding == .utf16BE || encoding == .utf16LE { return min(2, bytes.count - at) }
        guard bytes[at] > 0x80, bytes[at] < 0xFF, at + 1 < bytes.count, bytes[at + 1] >= 0x80 else { return 1 }
        return 2
    }

    /// ISO-2022-JP: the states' bytes are turned into EUC-JP, which `iconv` then decodes.
    private func decodeStates(_ bytes: UnsafeBufferPointer<UInt8>, into output: inout [UInt8]) -> Int {
        enum State { case ascii, roman, katakana, kanji, supplement }
        var state = State.ascii
        var packed: [UInt8] = []
        var errors = 0
        var at = 0
        func flush(_ packed: inout [UInt8], _ output: inout [UInt8]) -> Int {
            defer { packed.removeAll(keepingCapacity: true) }
            return packed.withUnsafeBufferPointer { convert($0, into: &output) }
        }
        while at < bytes.count {
            let byte = bytes[at]
            if byte == 0x1B, at + 2 < bytes.count {
                let next: (state: State, length: Int)? =
                    switch (bytes[at + 1], bytes[at + 2]) {
                    case (0x28, 0x42): (.ascii, 3)
                    case (0x28, 0x4A): (.roman, 3)
                    case (0x28, 0x49): (.katakana, 3)
                    case (0x24, 0x40), (0x24, 0x42): (.kanji, 3)
                    case (0x24, 0x28) where at + 3 < bytes.count && bytes[at + 3] == 0x44: (.supplement, 4)
                    default: nil
                    }
                if let next {
                    state = next.state
                    at += next.length
                    continue
                }
            }
            let isPair = (state == .kanji || state == .supplement) && 0x21...0x7E ~= byte
            if isPair, at + 1 < bytes.count, 0x21...0x7E ~= bytes[at + 1] {
                if state == .supplement { packed.append(0x8F) }
                packed += [byte | 0x80, bytes[at + 1] | 0x80]
                at += 2
                continue
            }
            at += 1
            if byte >= 0x80 || isPair {
                errors += flush(&packed, &output) + 1
                output += [0xEF, 0xBF, 0xBD]
            } else if state == .katakana, 0x21...0x5F ~= byte {
                packed += [0x8E, byte | 0x80]
            } else if state == .roman, byte == 0x5C || byte == 0x7E {
                errors += flush(&packed, &output)
                output += byte == 0x5C ? [0xC2, 0xA5] : [0xE2, 0x80, 0xBE]
            } else {
                packed.append(byte)
            }
        }
        return errors + flush(&packed, &output)
    }
}

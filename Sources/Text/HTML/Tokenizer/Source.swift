#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The input stream: a page's bytes, copied and cleaned for the tokenizer.
///
/// Invalid UTF-8 becomes U+FFFD (one for each maximal subpart, as decoders do), line ends become `\n`, and zero bytes
/// follow the end, so that reading a few bytes too far is harmless and a scan for NUL always stops.
enum Source {
    /// Zero bytes behind the input.
    static var padding: Int { 64 }

    /// The cleaned copy, padding included.
    static func clean(_ input: UnsafeBufferPointer<UInt8>) -> GrowingBuffer<UInt8> {
        var bytes = GrowingBuffer<UInt8>(capacity: input.count + input.count / 8 + padding + 1024)
        if let base = input.baseAddress, input.count > 0 {
            var (start, end) = (0, input.count)
            while start < end {
                let valid = validPrefix(base + start, end - start)
                copy(base + start, valid, to: &bytes)
                start += valid
                if start < end {
                    bytes.append(0xEF)
                    bytes.append(0xBF)
                    bytes.append(0xBD)
                    start += invalidLength(base + start, end - start)
                }
            }
            end = bytes.count
        }
        bytes.append(repeating: 0, count: padding)
        return bytes
    }

    /// Copies valid UTF-8 with `\r\n` and `\r` made `\n`.
    private static func copy(
        _ from: UnsafePointer<UInt8>, _ count: Int, to bytes: inout GrowingBuffer<UInt8>
    ) {
        var start = 0
        while start < count {
            guard let found = memchr(from + start, 0x0D, count - start) else {
                bytes.append(from + start, count: count - start)
                return
            }
            let position = UnsafeRawPointer(found) - UnsafeRawPointer(from)
            bytes.append(from + start, count: position - start)
            bytes.append(0x0A)
            start = position + 1
            if start < count, from[start] == 0x0A { start += 1 }
        }
    }

    /// How many bytes from the start are valid UTF-8.
    static func validPrefix(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        var position = 0
        while position < count {
            let first = bytes[position]
            if first < 0x80 {
                while position + 16 <= count {
                    let words = UnsafeRawPointer(bytes + position).loadUnaligned(as: SIMD2<UInt64>.self)
                    if (words[0] | words[1]) & 0x8080_8080_8080_8080 != 0 { break }
                    position += 16
                }
                while position < count, bytes[position] < 0x80 { position += 1 }
                continue
            }
            let left = count - position
            if first < 0xE0 {
                guard first >= 0xC2, left > 1, bytes[position + 1] & 0xC0 == 0x80 else { return position }
                position += 2
            } else if first < 0xF0 {
                guard left > 2, isSecond(bytes[position + 1], after: first), bytes[position + 2] & 0xC0 == 0x80
                else { return position }
                position += 3
            } else {
                guard first < 0xF5, left > 3, isSecond(bytes[position + 1], after: first),
                    bytes[position + 2] & 0xC0 == 0x80, bytes[position + 3] & 0xC0 == 0x80
                else { return position }
                position += 4
            }
        }
        return count
    }

    @inline(__always)
    private static func isSecond(_ byte: UInt8, after first: UInt8) -> Bool {
        switch first {
        case 0xE0: byte & 0xE0 == 0xA0
        case 0xED: byte & 0xE0 == 0x80
        case 0xF0: byte >= 0x90 && byte < 0xC0
        case 0xF4: byte & 0xF0 == 0x80
        default: byte & 0xC0 == 0x80
        }
    }

    /// The length of the maximal subpart that one U+FFFD stands for. The bytes don't start with a valid sequence.
    private static func invalidLength(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> Int {
        let first = bytes[0]
        guard first >= 0xE0, first < 0xF5, count > 1, isSecond(bytes[1], after: first) else { return 1 }
        guard first >= 0xF0, count > 2, bytes[2] & 0xC0 == 0x80 else { return 2 }
        return 3
    }
}

/// The tar format (POSIX.1-1988 ustar), as far as shards need it: regular files with short names.
enum TarFormat {
    static let block = 512

    /// Bytes that fill a member up to a whole block.
    static func padding(_ size: Int) -> Int { (block - size % block) % block }

    /// The header of a regular file. Times and owners are zero, so that equal contents give equal bytes.
    ///
    /// - Parameters:
    ///   - name: ASCII, of fewer than 100 bytes.
    ///   - size: below 8 GiB, which is what the field holds.
    static func header(_ name: String, size: Int) -> [UInt8] {
        precondition(name.utf8.count < 100 && size < 1 << 33, "the member does not fit a ustar header")
        var bytes = [UInt8](repeating: 0, count: block)
        func put(_ text: String, at start: Int) {
            for (offset, byte) in text.utf8.enumerated() { bytes[start + offset] = byte }
        }
        func octal(_ value: Int, _ width: Int) -> String {
            padded(Int(String(value, radix: 8)) ?? 0, to: width)
        }
        put(name, at: 0)
        put(octal(0o644, 7), at: 100)
        put(octal(0, 7), at: 108)
        put(octal(0, 7), at: 116)
        put(octal(size, 11), at: 124)
        put(octal(0, 11), at: 136)
        put("        ", at: 148)
        put("0", at: 156)
        put("ustar", at: 257)
        put("00", at: 263)
        let sum = bytes.reduce(0) { $0 + Int($1) }
        put(octal(sum, 6), at: 148)
        bytes[154] = 0
        bytes[155] = 0x20
        return bytes
    }

    /// A member found in a tar file: its name and where its bytes are.
    struct Member {
        let name: String
        let range: Range<Int>
    }

    /// The regular files of a tar file in memory.
    ///
    /// - Returns: nil where a header is wrong or a member ends early.
    static func members(_ bytes: UnsafeRawBufferPointer) -> [Member]? {
        var members: [Member] = []
        var start = 0
        while start + block <= bytes.count {
            let header = UnsafeRawBufferPointer(rebasing: bytes[start..<start + block])
            if header.allSatisfy({ $0 == 0 }) { return members }
            guard let size = number(header[124..<136]), let sum = number(header[148..<156]) else { return nil }
            let actual = header.enumerated().reduce(0) {
                $0 + ((148..<156).contains($1.offset) ? 0x20 : Int($1.element))
            }
            guard sum == actual, size <= bytes.count - start - block else { return nil }
            let name = String(decoding: header[..<100].prefix { $0 != 0 }, as: UTF8.self)
            let first = start + block
            if header[156] == UInt8(ascii: "0") || header[156] == 0 {
                members.append(Member(name: name, range: first..<first + size))
            }
            start = first + size + padding(size)
        }
        return nil
    }

    private static func number(_ field: Slice<UnsafeRawBufferPointer>) -> Int? {
        var value = 0
        var digits = 0
        for byte in field {
            if byte == 0x20 || byte == 0 {
                if digits > 0 { break }
                continue
            }
            guard (0x30...0x37).contains(byte) else { return nil }
            value = value << 3 | Int(byte - 0x30)
            digits += 1
        }
        return digits > 0 ? value : nil
    }
}

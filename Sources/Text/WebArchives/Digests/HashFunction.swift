import Glibc

/// A hash function fed in pieces: SHA-1 (FIPS 180-4) and MD5 (RFC 1321), which web archives name their blocks by
/// (SHA-256 is in `Files`).
package protocol HashFunction {
    init()
    /// Bytes a digest has.
    static var size: Int { get }
    /// Mixes one block of 64 bytes in.
    mutating func mix(_ block: UnsafeRawBufferPointer)
    /// The digest, after padding.
    var digest: [UInt8] { get }
    /// Whether the length in the padding is big-endian.
    static var isBigEndian: Bool { get }
}

/// A hash under way.
package struct Hasher64<Function: HashFunction>: ~Copyable {
    private var function = Function()
    private var tail: [UInt8] = []
    private var count: UInt64 = 0

    package init() { tail.reserveCapacity(128) }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        count &+= UInt64(bytes.count)
        var at = 0
        if !tail.isEmpty {
            at = min(64 - tail.count, bytes.count)
            tail.append(contentsOf: bytes[..<at])
            guard tail.count == 64 else { return }
            tail.withUnsafeBytes { function.mix($0) }
            tail.removeAll(keepingCapacity: true)
        }
        while bytes.count - at >= 64 {
            function.mix(UnsafeRawBufferPointer(rebasing: bytes[at..<at + 64]))
            at += 64
        }
        tail.append(contentsOf: bytes[at...])
    }

    package consuming func finish() -> [UInt8] {
        let bits = count &* 8
        tail.append(0x80)
        while tail.count % 64 != 56 { tail.append(0) }
        withUnsafeBytes(of: Function.isBigEndian ? bits.bigEndian : bits.littleEndian) { tail.append(contentsOf: $0) }
        for start in stride(from: 0, to: tail.count, by: 64) {
            tail.withUnsafeBytes { function.mix(UnsafeRawBufferPointer(rebasing: $0[start..<start + 64])) }
        }
        return function.digest
    }
}

extension HashFunction {
    /// The digest of a whole buffer.
    package static func digest(of bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { digest(of: $0) } }

    package static func digest(of bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hasher = Hasher64<Self>()
        hasher.update(bytes)
        return hasher.finish()
    }
}

@inline(__always)
private func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 { value << count | value >> (32 - count) }

private func bytes(of words: [UInt32], bigEndian: Bool) -> [UInt8] {
    words.flatMap { word in withUnsafeBytes(of: bigEndian ? word.bigEndian : word.littleEndian) { Array($0) } }
}

package struct SHA1: HashFunction {
    package static let size = 20
    package static let isBigEndian = true
    private var a: UInt32 = 0x6745_2301
    private var b: UInt32 = 0xEFCD_AB89
    private var c: UInt32 = 0x98BA_DCFE
    private var d: UInt32 = 0x1032_5476
    private var e: UInt32 = 0xC3D2_E1F0

    package init() {}

    package var digest: [UInt8] { bytes(of: [a, b, c, d, e], bigEndian: true) }

    package mutating func mix(_ block: UnsafeRawBufferPointer) {
        withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 80) { w in
            for i in 0..<16 { w[i] = block.loadUnaligned(fromByteOffset: 4 * i, as: UInt32.self).bigEndian }
            for i in 16..<80 { w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1) }
            var (a, b, c, d, e) = (self.a, self.b, self.c, self.d, self.e)
            func round(_ mixed: UInt32, _ constant: UInt32, _ word: UInt32) {
                let next = rotate(a, 5) &+ mixed &+ e &+ constant &+ word
                (e, d, c, b, a) = (d, c, rotate(b, 30), a, next)
            }
            for i in 0..<20 { round(d ^ (b & (c ^ d)), 0x5A82_7999, w[i]) }
            for i in 20..<40 { round(b ^ c ^ d, 0x6ED9_EBA1, w[i]) }
            for i in 40..<60 { round((b & c) | (d & (b | c)), 0x8F1B_BCDC, w[i]) }
            for i in 60..<80 { round(b ^ c ^ d, 0xCA62_C1D6, w[i]) }
            self.a &+= a
            self.b &+= b
            self.c &+= c
            self.d &+= d
            self.e &+= e
        }
    }
}

package struct MD5: HashFunction {
    package static let size = 16
    package static let isBigEndian = false
    private var a: UInt32 = 0x6745_2301
    private var b: UInt32 = 0xEFCD_AB89
    private var c: UInt32 = 0x98BA_DCFE
    private var d: UInt32 = 0x1032_5476

    private static let constants: [UInt32] = (0..<64).map { UInt32(abs(Self.sine(Double($0 + 1))) * 4_294_967_296) }
    private static let shifts: [UInt32] = [7, 12, 17, 22, 5, 9, 14, 20, 4, 11, 16, 23, 6, 10, 15, 21]

    private static func sine(_ value: Double) -> Double { Glibc.sin(value) }

    package init() {}

    package var digest: [UInt8] { bytes(of: [a, b, c, d], bigEndian: false) }

    package mutating func mix(_ block: UnsafeRawBufferPointer) {
        var (a, b, c, d) = (self.a, self.b, self.c, self.d)
        Self.constants.withUnsafeBufferPointer { k in
            Self.shifts.withUnsafeBufferPointer { s in
                for i in 0..<64 {
                    let mixed: UInt32
                    let word: Int
                    switch i >> 4 {
                    case 0: (mixed, word) = (d ^ (b & (c ^ d)), i)
                    case 1: (mixed, word) = (c ^ (d & (b ^ c)), (5 * i + 1) & 15)
                    case 2: (mixed, word) = (b ^ c ^ d, (3 * i + 5) & 15)
                    default: (mixed, word) = (c ^ (b | ~d), (7 * i) & 15)
                    }
                    let sum =
                        a &+ mixed &+ k[i]
                        &+ block.loadUnaligned(fromByteOffset: 4 * word, as: UInt32.self).littleEndian
                    (a, d, c, b) = (d, c, b, b &+ rotate(sum, s[(i >> 4) * 4 + (i & 3)]))
                }
            }
        }
        self.a &+= a
        self.b &+= b
        self.c &+= c
        self.d &+= d
    }
}

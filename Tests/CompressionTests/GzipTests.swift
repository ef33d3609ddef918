import Compression
import Files
import Foundation
import Testing

/// Gives a few bytes at a time, so that a decoder's borders fall everywhere.
private final class Dribble: ByteSource {
    let name = "dribble"
    private let bytes: [UInt8]
    private let step: Int
    private var position = 0

    init(_ bytes: [UInt8], step: Int) {
        self.bytes = bytes
        self.step = step
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(step, buffer.count, bytes.count - position)
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
        }
        position += count
        return count
    }

    func seek(to offset: Int) -> Bool { false }
}

/// A member around raw deflate, with a header and checksum of the test's own.
private func member(_ raw: ArraySlice<UInt8>, of plain: [UInt8], flags: UInt8 = 0, extra: [UInt8] = []) -> [UInt8] {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in plain {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    var result: [UInt8] = [0x1F, 0x8B, 8, flags, 0, 0, 0, 0, 0, 3] + extra + raw
    for number in [~crc, UInt32(truncatingIfNeeded: plain.count)] {
        for shift in stride(from: 0, to: 32, by: 8) {
            result.append(UInt8(truncatingIfNeeded: number >> UInt32(shift)))
        }
    }
    return result
}

private func text(_ count: Int, _ random: inout SeededGenerator) -> [UInt8] {
    let words = (0..<50).map { _ in
        (0..<Int.random(in: 1...9, using: &random)).map { _ in UInt8.random(in: 97...122, using: &random) }
    }
    var result: [UInt8] = []
    while result.count < count { result += words[Int.random(in: 0..<50, using: &random)] + [32] }
    return Array(result.prefix(count))
}

private func unpack(_ packed: [UInt8], step: Int, room: Int, limit: Int = .max) throws -> [UInt8] {
    let source = try Decompressor(Dribble(packed, step: step), limit: limit)
    var result: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: room)
    while true {
        let got = try piece.withUnsafeMutableBytes { try source.read(into: $0) }
        if got == 0 { return result }
        result += piece[..<got]
    }
}

/// gzip is decoded by ISA-L and raw deflate by zlib: two implementations that must agree.
@Suite("Gzip members") struct GzipTests {
    @Test("members are whole wherever reads end", arguments: [1, 2, 3, 5, 7, 8, 9, 64, 1000])
    func steps(step: Int) throws {
        var random = SeededGenerator(state: UInt64(step))
        var packed: [UInt8] = []
        var plain: [UInt8] = []
        for count in [0, 1, 2, 300, 0, 5000, 40_000, 7] {
            let part = text(count, &random)
            packed += try Compressor.bytes(part, as: .gzip)
            plain += part
        }
        for room in [1, 13, 4096, 1 << 17] { #expect(try unpack(packed, step: step, room: room) == plain) }
    }

    @Test("headers with a name, a comment and extra fields are passed over")
    func headers() throws {
        let plain = Array("the same text, the same text".utf8)
        let raw = try Compressor.bytes(plain, as: .gzip).dropFirst(10).dropLast(8)
        let name = Array("page.html".utf8) + [0]
        let fields: [UInt8] = [6, 0, 65, 66, 2, 0, 1, 2]
        for (flags, extra) in [(UInt8(8), name), (16, name), (4, fields), (28, fields + name + name)] {
            let packed = member(raw, of: plain, flags: flags, extra: extra)
            for step in 1...packed.count {
                #expect(
                    try unpack(packed + packed, step: step, room: 100) == plain + plain, "flags \(flags), step \(step)")
            }
        }
    }

    @Test("a wrong checksum or length is damage of the member")
    func checksums() throws {
        let plain = Array("some text".utf8)
        let whole = try Compressor.bytes(plain, as: .gzip)
        for index in (whole.count - 8)..<whole.count {
            var packed = whole
            packed[index] ^= 1
            let error = #expect(throws: CompressionError.self) { try Decompressor.bytes(of: packed) }
            guard case .corrupt(_, member: 0, _, .gzip, _) = error else {
                Issue.record("byte \(index): \(String(describing: error))")
                continue
            }
        }
    }

    @Test("mutated deflate gives zlib's bytes or an error where zlib has one")
    func agreement() throws {
        var random = SeededGenerator(state: 3)
        var (same, refused) = (0, 0)
        for round in 0..<4000 {
            let plain =
                round % 3 == 0 ? (0..<2000).map { _ in UInt8.random(in: 0...255, using: &random) } : text(2000, &random)
            var raw = Array(try Compressor.bytes(plain, as: .gzip).dropFirst(10).dropLast(8))
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                raw[Int.random(in: 0..<raw.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
            let step = Int.random(in: 1...raw.count, using: &random)
            if let expected = try? ContentCoding.rawDeflate.decode(raw, limit: 1 << 24, name: "zlib") {
                // A mutation may end the text early: what lies behind it is no part of the member.
                var (low, high) = (0, raw.count)
                while low < high {
                    let middle = (low + high) / 2
                    let isWhole =
                        (try? ContentCoding.rawDeflate.decode(Array(raw[..<middle]), limit: 1 << 24, name: "")) != nil
                    if isWhole { high = middle } else { low = middle + 1 }
                }
                let packed = member(raw[..<low], of: expected)
                #expect(try unpack(packed, step: step, room: 1 << 12) == expected, "round \(round)")
                same += 1
            } else {
                let packed = member(raw[...], of: plain)
                #expect(throws: CompressionError.self, "round \(round)") {
                    try unpack(packed, step: step, room: 1 << 12)
                }
                refused += 1
            }
        }
        print("gzip: \(same) texts as zlib has them, \(refused) refused by both")
        #expect(same > 500 && refused > 500)
    }

    @Test("a text that expands a thousandfold stops at the limit")
    func bomb() throws {
        let packed = try Compressor.bytes([UInt8](repeating: 0, count: 50_000_000), as: .gzip)
        #expect(packed.count < 60_000)
        #expect(throws: CompressionError.tooLarge(file: "dribble", limit: 1_000_000)) {
            try unpack(packed, step: 1000, room: 1 << 16, limit: 1_000_000)
        }
    }
}

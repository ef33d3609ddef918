import Compression
import Files
import Foundation
import Testing

private func sample(_ count: Int) -> [UInt8] {
    var state: UInt64 = 7
    return (0..<count).map { index in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return index % 97 == 96 ? 10 : UInt8(truncatingIfNeeded: state >> 60) + 97
    }
}

private func run(_ tool: String, _ arguments: [String], input: [UInt8]) throws -> [UInt8]? {
    let path = "/usr/bin/" + tool
    guard FileReader.exists(path) else { return nil }
    let folder = NSTemporaryDirectory() + "apus-compression-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try AtomicFile.write(input, to: folder + "/in")
    let process = Process()
    process.executableURL = URL(fileURLWithPath: path)
    process.arguments = arguments
    process.standardInput = try FileHandle(forReadingFrom: URL(fileURLWithPath: folder + "/in"))
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return process.terminationStatus == 0 ? [UInt8](output) : []
}

@Suite("Compression") struct CompressionTests {
    /// A dictionary with zstd's mark whose tables are no tables, as the first, skippable frame of a `.warc.zst`.
    @Test("a damaged dictionary is an error that names the file, however often it is met")
    func damagedDictionary() {
        let dictionary: [UInt8] = [0x37, 0xA4, 0x30, 0xEC, 1, 0, 0, 0] + Array(repeating: 0xFF, count: 200)
        let frame: [UInt8] = [0x5D, 0x2A, 0x4D, 0x18, UInt8(dictionary.count), 0, 0, 0] + dictionary
        let file = frame + [0x28, 0xB5, 0x2F, 0xFD] + Array(repeating: 0, count: 40)
        for _ in 0..<1000 {
            #expect {
                try Decompressor.bytes(of: file, name: "bad.warc.zst")
            } throws: {
                "\($0)".contains("bad.warc.zst")
            }
        }
    }

    @Test("what is packed unpacks to the same bytes", arguments: CompressionFormat.allCases)
    func roundTrip(format: CompressionFormat) throws {
        for count in [0, 1, 3, 1000, 300_000] {
            let plain = sample(count)
            let packed = try Compressor.bytes(plain, as: format)
            #expect(try Decompressor.bytes(of: packed) == plain)
        }
    }

    @Test(
        "the system's tools read what we pack, and we what they pack",
        arguments: [
            (CompressionFormat.gzip, "gzip"), (.zstd, "zstd"), (.lz4, "lz4"),
        ])
    func systemTools(format: CompressionFormat, tool: String) throws {
        let plain = sample(500_000)
        if let unpacked = try run(tool, ["-dc"], input: try Compressor.bytes(plain, as: format)) {
            #expect(unpacked == plain)
        }
        if let packed = try run(tool, ["-c"], input: plain) {
            #expect(try Decompressor.bytes(of: packed) == plain)
        }
    }

    @Test("members and frames one after another are one text", arguments: [CompressionFormat.gzip, .zstd, .lz4])
    func members(format: CompressionFormat) throws {
        var packed: [UInt8] = []
        var plain: [UInt8] = []
        for count in [10, 0, 70_000, 1] {
            packed += try Compressor.bytes(sample(count), as: format)
            plain += sample(count)
        }
        #expect(try Decompressor.bytes(of: packed) == plain)
    }

    @Test(
        "every cut of a packed text is an error or a clean end between members",
        arguments: [
            CompressionFormat.gzip, .zstd, .lz4,
        ])
    func cuts(format: CompressionFormat) throws {
        let first = try Compressor.bytes(sample(400), as: format)
        let packed = try first + Compressor.bytes(sample(300), as: format)
        for count in 5..<packed.count where count != first.count {
            #expect(throws: CompressionError.self, "cut at \(count)") {
                try Decompressor.bytes(of: Array(packed[..<count]))
            }
        }
    }

    @Test(
        "a damaged member is named by its offset, and the next one is found",
        arguments: [
            CompressionFormat.gzip, .zstd, .lz4,
        ])
    func recovery(format: CompressionFormat) throws {
        let member = try Compressor.bytes(sample(5000), as: format)
        var damaged = member
        for index in 40..<60 { damaged[index] ^= 0x5A }
        let reader = try Decompressor(MemorySource(member + damaged + member, name: "x"))
        var got: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 100_000)
        var failures = 0
        while true {
            do {
                let count = try piece.withUnsafeMutableBytes { try reader.read(into: $0) }
                if count == 0 { break }
                if reader.memberOffset != member.count { got += piece[..<count] }
            } catch let error as CompressionError {
                failures += 1
                if case .corrupt(_, let offset, _, _, _) = error { #expect(offset == member.count) }
                guard try reader.skipToNextMember() else { break }
            }
        }
        #expect(failures >= 1)
        #expect(got == sample(5000) + sample(5000))
    }

    @Test("a bomb stops at the limit")
    func bomb() throws {
        let packed = try Compressor.bytes([UInt8](repeating: 0, count: 5_000_000), as: .gzip)
        #expect(throws: CompressionError.tooLarge(file: "memory", limit: 1_000_000)) {
            try Decompressor.bytes(of: packed, limit: 1_000_000)
        }
        #expect(throws: CompressionError.tooLarge(file: "body", limit: 1000)) {
            try ContentCoding.gzip.decode(packed, limit: 1000, name: "body")
        }
    }

    @Test("zeros after the last gzip member are padding, other bytes an error")
    func trailing() throws {
        let packed = try Compressor.bytes(sample(10), as: .gzip)
        #expect(try Decompressor.bytes(of: packed + [UInt8](repeating: 0, count: 600)) == sample(10))
        #expect(throws: CompressionError.trailingBytes(file: "memory", offset: packed.count, format: .gzip)) {
            try Decompressor.bytes(of: packed + [1, 2, 3, 4])
        }
    }

    @Test("no mutation of a packed text crashes a decoder", arguments: [CompressionFormat.gzip, .zstd, .lz4])
    func fuzz(format: CompressionFormat) throws {
        let packed = try Compressor.bytes(sample(3000), as: format)
        var random = SystemRandomNumberGenerator.seeded(11)
        for _ in 0..<3000 {
            var bytes = packed
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? Decompressor.bytes(of: bytes, limit: 1 << 20)
        }
    }
}

struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension SystemRandomNumberGenerator {
    static func seeded(_ seed: UInt64) -> SeededGenerator { SeededGenerator(state: seed) }
}

@Suite("Lines") struct LineReaderTests {
    private func lines(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> [String] {
        let reader = try LineReader(MemorySource(bytes), limit: limit)
        var line: [UInt8] = []
        var result: [String] = []
        while try reader.next(into: &line) { result.append(String(decoding: line, as: UTF8.self)) }
        return result
    }

    @Test("ends of lines, empty lines, a missing last newline and a byte order mark are as text editors have them")
    func ends() throws {
        #expect(try lines(Array("a\r\n\nb\nc".utf8)) == ["a", "", "b", "c"])
        #expect(try lines(Array("a\n".utf8)) == ["a"])
        #expect(try lines([]) == [])
        #expect(try lines([0xEF, 0xBB, 0xBF, 97, 10]) == ["a"])
    }

    @Test("lines come out whole whatever the packing", arguments: CompressionFormat.allCases)
    func packed(format: CompressionFormat) throws {
        let expected = (0..<20_000).map { "line \($0) " + String(repeating: "x", count: $0 % 50) }
        let bytes = Array(expected.joined(separator: "\n").utf8)
        #expect(try lines(Compressor.bytes(bytes, as: format)) == expected)
    }

    @Test("a line that is too long is an error with its number, and the next one is read")
    func long() throws {
        let text = "ok\n" + String(repeating: "y", count: 400_000) + "\nnext\n"
        let reader = try LineReader(MemorySource(Array(text.utf8), name: "f"), limit: 1000)
        var line: [UInt8] = []
        #expect(try reader.next(into: &line))
        #expect(throws: CompressionError.lineTooLong(file: "f", line: 2, limit: 1000)) { try reader.next(into: &line) }
        #expect(try reader.next(into: &line))
        #expect(line == Array("next".utf8) && reader.lineNumber == 3)
        #expect(try !reader.next(into: &line))
    }
}

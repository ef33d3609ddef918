import ApusCore
import Coresets
import Files
import Foundation
import Testing

/// Files that are whole, cut, damaged or of the wrong kind.
@Suite("Feature files") struct ReaderTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("coresets-\(UUID().uuidString)")

    /// Features of a file with these bytes.
    private func read(_ bytes: [UInt8], _ name: String, key: String? = nil) throws -> Matrix<Float> {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appendingPathComponent(name).path
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        defer { try? FileManager.default.removeItem(at: folder) }
        return try FeatureFile(path).read(as: Float.self, key: key).features
    }

    private static func npy(_ type: String, _ shape: String, _ numbers: [UInt8], order: String = "False") -> [UInt8] {
        var header = Array("{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }".utf8)
        while (header.count + 11) % 64 != 0 { header.append(32) }
        header.append(10)
        return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.count & 255), UInt8(header.count >> 8)] + header
            + numbers
    }

    private static func safetensors(_ type: String, _ shape: [Int], _ numbers: [UInt8]) -> [UInt8] {
        let header = Array(
            "{\"x\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":[0,\(numbers.count)]}}".utf8)
        return (0..<8).map { UInt8(truncatingIfNeeded: header.count >> (8 * $0)) } + header + numbers
    }

    private static let floats: [UInt8] = [Float(1.5), -2, 0.25, 3, 8, -0.5].flatMap { value in
        (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
    }
    private static let expected: [Float] = [1.5, -2, 0.25, 3, 8, -0.5]
    /// The same numbers in half precision, and in the upper halves of floats.
    private static let halves: [UInt8] = [0x00, 0x3E, 0x00, 0xC0, 0x00, 0x34, 0x00, 0x42, 0x00, 0x48, 0x00, 0xB8]
    private static let upper: [UInt8] = [0xC0, 0x3F, 0x00, 0xC0, 0x80, 0x3E, 0x40, 0x40, 0x00, 0x41, 0x00, 0xBF]

    @Test("numbers of all kinds are read as they are") func kinds() throws {
        for (bytes, name) in [
            (Self.npy("<f4", "(2, 3)", Self.floats), "a.npy"), (Self.npy("<f2", "(2, 3)", Self.halves), "a.npy"),
            (Self.safetensors("F32", [2, 3], Self.floats), "a.safetensors"),
            (Self.safetensors("F16", [2, 3], Self.halves), "a.safetensors"),
            (Self.safetensors("BF16", [2, 3], Self.upper), "a.safetensors"),
            (Array("a,b,c\n1.5,-2,0.25\n3,8,-0.5\n".utf8), "a.csv"),
            (Array("[1.5,-2,0.25]\n{\"embedding\":[3,8,-0.5]}\n".utf8), "a.jsonl"),
        ] {
            let matrix = try read(bytes, name)
            #expect(matrix.rows == 2 && matrix.columns == 3 && matrix.storage == Self.expected, "\(name)")
        }
        let bytes = try read(Self.npy("|i1", "(2, 3)", [1, 2, 255, 128, 127, 0]), "a.npy")
        #expect(bytes.storage == [1, 2, -1, -128, 127, 0])
        let signed = try read(Self.safetensors("I8", [3, 2], [1, 2, 255, 128, 127, 0]), "a.safetensors")
        #expect(signed.storage == bytes.storage && signed.rows == 3)
        let turned = try read(Self.npy("<f4", "(3, 2)", Self.floats, order: "True"), "a.npy")
        #expect(turned.storage == [1.5, 3, -2, 8, 0.25, -0.5])
    }

    @Test("errors name the file and the line, row or byte") func places() throws {
        for (text, name, place) in [
            ("1,2\n3\n", "a.csv", "line 2"), ("1,2\n3,x\n", "a.csv", "line 2, column 1"),
            ("1,2\n3,nan\n", "a.csv", "line 2, column 1"), ("1,2\n3,1e39\n", "a.csv", "line 2, column 1"),
            ("[1,2]\n[3]\n", "a.jsonl", "line 2"), ("[1,2]\n\n[3,\n", "a.jsonl", "line 3"),
            ("[1,2]\n[3,null]\n", "a.jsonl", "line 2"), ("{\"y\":[1]}\n", "a.jsonl", "line 1"),
            ("[1,1e39]\n", "a.jsonl", "line 1"), ("1,2\n3,\"4\n", "a.csv", "line 2: a quotation mark"),
        ] {
            let error = #expect(throws: CoresetError.self) { _ = try read(Array(text.utf8), name) }
            let message = "\(error.map { "\($0)" } ?? "")"
            #expect(message.contains(name) && message.contains(place), "\(text): \(message)")
        }
        var bad = Self.floats
        bad.replaceSubrange(16..<20, with: [0, 0, 0xC0, 0x7F])
        for (bytes, name) in [
            (Self.npy("<f4", "(2, 3)", bad), "a.npy"), (Self.safetensors("F32", [2, 3], bad), "a.safetensors"),
        ] {
            let error = #expect(throws: CoresetError.self) { _ = try read(bytes, name) }
            let message = "\(error.map { "\($0)" } ?? "")"
            #expect(message.contains(name) && message.contains("row 1, column 1"), "\(message)")
        }
        for (shape, reason) in [([6], "it has no matrix"), ([2, 3], "name one of x with --key")] {
            let error = #expect(throws: CoresetError.self) {
                _ = try read(
                    Self.safetensors("F32", shape, Self.floats), "a.safetensors", key: shape == [6] ? nil : "y")
            }
            let message = "\(error.map { "\($0)" } ?? "")"
            #expect(message.contains("a.safetensors, the header") && message.contains(reason), "\(message)")
        }
        for shape in ["(2, 3, 1)", "()", "(2,)(", "(-2, 3)", "(2, 9223372036854775807)", "(9223372036854775807, 0)"] {
            let error = #expect(throws: CoresetError.self, "\(shape)") {
                _ = try read(Self.npy("<f4", shape, Self.floats), "a.npy")
            }
            #expect("\(error.map { "\($0)" } ?? "")".contains("a.npy"))
        }
        // A header that announces more than any machine has.
        let huge = [UInt8](repeating: 0xFF, count: 8) + Array("{}".utf8)
        #expect(throws: CoresetError.self) { _ = try read(huge, "a.safetensors") }
        #expect(throws: CoresetError.self) {
            _ = try read([0x93] + Array("NUMPY".utf8) + [2, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x7B], "a.npy")
        }
        #expect(throws: CoresetError.self) {
            _ = try read([UInt8](repeating: UInt8(ascii: "["), count: 100_000), "a.jsonl")
        }
    }

    @Test("cut and damaged files are read or refused by name, never more") func damage() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 31)
        let whole: [(name: String, bytes: [UInt8])] = [
            ("a.npy", Self.npy("<f4", "(2, 3)", Self.floats)), ("a.npy", Self.npy("<f2", "(2, 3)", Self.halves)),
            ("a.safetensors", Self.safetensors("F32", [2, 3], Self.floats)),
            ("a.safetensors", Self.safetensors("BF16", [2, 3], Self.upper)),
            ("a.csv", Array("a,\"b\",c\n1.5,-2,0.25\n3,8,-0.5\n".utf8)),
            ("a.jsonl", Array("{\"embedding\":[1.5,-2,0.25]}\n[3,8e0,-0.5]\n".utf8)),
        ]
        for (name, bytes) in whole {
            for length in 0..<bytes.count { try tolerate(Array(bytes[..<length]), name, "cut to \(length)") }
            for round in 0..<400 {
                var damaged = bytes
                for _ in 0...generator.below(3) {
                    let place = generator.below(damaged.count)
                    switch generator.below(3) {
                    case 0: damaged[place] = UInt8(generator.below(256))
                    case 1: damaged[place] ^= 1 << UInt8(generator.below(8))
                    default:
                        let source = generator.below(damaged.count)
                        damaged.insert(damaged[source], at: place)
                    }
                }
                try tolerate(damaged, name, "\(Replay.note(round))")
            }
        }
    }

    private func tolerate(_ bytes: [UInt8], _ name: String, _ note: String) throws {
        do {
            let matrix = try read(bytes, name)
            let isWhole = matrix.storage.count == matrix.rows * matrix.columns
            let isFinite = matrix.storage.allSatisfy { $0.isFinite }
            #expect(isWhole && isFinite, "\(name), \(note)")
        } catch let error as CoresetError {
            // Every message says where.
            let message = "\(error)"
            let saysWhere = message.contains(name) || message.contains("matrix")
            #expect(saysWhere, "\(name), \(note): \(message)")
        } catch let error as FileError {
            let message = "\(error)"
            let saysWhere = message.contains(name)
            #expect(saysWhere, "\(name), \(note): \(message)")
        }
    }
}

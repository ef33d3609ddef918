import Coresets
import Files
import Foundation
import Testing

@Suite("Images as features") struct ImageTests {
    /// 6 × 5 pixels of v(x, y, channel), each row with another filter, written by another program; both halves of the pixels
    /// in a chunk of their own.
    private static let images = [
        "gray": "iVBORw0KGgoAAAANSUhEUgAAAAYAAAAFCAAAAABDM8I6AAAAB0lEQVR4nGNgUPXKZwd5KAAAABlJREFUn7KTkVsVBJ"
            + "gUwYDZVw8EWHxBYr4Ac4IGISa0dRgAAAAASUVORK5CYII=",
        "rgb": "iVBORw0KGgoAAAANSUhEUgAAAAYAAAAFCAIAAADpOgqxAAAAB0lEQVR4nGNgMM1SxpsVhQAAADRJREFUjer3qt+Sv+"
            + "TmlJP/dr5TZuR2KFVFBUyKGIDZN6NJDw7WgQgWX19fsHJfVV8IpQoA3QgWdgjSgEgAAAAASUVORK5CYII=",
        "rgba": "iVBORw0KGgoAAAANSUhEUgAAAAYAAAAFCAYAAABmWJ3mAAAAB0lEQVR4nGNgMM2aUyRfBwAAAD9JREFUrxrVf8Srfs"
            + "vL/CU3+aac/Ge8851yBCO3Q+kqVSyASREHYPbNaJqrp6e3Tg8GoCwWXyCAaPYFIyhLFQDDfB6Nh9F5HQAAAABJRU5E" + "rkJggg==",
        "greyAlpha": "iVBORw0KGgoAAAANSUhEUgAAAAYAAAAFCAQAAADMUVVtAAAAB0lEQVR4nGNgmK96c464ggAAACZJREFUxOtlPt8U45"
            + "0RjNyrVOGASREJMPvO1VunBwUsvr4wRb6qAA+1DjhZ6rZsAAAAAElFTkSuQmCC",
        "palette": "iVBORw0KGgoAAAANSUhEUgAAAAYAAAAFBAMAAACUdoDVAAAAMFBMVEULQHUwZZpVir96r+Sf1AnE+S7pHlMOQ3gzaJ"
            + "1YjcJ9suei1wzH/DHsIVYRRns2a6AkOdFaAAAAB0lEQVR4nGNgXe/JRvtBGgAAABZJREFUuGHVLCZBQUHmG42CLGfv"
            + "ngUAPYcHECFdOZIAAAAASUVORK5CYII=",
        "bit": "iVBORw0KGgoAAAANSUhEUgAAAAYAAAAFAQAAAABOI6BLAAAAB0lEQVR4nGMIYVzBVCv3SwAAAAtJREFUtIa5jmUNAA"
            + "1AAt3nokJBAAAAAElFTkSuQmCC",
    ]

    private static func value(_ x: Int, _ y: Int, _ channel: Int = 0) -> Double {
        Double((37 * x + 11 * y * y + 53 * channel) % 256)
    }

    private static func grey(_ channel: (Int) -> Double) -> Double {
        0.299 * channel(0) + 0.587 * channel(1) + 0.114 * channel(2)
    }

    /// What a pixel of an image must be, from 0 to 1.
    private static func expected(_ name: String, _ x: Int, _ y: Int) -> Double {
        switch name {
        case "rgb", "rgba", "ppm": grey { value(x, y, $0) } / 255
        case "palette": grey { value(Int(value(x, y)) % 16, 1, $0) } / 255
        case "bit": Double(Int(value(x, y)) % 2)
        default: value(x, y) / 255
        }
    }

    private static func folder(_ files: [String: [UInt8]]) throws -> String {
        let path = NSTemporaryDirectory() + "images-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path + "/more", withIntermediateDirectories: true)
        for (name, bytes) in files { try AtomicFile.write(bytes, to: path + "/" + name) }
        return path
    }

    private static func netpbm() -> [String: [UInt8]] {
        let places = (0..<5).flatMap { y in (0..<6).map { ($0, y) } }
        let wide = places.flatMap { x, y in
            (0..<3).flatMap { channel -> [UInt8] in
                let number = Int(value(x, y, channel)) * 257
                return [UInt8(number >> 8), UInt8(number & 255)]
            }
        }
        let text = places.map { "\(Int(value($0, $1)))" }.joined(separator: " ")
        return [
            "pgm": Array("P5\n# made by hand\n6 5\n255\n".utf8) + places.map { UInt8(value($0, $1)) },
            "ppm": Array("P6 6 5 65535\n".utf8) + wide, "text": Array("P2\n6 5 255\n\(text)\n".utf8),
        ]
    }

    @Test("every kind of image becomes the means of its cells, in the order of names") func read() throws {
        var files: [String: [UInt8]] = [:]
        for (name, text) in Self.images {
            files["\(name).png"] = Array(try #require(Data(base64Encoded: text)))
        }
        for (name, bytes) in Self.netpbm() { files["more/\(name).\(name == "ppm" ? "PPM" : "pgm")"] = bytes }
        files["readme.txt"] = [1]
        let folder = try Self.folder(files)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        // 30 × 30 cells of a fifth by a sixth of a pixel: each cell is one pixel's.
        let images = try ImageFolder(folder, cells: 30)
        #expect(images.names.count == 9 && images.names == images.names.sorted())
        let features = try images.features(as: Double.self)
        for (row, name) in images.names.enumerated() {
            let kind = String(name.split(separator: "/").last?.split(separator: ".").first ?? "")
            for y in 0..<5 {
                for x in 0..<6 {
                    let found = features[row, (y * 6 + 2) * 30 + x * 5 + 2]
                    #expect(abs(found - Self.expected(kind, x, y)) < 1e-5, "\(name) at \(x), \(y)")
                }
            }
        }
        // Cells that cut pixels: the mean of all stays.
        let one = try ImageFolder(folder, cells: 1).features(as: Double.self)
        let four = try ImageFolder(folder, cells: 4).features(as: Double.self)
        for row in 0..<9 { #expect(abs(four[row: row].reduce(0, +) / 16 - one[row, 0]) < 1e-5) }
    }

    @Test("damaged images are errors that name file and byte, whatever is cut or changed") func damage() throws {
        let good = Array(try #require(Data(base64Encoded: Self.images["rgb"] ?? "")))
        func read(_ bytes: [UInt8]) throws {
            let folder = try Self.folder(["a.png": bytes])
            defer { try? FileManager.default.removeItem(atPath: folder) }
            _ = try ImageFolder(folder, cells: 2).features(as: Float.self)
        }
        try read(good)
        for length in stride(from: 0, to: good.count - 12, by: 7) {
            #expect(throws: CoresetError.self) { try read(Array(good[..<length])) }
        }
        for place in good.indices {
            var bytes = good
            bytes[place] ^= 0x55
            // Some changes leave a readable image; none may do worse than an error.
            do { try read(bytes) } catch { #expect("\(error)".contains("a.png")) }
        }
        for text in ["P5\n6 5\n255\n12", "P5\n99999999 99999999 255\n", "P2\n1 1 255\n256", "P9", "P5\n0 1 255\n"] {
            #expect(throws: CoresetError.self) { try read(Array(text.utf8)) }
        }
        let empty = try Self.folder([:])
        defer { try? FileManager.default.removeItem(atPath: empty) }
        #expect(throws: CoresetError.self) { try ImageFolder(empty) }
    }

    @Test("the map of a selection is an image with picks in their colour") func map() throws {
        let features = try Matrix<Double>([[0, 0], [1, 0], [0, 1], [1, 1], [0.5, 0.5]])
        var request = try SelectionRequest(objective: "k-center", count: 2)
        request.seed = 1
        let outcome = try request.run(features)
        let report = SelectionReport(source: "five", request: request, outcome: outcome, features: features)
        let folder = try Self.folder(["map.png": try report.coverageImage()])
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let grey = try ImageFolder(folder, cells: 64).features(as: Float.self)
        #expect(abs((grey.storage.max() ?? 0) - 1) < 1e-4 && (grey.storage.min() ?? 1) < 0.8)
        #expect(report.coverageFile.contains("<svg"))
    }
}

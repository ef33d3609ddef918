import Compression

/// A picture of points as a PNG file: discs on white, their edges smooth.
struct PointImage {
    let width: Int
    let height: Int
    /// Red, green and blue of each pixel, by rows from the top.
    private(set) var pixels: [UInt8]

    init(width: Int, height: Int) {
        self.width = max(1, width)
        self.height = max(1, height)
        pixels = [UInt8](repeating: 255, count: self.width * self.height * 3)
    }

    /// - Parameters:
    ///   - colour: red, green, blue.
    ///   - opacity: from 0 to 1.
    mutating func disc(
        x: Double, y: Double, radius: Double, colour: (UInt8, UInt8, UInt8), opacity: Double
    ) {
        guard x.isFinite, y.isFinite, radius > 0, x > -radius, y > -radius, x < Double(width) + radius,
            y < Double(height) + radius
        else { return }
        let rows = max(0, Int(y - radius - 1))...min(height - 1, max(0, Int(y + radius + 1)))
        let columns = max(0, Int(x - radius - 1))...min(width - 1, max(0, Int(x + radius + 1)))
        for row in rows {
            for column in columns {
                let (across, down) = (Double(column) + 0.5 - x, Double(row) + 0.5 - y)
                // How much of the pixel is inside, by its centre's distance to the edge.
                let inside = min(1, max(0, radius + 0.5 - (across * across + down * down).squareRoot()))
                guard inside > 0 else { continue }
                let place = (row * width + column) * 3
                let share = inside * opacity
                for (offset, value) in [colour.0, colour.1, colour.2].enumerated() {
                    let mixed = Double(pixels[place + offset]) * (1 - share) + Double(value) * share
                    pixels[place + offset] = UInt8(mixed.rounded())
                }
            }
        }
    }

    /// The file: 8 bits a channel, no transparency.
    ///
    /// - Source: the PNG specification, third edition; RFC 1950 for the stream inside.
    func png() throws -> [UInt8] {
        var lines: [UInt8] = []
        lines.reserveCapacity(height * (width * 3 + 1))
        for row in 0..<height {
            // Filter 1: each byte less the one a pixel before; plains become zeros.
            lines.append(1)
            let start = row * width * 3
            for index in 0..<width * 3 {
                lines.append(index < 3 ? pixels[start + index] : pixels[start + index] &- pixels[start + index - 3])
            }
        }
        var member: [UInt8] = []
        let compressor = try Compressor(.gzip, level: 9)
        try compressor.write(lines, into: &member)
        try compressor.end(into: &member)
        // A gzip member without file name has 10 bytes before the deflated data and 8 behind.
        let stream = [0x78, 0xDA] + member[10..<member.count - 8] + Self.bigEndian(Self.adler32(lines))
        var file: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
        Self.chunk(
            "IHDR", Self.bigEndian(UInt32(width)) + Self.bigEndian(UInt32(height)) + [8, 2, 0, 0, 0], into: &file)
        Self.chunk("IDAT", stream, into: &file)
        Self.chunk("IEND", [], into: &file)
        return file
    }

    private static func chunk(_ type: String, _ data: [UInt8], into file: inout [UInt8]) {
        file += bigEndian(UInt32(data.count))
        let content = Array(type.utf8) + data
        file += content
        file += bigEndian(crc32(content))
    }

    private static func bigEndian(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }

    private static func adler32(_ bytes: [UInt8]) -> UInt32 {
        var (a, b): (UInt32, UInt32) = (1, 0)
        for byte in bytes {
            a = (a + UInt32(byte)) % 65521
            b = (b + a) % 65521
        }
        return b << 16 | a
    }

    private static func crc32(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
        }
        return ~crc
    }
}

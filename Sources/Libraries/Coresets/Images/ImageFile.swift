import CJPEG
import Compression
import Files

/// An image as grey values from 0 to 1, by rows from the top: what simple features are made of.
///
/// Reads PNG (8 bits a channel and fewer, any colour type, not interlaced), PGM and PPM (P2, P3, P5, P6), and JPEG
/// (sequential and progressive; grey, YCbCr, RGB, CMYK and YCCK). Which way up a camera was held is not regarded.
struct ImageFile {
    let width: Int
    let height: Int
    let grey: [Float]

    /// Names that are read.
    static let endings = ["png", "jpg", "jpeg", "pgm", "ppm", "pnm"]
    private static let mostPixels = 1 << 28

    /// - Throws: `FileError`; `CoresetError.malformed` with the byte.
    init(contentsOf path: String) throws {
        let bytes = try FileReader.bytes(of: path)
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
            self = try PNGDecoder(path: path).decode(bytes)
        } else if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = try Self.decodeJPEG(bytes, path: path)
        } else {
            var decoder = NetpbmDecoder(path: path, bytes: bytes)
            self = try decoder.decode()
        }
    }

    init(width: Int, height: Int, grey: [Float]) {
        self.width = width
        self.height = height
        self.grey = grey
    }

    private static func decodeJPEG(_ bytes: [UInt8], path: String) throws(CoresetError) -> ImageFile {
        var message = [CChar](repeating: 0, count: 256)
        func failure() -> CoresetError {
            let text = String(decoding: message.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            return .malformed(file: path, place: "the JPEG data", reason: text)
        }
        return try bytes.withUnsafeBufferPointer { bytes throws(CoresetError) in
            guard let image = cj_open(bytes.baseAddress, UInt(bytes.count), &message) else { throw failure() }
            defer { cj_close(image) }
            let (width, height) = (cj_width(image), cj_height(image))
            try check(width, height, path: path, byte: 0)
            // Progressive images are held as coefficients of two bytes for three colours, and all as numbers at the end.
            try Memory.require(
                12 * width * height, limit: nil, for: "\(path), \(width) × \(height) pixels",
                remedy: "Scale the image down first.")
            var values = [UInt8](repeating: 0, count: width * height)
            guard cj_read(image, &values, &message) != 0 else { throw failure() }
            return ImageFile(width: width, height: height, grey: values.map { Float($0) / 255 })
        }
    }

    static func check(_ width: Int, _ height: Int, path: String, byte: Int) throws(CoresetError) {
        guard width > 0, height > 0, width <= mostPixels, height <= mostPixels / width else {
            throw .malformed(file: path, place: "byte \(byte)", reason: "\(width) × \(height) is no size of an image")
        }
    }

    /// Means over `size` × `size` equal cells, by rows. Complexity: O(pixels).
    func cells(_ size: Int) -> [Float] {
        var result = [Float](repeating: 0, count: size * size)
        // A cell edge may run through a pixel, which then counts to both sides by its share.
        func shares(_ length: Int) -> [[(pixel: Int, share: Float)]] {
            (0..<size).map { cell in
                let low = Double(cell) * Double(length) / Double(size)
                let high = Double(cell + 1) * Double(length) / Double(size)
                return (Int(low)..<min(length, max(Int(low) + 1, Int(high.rounded(.up))))).map { pixel in
                    (pixel, Float((min(high, Double(pixel + 1)) - max(low, Double(pixel))) / (high - low)))
                }
            }
        }
        let (across, down) = (shares(width), shares(height))
        for row in 0..<size {
            for column in 0..<size {
                var sum: Float = 0
                for (y, high) in down[row] {
                    for (x, wide) in across[column] { sum += high * wide * grey[y * width + x] }
                }
                result[row * size + column] = sum
            }
        }
        return result
    }

    static func grey(_ red: Float, _ green: Float, _ blue: Float) -> Float {
        0.299 * red + 0.587 * green + 0.114 * blue
    }
}

/// Portable grey maps and pixel maps.
private struct NetpbmDecoder {
    let path: String
    let bytes: [UInt8]
    private var position = 2

    init(path: String, bytes: [UInt8]) {
        self.path = path
        self.bytes = bytes
    }

    private func fail(_ reason: String) -> CoresetError {
        .malformed(file: path, place: "byte \(position)", reason: reason)
    }

    mutating func decode() throws -> ImageFile {
        guard bytes.count > 2, bytes[0] == UInt8(ascii: "P"), [50, 51, 53, 54].contains(bytes[1]) else {
            position = 0
            throw fail("this is no PNG, JPEG, PGM or PPM file")
        }
        let isText = bytes[1] < 53
        let channels = bytes[1] == 50 || bytes[1] == 53 ? 1 : 3
        let (width, height, most) = (try number(), try number(), try number())
        try ImageFile.check(width, height, path: path, byte: position)
        guard (1...65535).contains(most) else { throw fail("the greatest value is \(most)") }
        let count = width * height * channels
        let size = most > 255 ? 2 : 1
        if !isText {
            position += 1
            guard bytes.count - position >= count * size else { throw fail("the pixels end early") }
        }
        var values: [Float] = []
        values.reserveCapacity(min(count, bytes.count))
        for index in 0..<count {
            let value =
                isText
                ? try number()
                : size == 1
                    ? Int(bytes[position + index])
                    : Int(bytes[position + 2 * index]) << 8 | Int(bytes[position + 2 * index + 1])
            guard value <= most else { throw fail("the value \(value) is above \(most)") }
            values.append(Float(value) / Float(most))
        }
        let grey =
            channels == 1
            ? values
            : (0..<width * height).map { ImageFile.grey(values[3 * $0], values[3 * $0 + 1], values[3 * $0 + 2]) }
        return ImageFile(width: width, height: height, grey: grey)
    }

    /// The next number, behind white space and comments.
    private mutating func number() throws -> Int {
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "#") {
                while position < bytes.count, bytes[position] != 10 { position += 1 }
            } else if bytes[position] <= 32 {
                position += 1
            } else {
                break
            }
        }
        var value = 0
        let start = position
        while position < bytes.count, (48...57).contains(bytes[position]), value < 1 << 32 {
            value = value * 10 + Int(bytes[position] - 48)
            position += 1
        }
        guard position > start else { throw fail("a number is missing") }
        return value
    }
}

/// PNG, without interlacing.
///
/// - Source: the PNG specification, third edition.
private struct PNGDecoder {
    let path: String

    private func fail(_ byte: Int, _ reason: String) -> CoresetError {
        .malformed(file: path, place: "byte \(byte)", reason: reason)
    }

    func decode(_ bytes: [UInt8]) throws -> ImageFile {
        var position = 8
        var (width, height, depth, colour) = (0, 0, 0, 0)
        var palette: [UInt8] = []
        var packed: [UInt8] = []
        func word(_ at: Int) -> Int { (0..<4).reduce(0) { $0 << 8 | Int(bytes[at + $1]) } }
        while position + 12 <= bytes.count {
            let size = word(position)
            let type = String(decoding: bytes[position + 4..<position + 8], as: UTF8.self)
            let data = position + 8
            guard size <= bytes.count - data - 4 else { throw fail(position, "the chunk \(type) ends early") }
            switch type {
            case "IHDR":
                guard size == 13 else { throw fail(position, "the header has \(size) bytes, not 13") }
                (width, height) = (word(data), word(data + 4))
                (depth, colour) = (Int(bytes[data + 8]), Int(bytes[data + 9]))
                try ImageFile.check(width, height, path: path, byte: data)
                guard bytes[data + 12] == 0 else {
                    throw fail(data + 12, "interlaced images are not read; save it without")
                }
            case "PLTE": palette = Array(bytes[data..<data + size])
            case "IDAT": packed += bytes[data..<data + size]
            default: break
            }
            position = data + size + 4
            if type == "IEND" { break }
        }
        let channels = [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][colour] ?? 0
        guard channels > 0, width > 0, depth == 8 || ((colour == 0 || colour == 3) && [1, 2, 4].contains(depth)) else {
            throw fail(16, "only images with up to 8 bits a channel are read (here \(depth), colour type \(colour))")
        }
        let line = (width * channels * depth + 7) / 8
        var plain: [UInt8] = []
        do {
            plain = try ContentCoding.deflate.decode(packed, limit: (line + 1) * height, name: path)
        } catch {
            throw fail(8, "the pixels cannot be unpacked: \(error)")
        }
        guard plain.count >= (line + 1) * height else { throw fail(position, "the pixels end early") }
        try unfilter(&plain, line: line, height: height, pixel: max(1, channels * depth / 8))
        var grey: [Float] = []
        grey.reserveCapacity(width * height)
        for row in 0..<height {
            let start = row * (line + 1) + 1
            for column in 0..<width {
                if colour == 2 || colour == 6 {
                    let at = start + column * channels
                    grey.append(
                        ImageFile.grey(Float(plain[at]), Float(plain[at + 1]), Float(plain[at + 2])) / 255)
                    continue
                }
                let bit = column * channels * depth
                let value = Int(plain[start + bit / 8]) >> (8 - depth - bit % 8) & (1 << depth - 1)
                guard colour == 3 else {
                    grey.append(Float(value) / Float(1 << depth - 1))
                    continue
                }
                guard 3 * value + 2 < palette.count else { throw fail(start, "a pixel names colour \(value)") }
                grey.append(
                    ImageFile.grey(
                        Float(palette[3 * value]), Float(palette[3 * value + 1]), Float(palette[3 * value + 2])) / 255)
            }
        }
        return ImageFile(width: width, height: height, grey: grey)
    }

    private func unfilter(_ bytes: inout [UInt8], line: Int, height: Int, pixel: Int) throws {
        for row in 0..<height {
            let start = row * (line + 1) + 1
            let filter = bytes[start - 1]
            guard filter <= 4 else { throw fail(start - 1, "there is no filter \(filter)") }
            for index in 0..<line {
                let left = index >= pixel ? Int(bytes[start + index - pixel]) : 0
                let above = row > 0 ? Int(bytes[start + index - line - 1]) : 0
                let corner = row > 0 && index >= pixel ? Int(bytes[start + index - line - 1 - pixel]) : 0
                let guess: Int
                switch filter {
                case 1: guess = left
                case 2: guess = above
                case 3: guess = (left + above) / 2
                case 4:
                    let estimate = left + above - corner
                    let (a, b, c) = (abs(estimate - left), abs(estimate - above), abs(estimate - corner))
                    guess = a <= b && a <= c ? left : b <= c ? above : corner
                default: guess = 0
                }
                bytes[start + index] &+= UInt8(guess)
            }
        }
    }
}

import ApusCore

/// Texts as rows of numbers, without a model: hashed word n-grams.
///
/// Each n-gram of up to `longest` words adds ±(1 + log of its count) to one of the columns, both by its hash; rows have
/// length 1. Dot products of rows are then about the cosines of n-gram counts, with an error that falls with the number
/// of columns. A text without words is a row of zeros.
///
/// - Source: Weinberger et al. 2009 for the signed hashes.
public struct TextFeatures: Sendable, Hashable, Codable {
    public var columns: Int
    public var longest: Int
    public var seed: UInt64

    /// - Throws: `CoresetError.invalidParameter`.
    public init(columns: Int = 256, longest: Int = 2, seed: UInt64 = 0) throws(CoresetError) {
        guard columns > 0, (1...8).contains(longest) else {
            throw .invalidParameter(
                name: "columns or words of an n-gram", value: "\(columns), \(longest)",
                expected: "positive, and from 1 to 8")
        }
        self.columns = columns
        self.longest = longest
        self.seed = seed
    }

    /// - Complexity: O(bytes + n-grams · log n-grams).
    public func row(of text: String) -> [Float] {
        var grams: [UInt64] = []
        var text = text
        text.withUTF8 { collect($0, into: &grams) }
        grams.sort()
        var row = [Float](repeating: 0, count: columns)
        var start = 0
        while start < grams.count {
            var end = start + 1
            while end < grams.count, grams[end] == grams[start] { end += 1 }
            let weight = Float(1 + Double.naturalLog(Double(end - start)))
            let hash = SeededGenerator.mix(grams[start] ^ seed)
            let column = Int((hash >> 1).multipliedFullWidth(by: UInt64(columns) << 1).high)
            row[column] += hash & 1 == 0 ? weight : -weight
            start = end
        }
        let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
        if length > 0 { for index in row.indices { row[index] /= length } }
        return row
    }

    /// Words are runs of letters, digits and bytes beyond ASCII; capitals count as small letters.
    private func collect(_ bytes: UnsafeBufferPointer<UInt8>, into grams: inout [UInt64]) {
        // Hashes of the last words, the latest first.
        var recent = [UInt64](repeating: 0, count: longest)
        var known = 0
        var word: UInt64 = 0
        var isInWord = false
        func end() {
            for index in stride(from: longest - 1, to: 0, by: -1) { recent[index] = recent[index - 1] }
            recent[0] = SeededGenerator.mix(word)
            known = min(known + 1, longest)
            var gram: UInt64 = 0
            for index in 0..<known {
                gram = SeededGenerator.mix(gram &* 3 &+ recent[index] &+ UInt64(index))
                grams.append(gram)
            }
        }
        for byte in bytes {
            let isCapital = byte >= 65 && byte <= 90
            if isCapital || (byte >= 97 && byte <= 122) || (byte >= 48 && byte <= 57) || byte >= 128 {
                if !isInWord { (word, isInWord) = (0xCBF2_9CE4_8422_2325, true) }
                word = (word ^ UInt64(isCapital ? byte + 32 : byte)) &* 0x100_0000_01B3
            } else if isInWord {
                isInWord = false
                end()
            }
        }
        if isInWord { end() }
    }
}

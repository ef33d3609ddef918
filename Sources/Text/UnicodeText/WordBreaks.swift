/// Word boundaries of UAX 29, default rules, Unicode 15.
///
/// A table of classes gives each scalar's Word_Break value; the rules WB3 … WB16 are applied on the way with one
/// scalar of look-ahead past ignored ones (WB4).
public struct WordBreaker: Sendable {
    @usableFromInline let blocks: [UInt8]
    @usableFromInline let values: [UInt8]

    /// The table is made once, in about a millisecond.
    public static let standard = WordBreaker()

    private init() {
        var flat = [UInt8](repeating: 0, count: 0x110000)
        for (index, change) in wordBreakChanges.enumerated() {
            let start = Int(change >> 8)
            let end = index + 1 < wordBreakChanges.count ? Int(wordBreakChanges[index + 1] >> 8) : flat.count
            let value = UInt8(truncatingIfNeeded: change)
            if value != 0 { for scalar in start..<end { flat[scalar] = value } }
        }
        var blocks: [UInt8] = []
        var values: [UInt8] = []
        var known: [ArraySlice<UInt8>: UInt8] = [:]
        for block in stride(from: 0, to: flat.count, by: 256) {
            let slice = flat[block..<block + 256]
            if let index = known[slice] {
                blocks.append(index)
            } else {
                // Unicode 15 has some 90 different blocks; a version with more than 256 would trap here at once.
                let index = UInt8(values.count >> 8)
                known[slice] = index
                blocks.append(index)
                values.append(contentsOf: slice)
            }
        }
        self.blocks = blocks
        self.values = values
    }

    @inlinable @inline(__always)
    func value(_ scalar: UInt32) -> UInt8 {
        values[Int(blocks[Int(scalar >> 8)]) << 8 | Int(scalar & 0xFF)]
    }

    /// Where the word that starts at a byte ends. `start` is a boundary below the range's end.
    ///
    /// - Complexity: O(word), and O(ignored scalars) of look-ahead.
    @inlinable
    public func end(_ bytes: Span<UInt8>, from start: Int, to limit: Int) -> Int {
        // Runs of ASCII letters and digits are most of what there is: nothing breaks inside them (WB5, 8, 9, 10).
        var position = start
        while position < limit, isASCIIWord(bytes[position]) { position += 1 }
        if position > start {
            guard position < limit else { return position }
            let next = bytes[position]
            // Before a space or most ASCII punctuation a word ends; `'`, `.`, `,`, `:`, `;` and `_` need the rules.
            if next <= 0x26 || 0x28...0x2B ~= next || next == 0x2D || next == 0x2F { return position }
            if next == 0x3F || next == 0x3C { return position }
            position -= 1
        }
        return endByRules(bytes, from: start, resuming: position, to: limit)
    }

    @inlinable @inline(__always)
    func isASCIIWord(_ byte: UInt8) -> Bool {
        0x61...0x7A ~= byte | 0x20 || 0x30...0x39 ~= byte
    }

    /// The rules themselves, from a scalar inside the word for which nothing before matters but its own class.
    @usableFromInline
    func endByRules(_ bytes: Span<UInt8>, from start: Int, resuming: Int, to limit: Int) -> Int {
        var scalar = bytes.scalar(at: resuming)
        var position = resuming + scalar.length
        // `left` is the class before the boundary in question, ignored scalars left out; `leftRaw` counts them.
        var leftRaw = value(scalar.value)
        var left = leftRaw & 0x7F
        var beforeLeft: UInt8 = 0
        var regionalRun = left == WordClass.regionalIndicator ? 1 : 0
        while position < limit {
            scalar = bytes.scalar(at: position)
            let rightRaw = value(scalar.value)
            let right = rightRaw & 0x7F
            let previousRaw = leftRaw & 0x7F
            if previousRaw == WordClass.cr, right == WordClass.lf {
                return position + 1  // WB3; LF always ends (WB3a)
            }
            if WordClass.isNewline(previousRaw) || WordClass.isNewline(right) { return position }  // WB3a, WB3b
            if previousRaw == WordClass.zwj, rightRaw & 0x80 != 0 {
                // WB3c: no break
            } else if previousRaw == WordClass.space, right == WordClass.space {
                // WB3d: no break
            } else if WordClass.isIgnored(right) {
                leftRaw = rightRaw  // WB4
                position += scalar.length
                continue
            } else if breaks(bytes, beforeLeft, left, right, regionalRun, after: position + scalar.length, limit) {
                return position
            }
            beforeLeft = left
            regionalRun = right == WordClass.regionalIndicator ? regionalRun + 1 : 0
            left = right
            leftRaw = rightRaw
            position += scalar.length
        }
        return position
    }

    /// WB5 … WB16 and WB999 between two classes.
    @inline(__always)
    private func breaks(
        _ bytes: Span<UInt8>, _ beforeLeft: UInt8, _ left: UInt8, _ right: UInt8, _ regionalRun: Int, after: Int,
        _ limit: Int
    ) -> Bool {
        let leftLetter = WordClass.isLetter(left)
        let rightLetter = WordClass.isLetter(right)
        if leftLetter, rightLetter { return false }  // WB5
        if leftLetter, WordClass.isMidLetter(right) || right == WordClass.doubleQuote {
            let next = nextClass(bytes, from: after, limit)
            if WordClass.isMidLetter(right), WordClass.isLetter(next) { return false }  // WB6
            if left == WordClass.hebrewLetter {
                if right == WordClass.singleQuote { return false }  // WB7a
                if right == WordClass.doubleQuote, next == WordClass.hebrewLetter { return false }  // WB7b
            }
            return true
        }
        if rightLetter, WordClass.isMidLetter(left), WordClass.isLetter(beforeLeft) { return false }  // WB7
        if right == WordClass.hebrewLetter, left == WordClass.doubleQuote, beforeLeft == WordClass.hebrewLetter {
            return false  // WB7c
        }
        if right == WordClass.numeric {
            if left == WordClass.numeric || leftLetter { return false }  // WB8, WB9
            if WordClass.isMidNumber(left), beforeLeft == WordClass.numeric { return false }  // WB11
        }
        if left == WordClass.numeric {
            if rightLetter { return false }  // WB10
            if WordClass.isMidNumber(right), nextClass(bytes, from: after, limit) == WordClass.numeric { return false }
        }
        if left == WordClass.katakana, right == WordClass.katakana { return false }  // WB13
        if right == WordClass.extendNumLet {
            return
                !(leftLetter || left == WordClass.numeric || left == WordClass.katakana
                || left == WordClass.extendNumLet)  // WB13a
        }
        if left == WordClass.extendNumLet {
            return !(rightLetter || right == WordClass.numeric || right == WordClass.katakana)  // WB13b
        }
        if left == WordClass.regionalIndicator, right == WordClass.regionalIndicator {
            return regionalRun % 2 == 0  // WB15, WB16
        }
        return true
    }

    /// The class of the next scalar that is not ignored; 0 at the end.
    private func nextClass(_ bytes: Span<UInt8>, from start: Int, _ limit: Int) -> UInt8 {
        var position = start
        while position < limit {
            let scalar = bytes.scalar(at: position)
            let found = value(scalar.value) & 0x7F
            if !WordClass.isIgnored(found) { return found }
            position += scalar.length
        }
        return 0
    }
}

/// The numbers of the Word_Break values in the generated table.
private enum WordClass {
    static let cr: UInt8 = 1
    static let lf: UInt8 = 2
    static let newline: UInt8 = 3
    static let extend: UInt8 = 4
    static let zwj: UInt8 = 5
    static let format: UInt8 = 6
    static let regionalIndicator: UInt8 = 7
    static let katakana: UInt8 = 8
    static let hebrewLetter: UInt8 = 9
    static let aLetter: UInt8 = 10
    static let singleQuote: UInt8 = 11
    static let doubleQuote: UInt8 = 12
    static let midNumLet: UInt8 = 13
    static let midLetter: UInt8 = 14
    static let midNum: UInt8 = 15
    static let numeric: UInt8 = 16
    static let extendNumLet: UInt8 = 17
    static let space: UInt8 = 18

    @inline(__always) static func isNewline(_ value: UInt8) -> Bool { 1...3 ~= value }
    @inline(__always) static func isIgnored(_ value: UInt8) -> Bool { 4...6 ~= value }
    @inline(__always) static func isLetter(_ value: UInt8) -> Bool { 9...10 ~= value }
    /// MidLetter, MidNumLetQ.
    @inline(__always) static func isMidLetter(_ value: UInt8) -> Bool {
        value == singleQuote || value == midNumLet || value == midLetter
    }
    /// MidNum, MidNumLetQ.
    @inline(__always) static func isMidNumber(_ value: UInt8) -> Bool {
        value == singleQuote || value == midNumLet || value == midNum
    }
}

import Compression

/// Named fields of a WARC record or an HTTP message, in order.
///
/// The bytes are kept as they came; folded lines are unfolded in place, and a name or value is text only when asked for.
public struct HeaderFields: Sendable {
    private struct Field {
        var nameStart: Int32
        var nameEnd: Int32
        var valueStart: Int32
        var valueEnd: Int32
    }

    private var bytes: [UInt8] = []
    private var fields: [Field] = []

    /// No fields yet.
    public init() {}

    /// Parses lines up to (not including) the empty one. Lines without a colon are passed over.
    public init(parsing bytes: [UInt8]) {
        self.bytes = bytes
        fields.reserveCapacity(16)
        let count = bytes.count
        self.bytes.withUnsafeMutableBytes { all in
            let text = UnsafeRawBufferPointer(all)
            var lineStart = 0
            while lineStart < count {
                var lineEnd = ByteSearch.first(10, in: text, from: lineStart, to: count) ?? count
                let next = lineEnd + 1
                if lineEnd > lineStart, all[lineEnd - 1] == 13 { lineEnd -= 1 }
                defer { lineStart = next }
                guard lineEnd > lineStart else { continue }
                if all[lineStart] == 32 || all[lineStart] == 9 {
                    // A folded line goes on with the value before it: the line break between becomes white space.
                    guard let last = fields.indices.last else { continue }
                    var gap = Int(fields[last].valueEnd)
                    while gap < lineStart {
                        all[gap] = 32
                        gap += 1
                    }
                    let isEmpty = fields[last].valueStart >= fields[last].valueEnd
                    let from = isEmpty ? lineStart : Int(fields[last].valueStart)
                    let trimmed = Self.trim(text, from, lineEnd)
                    fields[last].valueStart = Int32(truncatingIfNeeded: trimmed.lowerBound)
                    fields[last].valueEnd = Int32(truncatingIfNeeded: trimmed.upperBound)
                    continue
                }
                guard let colon = ByteSearch.first(58, in: text, from: lineStart, to: lineEnd) else { continue }
                let name = Self.trim(text, lineStart, colon)
                let value = Self.trim(text, colon + 1, lineEnd)
                fields.append(
                    Field(
                        nameStart: Int32(truncatingIfNeeded: name.lowerBound),
                        nameEnd: Int32(truncatingIfNeeded: name.upperBound),
                        valueStart: Int32(truncatingIfNeeded: value.lowerBound),
                        valueEnd: Int32(truncatingIfNeeded: value.upperBound)))
            }
        }
    }

    /// Fields made from names and values, for records that had other headers (ARC) or are to be written.
    public init(_ pairs: [(String, String)]) {
        var text: [UInt8] = []
        for (name, value) in pairs {
            text.append(contentsOf: name.utf8)
            text.append(58)
            text.append(contentsOf: value.utf8.map { $0 == 10 || $0 == 13 ? 32 : $0 })
            text.append(10)
        }
        self.init(parsing: text)
    }

    /// Fields in all.
    public var count: Int { fields.count }

    /// Names and values in order; invalid UTF-8 becomes U+FFFD.
    public var pairs: [(name: String, value: String)] {
        fields.map { (text($0.nameStart, $0.nameEnd), text($0.valueStart, $0.valueEnd)) }
    }

    /// The first value under a name, whatever its case.
    ///
    /// - Complexity: O(fields).
    public func first(_ name: StaticString) -> String? { find(name).map { text($0.valueStart, $0.valueEnd) } }

    /// The bytes of the first value under a name, whatever its case.
    public func firstBytes(_ name: StaticString) -> ArraySlice<UInt8>? {
        find(name).map { bytes[Int($0.valueStart)..<Int($0.valueEnd)] }
    }

    private func text(_ start: Int32, _ end: Int32) -> String {
        String(decoding: bytes[Int(start)..<Int(end)], as: UTF8.self)
    }

    private func find(_ name: StaticString) -> Field? {
        let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return bytes.withUnsafeBufferPointer { all in
            fields.first { field in
                guard Int(field.nameEnd - field.nameStart) == wanted.count else { return false }
                let start = Int(field.nameStart)
                for index in 0..<wanted.count where ASCII.lower(all[start + index]) != ASCII.lower(wanted[index]) {
                    return false
                }
                return true
            }
        }
    }

    private static func trim(_ text: UnsafeRawBufferPointer, _ start: Int, _ end: Int) -> Range<Int> {
        var start = start
        var end = end
        while start < end, ASCII.isBlank(text[start]) { start += 1 }
        while end > start, ASCII.isBlank(text[end - 1]) { end -= 1 }
        return start..<end
    }
}

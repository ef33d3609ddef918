import JSON
import UnicodeText

/// The tables that steps share, made at first use.
enum PythonRules {
    static let text = PythonText()
    static let lower = LowerCase()
}

extension Page {
    /// The page's text.
    ///
    /// - Throws: `.missingField` or `.wrongField`, as the reference tools fail on such a page.
    func content(for step: String) throws(CurationError) -> String {
        guard let value = fields["text"] else { throw .missingField(step: step, key: "text") }
        guard let text = value.stringValue else {
            throw .wrongField(step: step, key: "text", expected: "a string", found: value.kind)
        }
        return text
    }

    /// A number field, as filters read scores and counts.
    func number(_ key: String, for step: String) throws(CurationError) -> Double {
        guard let value = fields[key] else { throw .missingField(step: step, key: key) }
        guard let number = value.doubleValue else {
            throw .wrongField(step: step, key: key, expected: "a number", found: value.kind)
        }
        return number
    }

    /// Takes new text, or drops the page where nothing is left.
    mutating func replaceText(_ bytes: [UInt8], for step: String) -> Verdict {
        guard !bytes.isEmpty else { return .drop(DropReason(step)) }
        text = String(decoding: bytes, as: UTF8.self)
        return .keep
    }
}

/// Walks over the lines of a text: what is between line feeds, the empty ones included.
///
/// Closures given to these are inlined, and hold no references.
enum Lines {
    /// Where the line that starts at a byte ends.
    @inline(__always)
    static func end(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var position = start
        while position < bytes.count, bytes[position] != 0x0A { position += 1 }
        return position
    }

    /// Calls a body with each line, stripped, where it isn't blank.
    @inline(__always)
    static func forEachStripped(
        _ bytes: Span<UInt8>, _ text: PythonText, _ body: (Span<UInt8>, Range<Int>) -> Void
    ) {
        var start = 0
        while start <= bytes.count {
            let end = end(bytes, from: start)
            let line = text.strip(bytes, start..<end)
            if !line.isEmpty { body(bytes, line) }
            start = end + 1
        }
    }

    /// Keeps only the lines that a body accepts; empty ones always stay.
    ///
    /// - Parameter strips: whether white space at the text's ends goes, too.
    /// - Returns: the new text; nil where nothing changed.
    @inline(__always)
    static func filtered(
        _ bytes: Span<UInt8>, strips: Bool, _ keeps: (Span<UInt8>, Range<Int>) -> Bool
    ) -> [UInt8]? {
        var output: [UInt8] = []
        // Bytes from `pending` up to the line in hand are kept, but not yet copied: one copy a run of kept lines.
        var pending = 0
        var removed = false
        var start = 0
        while start <= bytes.count {
            let end = end(bytes, from: start)
            if start < end, !keeps(bytes, start..<end) {
                if !removed { output.reserveCapacity(bytes.count) }
                removed = true
                output.append(bytes, pending..<start)
                pending = min(end + 1, bytes.count)
            }
            start = end + 1
        }
        let text = PythonRules.text
        guard removed else {
            guard strips else { return nil }
            let whole = text.strip(bytes, 0..<bytes.count)
            if whole.count == bytes.count { return nil }
            output.append(bytes, whole)
            return output
        }
        output.append(bytes, pending..<bytes.count)
        // Where the last line went, the line feed before it goes as well, unless that ended an earlier removed line.
        if pending == bytes.count, output.last == 0x0A, bytes[bytes.count - 1] != 0x0A { output.removeLast() }
        guard strips else { return output }
        let span = output.span
        let whole = text.strip(span, 0..<span.count)
        if whole.count == output.count { return output }
        return Array(output[whole])
    }
}

/// Lower case as Python's `str.lower` has it: full mappings, and ς where a Greek word ends.
public struct LowerCase: Sendable {
    private let classes = ScalarClassTable.standard

    public init() {}

    /// Appends a range of bytes in lower case. Complexity: O(bytes).
    public func append(_ bytes: Span<UInt8>, _ range: Range<Int>, to output: inout [UInt8]) {
        output.reserveCapacity(output.count + range.count)
        var position = range.lowerBound
        while position < range.upperBound {
            let byte = bytes[position]
            if byte < 0x80 {
                output.append(0x41...0x5A ~= byte ? byte | 0x20 : byte)
                position += 1
                continue
            }
            let scalar = bytes.scalar(at: position)
            if scalar.value == 0x3A3 {
                let final = isFinalSigma(bytes, range, at: position)
                output.appendScalar(final ? 0x3C2 : 0x3C3)
            } else if classes[scalar.value].contains(.changesWhenLowercased),
                let known = Unicode.Scalar(scalar.value)
            {
                output.append(contentsOf: known.properties.lowercaseMapping.utf8)
            } else {
                output.append(bytes, position..<position + scalar.length)
            }
            position += scalar.length
        }
    }

    /// A range of bytes in lower case.
    public func callAsFunction(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var output: [UInt8] = []
        append(bytes, range, to: &output)
        return output
    }

    /// A string in lower case.
    public func callAsFunction(_ text: String) -> String {
        var output: [UInt8] = []
        append(text.utf8.span, 0..<text.utf8.count, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// The Final_Sigma condition (Unicode 3.13): a cased scalar before, none after, case-ignorable ones skipped.
    private func isFinalSigma(_ bytes: Span<UInt8>, _ range: Range<Int>, at position: Int) -> Bool {
        var before = position
        var cased = false
        while before > range.lowerBound {
            let scalar = bytes.scalar(before: before)
            before -= scalar.length
            let found = classes[scalar.value]
            if found.contains(.caseIgnorable) { continue }
            cased = found.contains(.cased)
            break
        }
        guard cased else { return false }
        var after = position + 2
        while after < range.upperBound {
            let scalar = bytes.scalar(at: after)
            let found = classes[scalar.value]
            if found.contains(.caseIgnorable) {
                after += scalar.length
                continue
            }
            return !found.contains(.cased)
        }
        return true
    }
}

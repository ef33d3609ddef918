import Glibc

/// Gradient-boosted decision trees over features of one byte (Friedman 2001). Trained by `Scripts/train-main-text`.
///
/// A tree lies in one array in the order of a walk: bits 24–31 of a node are its feature, 16–23 its threshold, 0–15 how
/// far behind it its right child lies; the left child, for features up to the threshold, follows at once. A leaf has
/// feature 255 and its value, in 4096ths, in bits 0–15.
package struct BoostedTrees: Sendable {
    private let nodes: [UInt32]
    private let roots: [UInt32]

    /// Reads the trees out of base 64 of little-endian nodes.
    ///
    /// The tables are the module's own; that they are well formed is checked here once, so that `likelihood` need not.
    init(base64 text: StaticString, features: Int) {
        var nodes: [UInt32] = []
        var (bits, held, value): (UInt32, Int, UInt64) = (0, 0, 0)
        let bytes = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        var word = 0
        for byte in bytes {
            let digit: UInt32
            switch byte {
            case 65...90: digit = UInt32(byte) - 65
            case 97...122: digit = UInt32(byte) - 71
            case 48...57: digit = UInt32(byte) + 4
            case 43: digit = 62
            case 47: digit = 63
            default: continue
            }
            bits = bits << 6 | digit
            held += 6
            if held >= 8 {
                held -= 8
                value |= UInt64(bits >> UInt32(held) & 0xFF) << UInt64(8 * word)
                word += 1
                if word == 4 {
                    nodes.append(UInt32(value))
                    (word, value) = (0, 0)
                }
            }
        }
        var roots: [UInt32] = []
        var at = 0
        while at < nodes.count {
            roots.append(UInt32(at))
            at = Self.end(of: at, in: nodes, features)
        }
        self.nodes = nodes
        self.roots = roots
    }

    /// Checks the tree that starts at a node, and gives the position behind it.
    private static func end(of start: Int, in nodes: [UInt32], _ features: Int) -> Int {
        var open = 1
        var at = start
        while open > 0 {
            precondition(at < nodes.count, "a tree of the main text's model is cut off")
            let node = nodes[at]
            if node >> 24 == 255 {
                open -= 1
            } else {
                precondition(
                    node >> 24 < features && node & 0xFFFF > 1 && at + Int(node & 0xFFFF) < nodes.count,
                    "a node of the main text's model points outside")
                open += 1
            }
            at += 1
        }
        return at
    }

    /// Rows that are judged at once, and the bytes from one to the next.
    package static let width = 4
    package static let stride = 256

    /// How likely the blocks of four rows are main text, 0 … 1 each.
    ///
    /// Four walks at once hide that each step of one waits for the last. Bytes of a row behind its features never decide.
    package func likelihoods(_ rows: UnsafePointer<UInt8>, into output: UnsafeMutablePointer<Float>) {
        let (row0, row1, row2, row3) = (rows, rows + Self.stride, rows + 2 * Self.stride, rows + 3 * Self.stride)
        var (sum0, sum1, sum2, sum3): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        nodes.withUnsafeBufferPointer { nodes in
            guard let base = nodes.baseAddress else { return }
            for root in roots {
                let start = base + Int(root)
                var (at0, at1, at2, at3) = (start, start, start, start)
                while (at0.pointee & at1.pointee & at2.pointee & at3.pointee) >> 24 != 255 {
                    at0 += Self.step(at0.pointee, row0)
                    at1 += Self.step(at1.pointee, row1)
                    at2 += Self.step(at2.pointee, row2)
                    at3 += Self.step(at3.pointee, row3)
                }
                sum0 &+= Self.value(at0.pointee)
                sum1 &+= Self.value(at1.pointee)
                sum2 &+= Self.value(at2.pointee)
                sum3 &+= Self.value(at3.pointee)
            }
        }
        output[0] = Self.logistic(sum0)
        output[1] = Self.logistic(sum1)
        output[2] = Self.logistic(sum2)
        output[3] = Self.logistic(sum3)
    }

    private static func logistic(_ sum: Int32) -> Float { 1 / (1 + expf(-Float(sum) / 4096)) }

    @inline(__always)
    private static func value(_ leaf: UInt32) -> Int32 { Int32(Int16(truncatingIfNeeded: leaf)) }

    /// How far behind a node the next one of a walk lies; a leaf is never left. No branch, which would be guessed wrongly.
    @inline(__always)
    private static func step(_ node: UInt32, _ row: UnsafePointer<UInt8>) -> Int {
        let feature = node >> 24
        let goesRight: UInt32 = row[Int(feature)] > UInt8(truncatingIfNeeded: node >> 16) ? .max : 0
        let isInner: UInt32 = feature == 255 ? 0 : .max
        return Int((1 &+ ((node & 0xFFFF) &- 1) & goesRight) & isInner)
    }
}

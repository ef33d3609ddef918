#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Gradient-boosted decision trees over features of one byte (Friedman 2001). Trained by `Scripts/train-main-text`.
///
/// A tree lies in one array in the order of a walk: bits 24–31 of a node are its feature, 16–23 its threshold, 0–15 how
/// far behind it its right child lies; the left child, for features up to the threshold, follows at once. A leaf has
/// feature 255 and its value, in 4096ths, in bits 0–15.
struct BoostedTrees: Sendable {
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

    /// How likely the row's block is main text, 0 … 1. The row has as many bytes as there are features.
    @inline(__always)
    func likelihood(_ row: UnsafePointer<UInt8>) -> Float {
        var sum: Int32 = 0
        nodes.withUnsafeBufferPointer { nodes in
            for root in roots {
                var at = Int(root)
                var node = nodes[at]
                while node >> 24 != 255 {
                    let goesRight = row[Int(node >> 24)] > UInt8(truncatingIfNeeded: node >> 16)
                    at += goesRight ? Int(node & 0xFFFF) : 1
                    node = nodes[at]
                }
                sum &+= Int32(Int16(truncatingIfNeeded: node))
            }
        }
        return 1 / (1 + expf(-Float(sum) / 4096))
    }
}

import DequeModule

/// The last lines of a worker's error output, which belong to the error of whoever the worker worked for. Bounded in
/// lines and bytes.
///
/// When Swift's backtracer begins to write, the tail stays as it is: what matters was said before its hundred lines.
package struct OutputTail {
    private var lines = Deque<String>()
    private var isFrozen = false
    package static let lineLimit = 12
    package static let byteLimit = 500

    package init() {}

    package var isEmpty: Bool { lines.isEmpty }

    package mutating func append(_ line: String) {
        if line.hasPrefix("*** Signal ") || line.hasPrefix("*** Program crashed") { isFrozen = true }
        guard !isFrozen, !line.isEmpty else { return }
        let isLong = line.utf8.count > Self.byteLimit
        lines.append(isLong ? String(decoding: line.utf8.prefix(Self.byteLimit), as: UTF8.self) + "…" : line)
        if lines.count > Self.lineLimit { _ = lines.popFirst() }
    }

    /// The lines, each indented.
    package var text: String { (0..<lines.count).map { "  \(lines[$0])" }.joined(separator: "\n") }
}

/// Finds what a person meant by a misspelt name.
public enum Spelling {
    /// The candidate with the fewest edits from the name; nil where none is near enough to be meant (a third of the
    /// name's length, at least two edits).
    ///
    /// - Complexity: O(candidates × length²).
    public static func nearest(to name: String, in candidates: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased().utf8)
        let limit = max(2, wanted.count / 3)
        var best: (name: String, edits: Int)?
        for candidate in candidates {
            let edits = distance(wanted, Array(candidate.lowercased().utf8))
            if edits <= limit, edits < best?.edits ?? .max { best = (candidate, edits) }
        }
        return best?.name
    }

    /// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
    private static func distance(_ first: [UInt8], _ second: [UInt8]) -> Int {
        var older: [Int] = []
        var previous = Array(0...second.count)
        for row in 0..<first.count {
            var current = [row + 1] + Array(repeating: 0, count: second.count)
            for column in 0..<second.count {
                let isEqual = first[row] == second[column]
                current[column + 1] = min(
                    previous[column] + (isEqual ? 0 : 1), previous[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, first[row] == second[column - 1], first[row - 1] == second[column] {
                    current[column + 1] = min(current[column + 1], older[column - 1] + 1)
                }
            }
            (older, previous) = (previous, current)
        }
        return previous[second.count]
    }
}

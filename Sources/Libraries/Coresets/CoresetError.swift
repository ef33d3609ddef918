/// Why a selection cannot be made.
public enum CoresetError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A file that does not hold features; `place` names the line, row or byte.
    case malformed(file: String, place: String, reason: String)
    case notFinite(row: Int, column: Int)
    case notNegative(row: Int, column: Int, objective: String)
    case dimensions(expected: Int, found: Int, what: String)
    case tooMany(count: Int, rows: Int)
    case outOfRange(index: Int, rows: Int, what: String)
    case duplicateIndex(Int, what: String)
    case invalidParameter(name: String, value: String, expected: String)
    case unknownName(what: String, name: String, known: [String])
    case memory(needed: Int, limit: Int, what: String, remedy: String)
    case notSubmodular(objective: String, optimizer: String)
    case unsupported(what: String, remedy: String)
    case submodularityViolated(element: Int, bound: Double, gain: Double)

    public var description: String {
        switch self {
        case .malformed(let file, let place, let reason):
            "\(file), \(place): \(reason)."
        case .notFinite(let row, let column):
            "the feature in row \(row), column \(column) (from 0) is not a finite number. Repair or drop that row."
        case .notNegative(let row, let column, let objective):
            "the feature in row \(row), column \(column) (from 0) is negative, and \(objective) needs features ≥ 0. "
                + "Shift or clip the features, or choose another objective."
        case .dimensions(let expected, let found, let what):
            "\(what): expected \(expected), found \(found)."
        case .tooMany(let count, let rows):
            "\(count) cannot be chosen from \(rows). Ask for at most \(rows)."
        case .outOfRange(let index, let rows, let what):
            "\(what) \(index) is not a row: there are \(rows), numbered from 0."
        case .duplicateIndex(let index, let what):
            "\(what) names \(index) twice."
        case .invalidParameter(let name, let value, let expected):
            "\(name) is \(value), but must be \(expected)."
        case .unknownName(let what, let name, let known):
            "there is no \(what) `\(name)`. There are: \(known.joined(separator: ", "))."
        case .memory(let needed, let limit, let what, let remedy):
            "\(what) needs \(Self.bytes(needed)), more than the limit of \(Self.bytes(limit)). \(remedy)"
        case .notSubmodular(let objective, let optimizer):
            "\(objective) is not submodular, so \(optimizer) greedy would choose wrongly. Use the naive optimiser, or name none."
        case .unsupported(let what, let remedy):
            "\(what). \(remedy)"
        case .submodularityViolated(let element, let bound, let gain):
            "the gain of \(element) rose from \(bound) to \(gain) as the set grew, so the objective is not submodular. "
                + "Use the naive optimiser, or declare `isSubmodular` false."
        }
    }

    private static func bytes(_ count: Int) -> String {
        let units = ["bytes", "KiB", "MiB", "GiB", "TiB", "PiB"]
        var value = Double(count)
        var unit = 0
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        return "\(unit == 0 ? String(count) : String((value * 10).rounded() / 10)) \(units[unit])"
    }
}

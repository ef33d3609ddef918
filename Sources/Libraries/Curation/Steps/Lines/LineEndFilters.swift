import UnicodeText

/// `bullet_count_filter`: pages that are mostly lists are dropped.
struct BulletCountFilter: RecipeStep {
    static let description = StepDescription(
        "bullet_count_filter", "Drops pages where too many lines start with ●, •, * or -.",
        [.init("max_bullet_start_ratio", "a number", "0.9", "the greatest share of such lines")])

    private let maximum: Double
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        maximum = try parameters.number("max_bullet_start_ratio", default: 0.9)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        var lines = 0
        var bullets = 0
        Lines.forEachStripped(content.utf8.span, text) { bytes, line in
            lines += 1
            switch bytes[line.lowerBound] {
            case 0x2A, 0x2D: bullets += 1
            case 0xE2:
                let scalar = bytes.scalar(at: line.lowerBound).value
                if scalar == 0x2022 || scalar == 0x25CF { bullets += 1 }
            default: break
            }
        }
        guard Double(bullets) > maximum * Double(lines) else { return .keep }
        return drop(Double(bullets) / Double(max(lines, 1)), limit: maximum)
    }
}

/// `ellipsis_count_filter`: pages of cut-off lines are dropped.
struct EllipsisCountFilter: RecipeStep {
    static let description = StepDescription(
        "ellipsis_count_filter", "Drops pages where too many lines end in `...`, `. . .` or `…`.",
        [.init("max_ellipsis_end_ratio", "a number", "0.3", "the greatest share of such lines")])

    private let maximum: Double
    private let text = PythonRules.text

    init(_ parameters: StepParameters) throws(CurationError) {
        maximum = try parameters.number("max_ellipsis_end_ratio", default: 0.3)
    }

    func apply(to page: inout Page) throws -> Verdict {
        let content = try page.content(for: name)
        var lines = 0
        var ellipses = 0
        Lines.forEachStripped(content.utf8.span, text) { bytes, line in
            lines += 1
            if Ellipsis.ends(bytes, line) { ellipses += 1 }
        }
        guard Double(ellipses) > maximum * Double(lines) else { return .keep }
        return drop(Double(ellipses) / Double(max(lines, 1)), limit: maximum)
    }
}

extension Ellipsis {
    /// Whether a line ends in any of the three.
    @inline(__always)
    static func ends(_ bytes: Span<UInt8>, _ line: Range<Int>) -> Bool {
        guard line.count >= 3 else { return false }
        switch bytes[line.upperBound - 1] {
        case 0x2E:
            return bytes.starts(with: dots, at: line.upperBound - 3)
                || (line.count >= 5 && bytes.starts(with: spaced, at: line.upperBound - 5))
        case 0xA6: return bytes.starts(with: sign, at: line.upperBound - 3)
        default: return false
        }
    }
}

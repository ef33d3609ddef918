import Foundation

/// Numbers as people read them.
package enum Format {
    /// Thousands set apart by thin spaces.
    package static func count(_ count: Int) -> String {
        let digits = String(count.magnitude)
        var grouped = ""
        for (offset, digit) in digits.enumerated() {
            if offset > 0, (digits.count - offset) % 3 == 0 { grouped += "\u{202F}" }
            grouped.append(digit)
        }
        return count < 0 ? "−" + grouped : grouped
    }

    package static func bytes(_ bytes: Int) -> String {
        switch bytes {
        case ..<1_000: "\(bytes) B"
        case ..<1_000_000: decimal(Double(bytes) / 1e3, digits: 1) + " kB"
        case ..<1_000_000_000: decimal(Double(bytes) / 1e6, digits: 1) + " MB"
        default: decimal(Double(bytes) / 1e9, digits: 2) + " GB"
        }
    }

    package static func decimal(_ value: Double, digits: Int) -> String {
        let text = String(format: "%.\(digits)f", abs(value))
        return value < 0 && text.contains(where: { $0 != "0" && $0 != "." }) ? "−" + text : text
    }

    package static func seconds(_ seconds: Double) -> String {
        seconds < 90 ? decimal(seconds, digits: seconds < 10 ? 1 : 0) + " s" : decimal(seconds / 60, digits: 1) + " min"
    }
}

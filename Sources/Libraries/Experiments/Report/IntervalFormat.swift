import Reports

extension Format {
    static func interval(_ interval: IntervalResult, digits: Int) -> String {
        "\(decimal(interval.value, digits: digits)) "
            + "[\(decimal(interval.lower, digits: digits)), \(decimal(interval.upper, digits: digits))]"
    }

    static func percent(_ share: IntervalResult) -> String { interval(share.scaled(by: 100), digits: 1) + " %" }
}

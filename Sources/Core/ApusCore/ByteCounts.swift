extension DefaultStringInterpolation {
    /// A number of bytes as a person reads it.
    package mutating func appendInterpolation(bytes: Int) {
        switch bytes {
        case ..<1024: appendInterpolation("\(bytes) bytes")
        case ..<(1 << 20): appendInterpolation("\(tenths(bytes, 1 << 10)) KiB")
        case ..<(1 << 30): appendInterpolation("\(tenths(bytes, 1 << 20)) MiB")
        default: appendInterpolation("\(tenths(bytes, 1 << 30)) GiB")
        }
    }

    private func tenths(_ bytes: Int, _ unit: Int) -> String {
        let (whole, rest) = bytes.quotientAndRemainder(dividingBy: unit)
        let tenth = rest * 10 / unit
        return tenth == 0 ? "\(whole)" : "\(whole).\(tenth)"
    }
}

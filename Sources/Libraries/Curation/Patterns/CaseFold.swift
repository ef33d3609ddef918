import UnicodeText

/// Case-insensitive comparison as Python's `re.IGNORECASE` has it: simple lower case, and a few scalars that share one.
enum CaseFold {
    /// What scalars that match each other have in common.
    @inline(__always)
    static func fold(_ scalar: UInt32) -> UInt32 {
        if scalar < 0x80 { return 0x41...0x5A ~= scalar ? scalar | 0x20 : scalar }
        return foldBeyondASCII(scalar)
    }

    private static func foldBeyondASCII(_ scalar: UInt32) -> UInt32 {
        guard let known = Unicode.Scalar(scalar) else { return scalar }
        var lower = scalar
        if PythonRules.text.classes[scalar].contains(.changesWhenLowercased),
            let first = known.properties.lowercaseMapping.unicodeScalars.first
        {
            lower = first.value
        }
        return representatives[lower] ?? lower
    }

    /// ASCII letters that a scalar beyond ASCII matches: i (İ, ı), k (the Kelvin sign) and s (ſ).
    static func hasForeignPartner(_ byte: UInt8) -> Bool {
        byte | 0x20 == 0x69 || byte | 0x20 == 0x6B || byte | 0x20 == 0x73
    }

    /// Lower-case scalars that share an upper-case one.
    private static let representatives: [UInt32: UInt32] = [
        0x131: 0x69, 0x17F: 0x73, 0x3BC: 0xB5, 0x3B9: 0x345, 0x1FBE: 0x345, 0x1FD3: 0x390, 0x1FE3: 0x3B0,
        0x3D0: 0x3B2, 0x3F5: 0x3B5, 0x3D1: 0x3B8, 0x3F0: 0x3BA, 0x3D6: 0x3C0, 0x3F1: 0x3C1, 0x3C3: 0x3C2,
        0x3D5: 0x3C6, 0x1C80: 0x432, 0x1C81: 0x434, 0x1C82: 0x43E, 0x1C83: 0x441, 0x1C84: 0x442, 0x1C85: 0x442,
        0x1C86: 0x44A, 0x1C87: 0x463, 0xA64B: 0x1C88, 0x1E9B: 0x1E61, 0xFB06: 0xFB05,
    ]
}

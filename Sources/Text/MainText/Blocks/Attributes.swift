/// Whether a `style` attribute hides its element.
enum Style {
    /// Complexity: O(length).
    static func hides(_ style: UnsafeBufferPointer<UInt8>) -> Bool {
        let span = style.span
        for at in style.indices {
            if EncodingDeclaration.matches(span, at, "display"), value(span, at + 7, is: "none") { return true }
            if EncodingDeclaration.matches(span, at, "visibility"), value(span, at + 10, is: "hidden") { return true }
        }
        return false
    }

    private static func value(_ style: Span<UInt8>, _ start: Int, is word: StaticString) -> Bool {
        var at = start
        while at < style.count, ASCIIByte.isSpace(style[at]) { at += 1 }
        guard at < style.count, style[at] == 58 else { return false }
        at += 1
        while at < style.count, ASCIIByte.isSpace(style[at]) { at += 1 }
        return EncodingDeclaration.matches(style, at, word)
    }
}

/// ARIA roles that say what elements of HTML say too.
enum Roles {
    static func lane(_ role: UnsafeBufferPointer<UInt8>) -> Int? {
        let pairs: [(StaticString, AncestorKind)] = [
            ("main", .main), ("navigation", .nav), ("contentinfo", .footer), ("complementary", .aside),
            ("article", .article), ("banner", .header), ("search", .form), ("dialog", .details), ("menu", .nav),
        ]
        for (name, kind) in pairs where EncodingDeclaration.matches(role.span, 0, name) { return kind.rawValue }
        return nil
    }
}

extension TreeBuilder {
    /// The layout mode that the doctype token asks for.
    func doctypeQuirks() -> Document.QuirksMode {
        if tokenizer.forcesQuirks || !matches(0, "html") || matches(2, Self.quirkySystem) { return .full }
        if Self.quirkyPublic.contains(where: { matches(1, $0) }) || Self.quirkyStarts.contains(where: { starts(1, $0) })
        {
            return .full
        }
        let lacksSystem = part(2) == nil
        if Self.framedStarts.contains(where: { starts(1, $0) }) { return lacksSystem ? .full : .limited }
        return Self.limitedStarts.contains { starts(1, $0) } ? .limited : .none
    }

    private func part(_ index: Int) -> UnsafeBufferPointer<UInt8>? {
        let part = tokenizer.attributes[tokenizer.firstAttribute + index]
        guard part.count != AttributeRecord.missing else { return nil }
        return UnsafeBufferPointer(start: tokenizer.bytes.base + Int(part.start), count: Int(part.count))
    }

    private func matches(_ index: Int, _ text: StaticString) -> Bool {
        part(index)?.count == text.utf8CodeUnitCount && starts(index, text)
    }

    /// Whether a part starts so; `text` is in lower case.
    private func starts(_ index: Int, _ text: StaticString) -> Bool {
        guard let part = part(index), part.count >= text.utf8CodeUnitCount else { return false }
        return (0..<text.utf8CodeUnitCount).allSatisfy {
            (part[$0] &- 0x41 < 26 ? part[$0] | 0x20 : part[$0]) == text.utf8Start[$0]
        }
    }

    private static var quirkySystem: StaticString { "http://www.ibm.com/data/dtd/v11/ibmxhtml1-transitional.dtd" }
    private static let quirkyPublic: [StaticString] = [
        "-//w3o//dtd w3 html strict 3.0//en//", "-/w3c/dtd html 4.0 transitional/en", "html",
    ]
    private static let framedStarts: [StaticString] = [
        "-//w3c//dtd html 4.01 frameset//", "-//w3c//dtd html 4.01 transitional//",
    ]
    private static let limitedStarts: [StaticString] = [
        "-//w3c//dtd xhtml 1.0 frameset//", "-//w3c//dtd xhtml 1.0 transitional//",
    ]
    private static let quirkyStarts: [StaticString] = [
        "+//silmaril//dtd html pro v0r11 19970101//", "-//as//dtd html 3.0 aswedit + extensions//",
        "-//advasoft ltd//dtd html 3.0 aswedit + extensions//", "-//ietf//dtd html 2.0 level 1//",
        "-//ietf//dtd html 2.0 level 2//", "-//ietf//dtd html 2.0 strict level 1//",
        "-//ietf//dtd html 2.0 strict level 2//", "-//ietf//dtd html 2.0 strict//", "-//ietf//dtd html 2.0//",
        "-//ietf//dtd html 2.1e//", "-//ietf//dtd html 3.0//", "-//ietf//dtd html 3.2 final//",
        "-//ietf//dtd html 3.2//",
        "-//ietf//dtd html 3//", "-//ietf//dtd html level 0//", "-//ietf//dtd html level 1//",
        "-//ietf//dtd html level 2//", "-//ietf//dtd html level 3//", "-//ietf//dtd html strict level 0//",
        "-//ietf//dtd html strict level 1//", "-//ietf//dtd html strict level 2//",
        "-//ietf//dtd html strict level 3//",
        "-//ietf//dtd html strict//", "-//ietf//dtd html//", "-//metrius//dtd metrius presentational//",
        "-//microsoft//dtd internet explorer 2.0 html strict//", "-//microsoft//dtd internet explorer 2.0 html//",
        "-//microsoft//dtd internet explorer 2.0 tables//", "-//microsoft//dtd internet explorer 3.0 html strict//",
        "-//microsoft//dtd internet explorer 3.0 html//", "-//microsoft//dtd internet explorer 3.0 tables//",
        "-//netscape comm. corp.//dtd html//", "-//netscape comm. corp.//dtd strict html//",
        "-//o'reilly and associates//dtd html 2.0//", "-//o'reilly and associates//dtd html extended 1.0//",
        "-//o'reilly and associates//dtd html extended relaxed 1.0//",
        "-//sq//dtd html 2.0 hotmetal + extensions//",
        "-//softquad software//dtd hotmetal pro 6.0::19990601::extensions to html 4.0//",
        "-//softquad//dtd hotmetal pro 4.0::19971010::extensions to html 4.0//", "-//spyglass//dtd html 2.0 extended//",
        "-//sun microsystems corp.//dtd hotjava html//", "-//sun microsystems corp.//dtd hotjava strict html//",
        "-//w3c//dtd html 3 1995-03-24//", "-//w3c//dtd html 3.2 draft//", "-//w3c//dtd html 3.2 final//",
        "-//w3c//dtd html 3.2//", "-//w3c//dtd html 3.2s draft//", "-//w3c//dtd html 4.0 frameset//",
        "-//w3c//dtd html 4.0 transitional//", "-//w3c//dtd html experimental 19960712//",
        "-//w3c//dtd html experimental 970421//", "-//w3c//dtd w3 html//", "-//w3o//dtd w3 html 3.0//",
        "-//webtechs//dtd mozilla html 2.0//", "-//webtechs//dtd mozilla html//",
    ]
}

import HTML
import MainText
import Testing

/// Pages that nobody meant: cut, mixed and bitten ones, and those that are made to be slow.
@Suite("Hostile pages") struct HostilePageTests {
    struct Random {
        var state: UInt64
        mutating func next(below limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % limit
        }
    }

    private static let pieces: [String] = [
        "<div class=\"article-body", "</div>", "<p>", "<table><tr><td>", "</table>", "<ul><li>", "<a href=x>", "<b><i>",
        "</p></b>",
        "<script>", "</script>", "<!--", "-->", "<pre>", "<svg><title>", "<select><option>", "<template>", "&nbsp;",
        "&#0;",
        "\u{0}", "。", "<plaintext>", "<frameset>", "<style>", " hidden style='display:none' ", "@type\":\"Article",
        "<title>",
    ]

    @Test("mutated pages give well-formed text in every mode", .enabled(if: Shared.hasPages, Shared.noPages))
    func mutations() throws {
        var random = Random(state: 35)
        let pages = SharedPage.all.filter { $0.kinds.contains("full-text") }
        var count = 0
        for number in 0..<300 {
            var html = try pages[random.next(below: pages.count)].html()
            if html.count > 60_000 { html = Array(html[random.next(below: html.count / 2)...].prefix(60_000)) }
            for _ in 0...random.next(below: 40) where !html.isEmpty {
                let at = random.next(below: html.count)
                switch random.next(below: 5) {
                case 0: html[at] = UInt8(random.next(below: 256))
                case 1: html.removeSubrange(at..<min(html.count, at + 1 + random.next(below: 200)))
                case 2: html.insert(contentsOf: Array(Self.pieces[random.next(below: Self.pieces.count)].utf8), at: at)
                case 3: html.insert(contentsOf: html[at..<min(html.count, at + random.next(below: 2000))], at: at)
                default: html[at] ^= 1 << UInt8(random.next(below: 8))
                }
            }
            let mode = MainTextExtractor.Mode.allCases[number % 3]
            let page = try MainTextExtractor(mode: mode).extract(html: html)
            // Space is collapsed and nothing is made up: the text is never much longer than the page.
            #expect(page.text.utf8.count <= 3 * html.count + 64, "page \(number)")
            #expect(page.text.first?.isNewline != true && page.text.last?.isNewline != true, "page \(number)")
            count += 1
        }
        print("main text: \(count) mutated pages")
    }

    @Test("pieces of markup in any order do no harm")
    func pieces() throws {
        var random = Random(state: 7)
        for number in 0..<500 {
            var html = ""
            for _ in 0..<60 {
                html += Self.pieces[random.next(below: Self.pieces.count)]
                if random.next(below: 3) == 0 { html += "some words. " }
            }
            for mode in MainTextExtractor.Mode.allCases {
                let text = try MainTextExtractor(mode: mode).extract(html: Array(html.utf8)).text
                #expect(text.utf8.count <= 3 * html.utf8.count + 64, "page \(number)")
            }
        }
    }

    @Test(
        "nesting, size and repetition are no danger",
        arguments: [
            "<div>", "<b>", "<ul><li>", "<table><tr><td>", "<a>", "<blockquote><p>", "<x-y class='content'>",
            "<p>word ", "<br>",
        ])
    func extremes(_ piece: String) throws {
        let html = Array(String(repeating: piece, count: 100_000).utf8) + Array("the end".utf8)
        for mode in MainTextExtractor.Mode.allCases {
            let text = try MainTextExtractor(mode: mode).extract(html: html).text
            if mode == .plain { #expect(text.hasSuffix("the end")) }
        }
    }

    @Test("a million attributes and fifty megabytes of one byte are read as what they are")
    func giants() throws {
        var tag = Array("<p".utf8)
        for number in 0..<1_000_000 { tag += Array(" a\(number)".utf8) }
        let attributes = try MainTextExtractor(mode: .plain).extract(html: tag + Array(">x".utf8))
        #expect(attributes.text == "x")
        let signs = try MainTextExtractor(mode: .fast).extract(html: [UInt8](repeating: 0x3C, count: 50 << 20))
        #expect(signs.text.utf8.count == 50 << 20)
        let nothing = try MainTextExtractor(mode: .plain).extract(html: [UInt8](repeating: 0, count: 50 << 20))
        #expect(nothing.text.utf8.count < 200)
    }

    @Test("numbers of characters that are none become U+FFFD")
    func surrogates() throws {
        let text = try MainTextExtractor(mode: .plain).extract(html: Array("a&#xD800;b&#57343;c&#x110000;d&#0;e".utf8))
            .text
        #expect(text == "a\u{FFFD}b\u{FFFD}c\u{FFFD}d\u{FFFD}e")
    }
}

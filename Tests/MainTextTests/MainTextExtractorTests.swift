import HTML
import MainText
import Testing

@Suite("Extractor") struct MainTextExtractorTests {
    private static let sentence =
        "The swift spends most of its life in the air, where it eats, drinks and even sleeps while it glides over the sea. "

    private static var article: String {
        let paragraphs = (1...6).map { "<p>\($0). \(String(repeating: sentence, count: 3))</p>" }.joined(
            separator: "\n")
        return """
            <!DOCTYPE html><html lang="en-GB"><head><title>Life of  the\n swift</title><style>p { color: red }</style></head>
            <body><nav><ul><li><a href="/">Home</a></li><li><a href="/birds">Birds</a></li></ul></nav>
            <article><h1>Life of the swift</h1>\(paragraphs)</article>
            <script>var hidden = "never shown";</script>
            <div class="cookie-banner"><p>We use cookies. <a href="/privacy">Privacy policy</a></p></div>
            <footer><p><a href="/imprint">Imprint</a> © 2020 Example</p></footer></body></html>
            """
    }

    private static func text(_ html: String, _ mode: MainTextExtractor.Mode) throws -> String {
        try MainTextExtractor(mode: mode).extract(html: Array(html.utf8)).text
    }

    @Test("an article is taken, and what is around it is left", arguments: [MainTextExtractor.Mode.fast, .precise])
    func article(_ mode: MainTextExtractor.Mode) throws {
        let page = try MainTextExtractor(mode: mode).extract(html: Array(Self.article.utf8))
        #expect(page.title == "Life of the swift")
        #expect(page.language == "en-GB")
        #expect(page.charset == "utf-8")
        for number in 1...6 { #expect(page.text.contains("\(number). The swift spends")) }
        for part in ["Home", "cookies", "Imprint", "never shown", "color: red"] { #expect(!page.text.contains(part)) }
    }

    @Test("plain text has all that is visible and nothing else")
    func plain() throws {
        let text = try Self.text(Self.article, .plain)
        for part in ["Home", "We use cookies", "Imprint", "6. The swift"] { #expect(text.contains(part)) }
        for part in ["never shown", "color: red"] { #expect(!text.contains(part)) }
    }

    @Test(
        "plain text keeps lists, tables, line breaks and preformatted text in shape",
        arguments: [
            ("<ul><li>one<li>two<ul><li>inner</ul></ul>", "- one\n- two\n  - inner"),
            ("<ol><li>one<li>two</ol>", "1. one\n2. two"),
            ("<table><tr><th>a<th>b<tr><td>1<td>2</table>", "a\tb\n1\t2"),
            ("<p>a<br>b</p><p>c</p>", "a\nb\n\nc"),
            ("<pre>  x\n    y\n</pre>", "  x\n    y"),
            ("<p>a  b\n\tc&nbsp;d <b>e</b>f</p>", "a b c d ef"),
            ("<p>a&shy;b&#8203;c</p>", "abc"),
            ("<p hidden>no</p><p style='display: none'>no</p>yes", "yes"),
            ("", ""), ("   \n", ""), ("<!-- nothing --><img src=x alt=y>", ""),
        ])
    func shapes(_ html: String, _ expected: String) throws {
        #expect(try Self.text("<body>" + html, .plain) == expected)
    }

    @Test("the title and the language are found where pages keep them")
    func metadata() throws {
        let page = try MainTextExtractor().extract(
            html: Array("<meta http-equiv=content-language content='de-AT, en'><title></title><p>x".utf8))
        #expect(page.title == "")
        #expect(page.language == "de-AT")
        let bare = try MainTextExtractor().extract(html: [])
        #expect(bare.title == "" && bare.language == nil && bare.text == "")
    }

    @Test("what is read as Latin 1 because HTTP says so is named by the web's name")
    func contentType() throws {
        let page = try MainTextExtractor(mode: .plain).extract(
            html: Array("<p>caf".utf8) + [0xE9], contentType: "text/html; charset=iso-8859-1")
        #expect(page.text == "café")
        #expect(page.charset == "windows-1252")
    }

    @Test("lists that nest deeper than the indent goes are walked out of as they were walked into")
    func nestedLists() throws {
        let text = try Self.text(
            String(repeating: "<ul><li>", count: 60) + "x" + String(repeating: "</ul>", count: 60) + "<ul><li>y</ul>",
            .plain)
        #expect(text.hasSuffix("\n- y"))
    }

    @Test("a page that is too large is refused by name")
    func limit() {
        var extractor = MainTextExtractor()
        extractor.pageLimit = 10
        #expect(throws: MainTextError.pageTooLarge(bytes: 11, limit: 10)) {
            try extractor.extract(html: Array(repeating: 65, count: 11))
        }
    }

    @Test("the same page gives the same text on many threads")
    func threads() async throws {
        let extractor = MainTextExtractor()
        let html = Array(Self.article.utf8)
        let expected = try extractor.extract(html: html)
        try await withThrowingTaskGroup(of: ExtractedPage.self) { group in
            for _ in 0..<8 { group.addTask { try extractor.extract(html: html) } }
            for try await page in group { #expect(page == expected) }
        }
    }
}

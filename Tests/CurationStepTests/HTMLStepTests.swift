import Curation
import JSON
import Testing

@Suite("HTML steps")
struct HTMLStepTests {
    // Expected values were made by running jusText 3.0.2 (all its paragraphs) and Beautiful Soup 4.15.0, on lxml 6.1.3.
    static let pages: [(html: String, paragraphs: [String])] = [
        (
            "<html><head><title>t</title></head><body>Hi <b>there</b><p>One<br><br>two &copy; <script>x</script></body></html>",
            ["Hi there", "One", "two ©"]
        ),
        ("<html><body><p>a<b>b</b> <i>c</i> d</p><p>e<br>f<br> <br>g</p></body></html>", ["abc d", "e f", "g"]),
        (
            "<html><body><div>one<div>two</div>three</div><ul><li>x</li>\n<li>y</li></ul></body></html>",
            ["one", "two", "three", "x", "y"]
        ),
        (
            "<html><body><form>ask <input type=text> me <select><option>no</option></select>now</form> then</body></html>",
            ["ask me now then"]
        ),
        (
            "<html><body><p>line\none  two\u{A0} three\tfour \r\n five</p><!-- gone --><p>a<!-- c -->b</p></body></html>",
            ["line\none two three four\nfive", "ab"]
        ),
        ("<html><body><p><br></p><p>x</p></body></html>", ["x"]),
        (
            "<html><body><h1>Title</h1><pre>a\n  b</pre><table><tr><td>1</td><td>2</td></tr></table><span>s</span><article>t</article></body></html>",
            ["Title", "a\nb", "1", "2", "st"]
        ),
        (
            "<html><body><iframe src=x></iframe><object>alt <b>text</b></object> and <noscript>no script</noscript></body></html>",
            ["alt text and no script"]
        ),
        ("just text", ["just text"]),
        ("<p></p>", []),
        ("", []),
    ]

    static let posts: [(html: String, text: String)] = [
        (
            "<p>Hello <code>x &lt; y</code></p>\n\n<pre><code>a\n b\n</code></pre>\n<ul>\n<li>q</li>\n</ul>\n",
            "Hello x < y\na\n b\n\n\nq\n\n"
        ),
        ("  lead <p>x", "lead x"),
        ("plain &amp; text", "plain & text"),
        ("<!-- c --><p>a<!-- d -->b</p><script>var x;</script><style>y</style>", "ab"),
        ("a\r\nb<br>c", "a\nbc"),
        ("", ""),
        ("<title>T</title><p>x", "Tx"),
        ("&nbsp;<p>x", "\u{A0}x"),
        ("<p>1 < 2 &amp;amp; 3</p>", "1 < 2 &amp; 3"),
        (
            "<blockquote>\n<p>q</p>\n</blockquote>\n\n<p>a <a href=\"u\">link</a>, <img src=x alt=y>.</p>\n",
            "\nq\n\na link, .\n"
        ),
        ("<ruby>漢<rp>(</rp><rt>kan</rt></ruby>", "漢"),
    ]

    @Test("paragraphs are those of jusText, those that it takes for boilerplate too", arguments: HTMLStepTests.pages)
    func pageParagraphs(html: String, paragraphs: [String]) throws {
        let step = try StepRegistry.make("html_content_extraction_modifier", parameters: [:])
        var page = Page(text: html)
        let verdict = try step.apply(to: &page)
        if paragraphs.isEmpty {
            #expect(verdict == .drop(DropReason("html_content_extraction_modifier")))
        } else {
            #expect(verdict == .keep)
            #expect(page.text == paragraphs.joined(separator: "\n\n"))
        }
    }

    @Test("posts keep their text as Beautiful Soup has it", arguments: HTMLStepTests.posts)
    func postText(html: String, text: String) throws {
        let step = try StepRegistry.make("stackexchange_html_extraction_modifier", parameters: [:])
        var page = Page(fields: [
            "question": ["text": .string(html)],
            "answers": [["text": "<p>x</p>", "score": 3], ["text": .string(html)]],
        ])
        #expect(try step.apply(to: &page) == .keep)
        #expect(page.fields["question"]?["text"]?.stringValue == text)
        #expect(page.fields["answers"] == [["text": "x", "score": 3], ["text": .string(text)]])
    }
}

import Glibc
import HTML
import MainText
import Testing

/// Pages that are made to be slow: sixteen times the page may take sixteen times the work, not 256 times.
@Suite("Growth of work with hostile pages", .serialized) struct HostileGrowthTests {
    /// A page of some length, out of a piece that is repeated between a start and an end.
    struct Shape: Sendable, CustomTestStringConvertible {
        var name: String
        var start = ""
        /// `#` is the number of the repetition.
        var piece: String
        var end = ""

        var testDescription: String { name }

        func page(_ size: Int) -> [UInt8] {
            var page = Array(start.utf8)
            page.reserveCapacity(size + start.utf8.count + end.utf8.count)
            let parts = piece.split(separator: "#", omittingEmptySubsequences: false).map { Array($0.utf8) }
            var number = 0
            while page.count < size + start.utf8.count {
                page += parts[0]
                for part in parts.dropFirst() {
                    page += String(number, radix: 36).utf8
                    page += part
                }
                number += 1
            }
            return page + Array(end.utf8)
        }
    }

    static let shapes = [
        Shape(name: "nothing but <", piece: "<"),
        Shape(name: "NUL", piece: "\0"),
        Shape(name: "NUL in names", piece: "<a\0b c\0d=\0>"),
        Shape(name: "&", piece: "&"),
        Shape(name: "lone surrogates", piece: "&#xD800;&#xDFFF;&#55296"),
        Shape(name: "references without an end", piece: "&notit&#x110000&ampx"),
        Shape(name: "a long number", start: "&#", piece: "9", end: ";"),
        Shape(name: "a long reference", start: "&", piece: "a"),
        Shape(name: "references in a value", start: "<p title='", piece: "&lt;&#1;", end: "'>"),
        Shape(name: "a value without an end", start: "<p title='", piece: "x>"),
        Shape(name: "values without an end", piece: "<p title='"),
        Shape(name: "a tag without an end", piece: "<p "),
        Shape(name: "attributes", start: "<p", piece: " a#", end: ">x"),
        Shape(name: "one attribute again", start: "<p", piece: " class=article", end: ">x"),
        Shape(name: "attributes of html", piece: "<html a#=1>"),
        Shape(name: "attributes of body", piece: "<body a#=1 b#>"),
        Shape(name: "a long class", start: "<div class='", piece: "article body ", end: "'>x"),
        Shape(name: "a long style", start: "<div style='", piece: "display: block;", end: "'>x"),
        Shape(name: "a long name", start: "<", piece: "ab", end: ">x"),
        Shape(name: "names", piece: "<x#>"),
        Shape(name: "end tags of other names", start: "<p>", piece: "</x#>"),
        Shape(name: "comments", piece: "<!---->"),
        Shape(name: "a comment of dashes", start: "<!--", piece: "--!-"),
        Shape(name: "comments without an end", piece: "<!--x--"),
        Shape(name: "declarations", piece: "<!DOCTYPE html PUBLIC 'a'><![CDATA[<?"),
        Shape(name: "scripts without an end", piece: "<script>"),
        Shape(name: "scripts that escape", piece: "<script><!--<script></script>"),
        Shape(name: "almost the end of a script", start: "<script>", piece: "</scrip"),
        Shape(name: "almost the end of a title", start: "<title>", piece: "</titl>&"),
        Shape(name: "titles", piece: "<title>a#</title>"),
        Shape(name: "data for machines", piece: "<script type=application/ld+json>{\"@type\":\"Article</script>"),
        Shape(
            name: "one long datum", start: "<script type=application/ld+json>", piece: "\"@type\":\"", end: "</script>x"
        ),
        Shape(name: "div", piece: "<div>"), Shape(name: "div with text", piece: "<div>a#"),
        Shape(name: "div with classes", piece: "<div class='article-body comment'>a b#. "),
        Shape(name: "p", piece: "<p>a#"), Shape(name: "br", piece: "a<br>"), Shape(name: "lists", piece: "<ul><li>a#"),
        Shape(name: "items", start: "<ol>", piece: "<li>a"), Shape(name: "tables", piece: "<table><tr><td>"),
        Shape(name: "one huge table", start: "<table>", piece: "<tr><td>a#<td><td>b"),
        Shape(name: "text that tables put before them", start: "<table>", piece: "a<b>b"),
        Shape(name: "tables that put tags before them", piece: "<table><tr><a>x<div>"),
        Shape(name: "formatting", piece: "<b>"), Shape(name: "formatting with text", piece: "<b>x<i id=a#>"),
        Shape(
            name: "formatting to be reopened", start: String(repeating: "<font a=1><b><i>", count: 200), piece: "<p>x"),
        Shape(name: "formatting to be reopened, all different", piece: "<p><font a=#><b id=#>x"),
        Shape(name: "formatting that is closed crosswise", piece: "<b><p><i></b>x</p>"),
        Shape(name: "formatting closed above blocks", piece: "<a><div><div><div></a>x"),
        Shape(name: "end tags of formatting", start: String(repeating: "<div>", count: 3000), piece: "</b></i></a>"),
        Shape(
            name: "end tags without a start", start: String(repeating: "<div><b>", count: 3000),
            piece: "</p></h1></li></form>"),
        Shape(name: "links", piece: "<a href=x>y"), Shape(name: "nobr", piece: "<nobr>x"),
        Shape(name: "buttons and forms", piece: "<form><button><p>x"),
        Shape(name: "templates", piece: "<template>x"), Shape(name: "template tables", piece: "<template><tr><td>"),
        Shape(name: "select", piece: "<select><option>x<optgroup>"), Shape(name: "frames", piece: "<frameset><frame>"),
        Shape(name: "svg", piece: "<svg><g>x"), Shape(name: "svg and html", piece: "<svg><foreignObject><p>x"),
        Shape(name: "math", piece: "<math><mi><b>x"), Shape(name: "headings", piece: "<h1>a#"),
        Shape(name: "pre", piece: "<pre>  x\n\n"), Shape(name: "white space", piece: "   \n\t&nbsp;"),
        Shape(name: "no space", piece: "x"), Shape(name: "Han", piece: "日本語、。"),
        Shape(name: "bad UTF-8", piece: "\u{E9}<p>"),
        Shape(name: "charsets", piece: "<meta charset=x#>"), Shape(name: "plaintext", piece: "<plaintext>a</p>"),
        Shape(name: "ruby", piece: "<ruby>x<rt>y<rtc>"), Shape(name: "body again", piece: "</body></html>x"),
        Shape(name: "titles' words", start: "<title>a b c d e f g h i j</title>", piece: "<p>a b c d e f g h i j"),
    ]

    /// Work counted as the thread's own processor time, the less of two runs: other load does not enter it.
    private static func work(_ body: () throws -> Void) rethrows -> Double {
        func clock() -> Double {
            var time = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
            return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
        }
        var least = Double.infinity
        for _ in 0..<2 {
            let start = clock()
            try body()
            least = min(least, clock() - start)
        }
        return least
    }

    @Test("sixteen times the page is not 256 times the work", arguments: shapes)
    func growth(_ shape: Shape) throws {
        let growth = 16
        let small = shape.page(1 << 16)
        let large = shape.page(growth << 16)
        for mode in [MainTextExtractor.Mode.fast, .plain] {
            let extractor = MainTextExtractor(mode: mode)
            let few = try Self.work { for _ in 0..<2 { _ = try extractor.extract(html: small) } } / 2
            let many = try Self.work { _ = try extractor.extract(html: large) }
            // Caches that overflow and memory that is new are allowed for.
            #expect(many < 5 * Double(growth) * few, "\(mode): \(many / few) times the work")
        }
    }

    /// Names of eight bytes whose product with the hash's multiplier has the same bits 32 … 47: the last two bytes only
    /// reach the bits above.
    @Test("names that were made to collide cost no more than others")
    func collisions() throws {
        let letters = Array("abcdefghijklmnopqrstuvwxyz0123456789".utf8)
        func pages(_ wanted: (UInt64) -> Bool) -> [UInt8] {
            var page: [UInt8] = []
            var random = HostilePageTests.Random(state: 11)
            var prefixes = 0
            while prefixes < 24 {
                var key: UInt64 = 0
                for place in 0..<6 { key |= UInt64(letters[random.next(below: 36)]) << UInt64(8 * place) }
                guard wanted(((key ^ 8) &* 0x9E37_79B9_7F4A_7C15) >> 32 & 0xFFFF) else { continue }
                prefixes += 1
                let prefix = (0..<6).map { UInt8(truncatingIfNeeded: key >> UInt64(8 * $0)) }
                for first in letters {
                    for second in letters { page += [0x3C] + prefix + [first, second, 0x3E] }
                }
            }
            return page
        }
        let (hostile, usual) = (pages { $0 == 7 }, pages { _ in true })
        let bad = try Self.work { _ = try Document(parsing: hostile) }
        let good = try Self.work { _ = try Document(parsing: usual) }
        #expect(bad < 4 * good, "\(bad / good) times the work")
        print("growth: names that collide take \(bad / good) times the work of others")
    }

    @Test("the tree is neither larger nor deeper than allowed", arguments: shapes)
    func size(_ shape: Shape) throws {
        let page = shape.page(1 << 19)
        let document = try Document(parsing: page)
        #expect(document.nodeCount <= page.count + 1000)
        var (depth, deepest) = (0, 0)
        var next: Node? = document.root
        while var node = next {
            deepest = max(deepest, depth)
            next = document.firstChild(of: node)
            if next != nil { depth += 1 }
            while next == nil {
                next = document.nextSibling(of: node)
                if next != nil { break }
                guard let parent = document.parent(of: node) else { break }
                node = parent
                depth -= 1
            }
        }
        // Elements may be moved into copies of formatting elements, of which as many again are minded.
        #expect(deepest <= 2 * ParsingOptions().maximumDepth + 16)
    }
}

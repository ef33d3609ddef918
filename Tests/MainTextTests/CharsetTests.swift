import Files
import Foundation
import JSON
import MainText
import Testing

@Suite("Charset") struct CharsetTests {
    @Test("every page is read in its encoding", .enabled(if: Shared.hasPages, Shared.noPages))
    func pages() throws {
        var wrong: [String] = []
        for page in SharedPage.all {
            let found = DecodedPage(try page.html()).encoding.rawValue
            // ASCII is named UTF-8, which it is; GBK is decoded as GB18030, which the manifest names.
            let expected = ["ascii": "utf-8", "gb18030": "gbk"][page.encoding] ?? page.encoding
            if found != expected, found != page.encoding {
                wrong.append("\(page.id): \(found), not \(page.encoding)")
            }
        }
        print("charset: \(SharedPage.all.count - wrong.count) of \(SharedPage.all.count) pages right")
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    @Test(
        "declarations are found as html5lib's tests say",
        .enabled(if: Shared.hasEncodingTests, "../shared/data/html5lib is absent (set APUS_SHARED)"),
        arguments: ["tests1", "tests2", "test-yahoo-jp"])
    func declarations(_ file: String) throws {
        let bytes = try FileReader.bytes(of: "\(Shared.data)/html5lib/encoding/\(file).dat")
        var right = 0
        var wrong: [String] = []
        for part in Self.split(bytes, by: Array("#data\n".utf8)) where !part.isEmpty {
            let halves = Self.split(part, by: Array("#encoding\n".utf8))
            try #require(halves.count == 2)
            let expected = try #require(TextEncoding(label: halves[1].prefix { $0 != 10 }))
            let found = TextEncoding.declared(in: halves[0]) ?? .windows1252
            if found == expected {
                right += 1
            } else {
                wrong.append("\(String(decoding: halves[0], as: UTF8.self).prefix(300)): \(found), not \(expected)")
            }
        }
        print("charset: html5lib \(file): \(right) of \(right + wrong.count)")
        #expect(wrong.isEmpty, "\(wrong.joined(separator: "\n"))")
    }

    private static func split(_ bytes: some Collection<UInt8>, by mark: [UInt8]) -> [[UInt8]] {
        var parts: [[UInt8]] = [[]]
        let bytes = Array(bytes)
        var at = 0
        while at < bytes.count {
            if bytes[at...].starts(with: mark), at == 0 || bytes[at - 1] == 10 {
                parts.append([])
                at += mark.count
            } else {
                parts[parts.count - 1].append(bytes[at])
                at += 1
            }
        }
        return parts
    }

    /// Texts that Python has put into an encoding: `codec`, `declared`, the bytes in base 64, and the text again.
    struct Encoded: Sendable {
        var codec: String
        var language: String
        var bytes: [UInt8]
        var text: String
    }

    private static let script = #"""
        import base64, collections, json, sys
        uses = {
            "cp1252": "de fr es pt it nl sv da nb fi is", "cp1251": "ru uk be bg mk", "cp1250": "pl cs sk hu sl hr",
            "cp1253": "el", "cp1254": "tr", "cp1255": "he", "cp1256": "ar fa", "cp1257": "lt lv et", "cp874": "th",
            "koi8_r": "ru", "iso8859_2": "pl cs sk hu sl", "iso8859_5": "ru bg", "iso8859_7": "el", "cp866": "ru",
            "shift_jis": "ja", "cp932": "ja", "euc_jp": "ja", "iso2022_jp": "ja", "euc_kr": "ko", "cp949": "ko", "gbk": "zh",
            "gb18030": "zh", "big5": "zh-TW", "utf_16_le": "de ru ja", "utf_16_be": "de el zh"}
        texts = collections.defaultdict(list)
        for name in ("sentences", "docs", "tldr", "udhr"):
            for line in open(f"{sys.argv[1]}/langid/{name}.jsonl", encoding="utf-8"):
                record = json.loads(line)
                texts[record["lang"]].append(record["text"])
        for codec, languages in uses.items():
            for language in languages.split():
                made, batch = 0, ""
                for text in texts[language]:
                    batch += "<p>" + text + "</p>\n"
                    if len(batch) < 500:
                        continue
                    page = "<html><head><title>x</title></head><body>" + batch + "</body></html>"
                    batch = ""
                    page = page.encode(codec, "ignore")
                    print(json.dumps({"codec": codec, "language": language,
                        "bytes": base64.b64encode(page).decode(), "text": page.decode(codec)}))
                    made += 1
                    if made == 20:
                        break
        """#

    private static let encoded: [Encoded] = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", script, Shared.data]
        let pipe = Pipe()
        process.standardOutput = pipe
        guard (try? process.run()) != nil else { return [] }
        let output = [UInt8](pipe.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        return output.split(separator: 10).compactMap { line in
            guard let value = try? JSONValue(parsing: Array(line)), let codec = value["codec"]?.stringValue,
                let language = value["language"]?.stringValue, let text = value["text"]?.stringValue,
                let data = Data(base64Encoded: value["bytes"]?.stringValue ?? "")
            else { return nil }
            return Encoded(codec: codec, language: language, bytes: [UInt8](data), text: text)
        }
    }()

    /// Python takes the Japanese signs of JIS where the web takes those of Windows.
    private static func folded(_ text: String) -> String {
        let pairs: [Unicode.Scalar: Unicode.Scalar] = [
            "\u{301C}": "\u{FF5E}", "\u{2212}": "\u{FF0D}", "\u{2016}": "\u{2225}", "\u{2014}": "\u{2015}",
        ]
        return String(String.UnicodeScalarView(text.unicodeScalars.map { pairs[$0] ?? $0 }))
    }

    @Test(
        "texts of Python's codecs are decoded without a declaration",
        .enabled(if: Shared.hasTexts, "../shared/data/langid is absent (set APUS_SHARED)"))
    func undeclared() throws {
        let texts = Self.encoded
        try #require(texts.count > 500, "python3 did not encode the texts")
        var counts: [String: (right: Int, all: Int)] = [:]
        var misses: [String: Int] = [:]
        var right = 0
        for text in texts {
            let page = DecodedPage(text.bytes)
            let isRight = Self.folded(page.text) == Self.folded(text.text)
            counts[text.codec, default: (0, 0)].all += 1
            if isRight {
                counts[text.codec, default: (0, 0)].right += 1
                right += 1
            } else {
                misses["\(text.codec) \(text.language) as \(page.encoding.rawValue)", default: 0] += 1
            }
        }
        for (codec, count) in counts.sorted(by: { $0.key < $1.key }) {
            print("charset: undeclared \(codec): \(count.right) of \(count.all)")
        }
        for (miss, count) in misses.sorted(by: { $0.key < $1.key }) { print("charset: missed \(miss): \(count)") }
        print("charset: undeclared, all: \(right) of \(texts.count)")
        #expect(Double(right) >= 0.97 * Double(texts.count))
        for (codec, count) in counts { #expect(Double(count.right) >= 0.85 * Double(count.all), "\(codec)") }
    }

    @Test(
        "texts of Python's codecs are decoded with a declaration",
        .enabled(if: Shared.hasTexts, "../shared/data/langid is absent (set APUS_SHARED)"))
    func declared() throws {
        let labels = [
            "cp1252": "latin1", "cp1251": "cp1251", "cp1250": "windows-1250", "cp1253": "x-cp1253", "cp1254": "latin5",
            "cp1255": "windows-1255", "cp1256": "cp1256", "cp1257": "windows-1257", "cp874": "tis-620",
            "koi8_r": "koi8",
            "iso8859_2": "l2", "iso8859_5": "cyrillic", "iso8859_7": "greek", "cp866": "866", "shift_jis": "sjis",
            "cp932": "ms_kanji", "euc_jp": "x-euc-jp", "iso2022_jp": "csiso2022jp", "euc_kr": "korean",
            "cp949": "ks_c_5601-1987", "gbk": "gb2312", "gb18030": "gb18030", "big5": "big5-hkscs",
        ]
        var wrong: [String: Int] = [:]
        var all = 0
        for text in Self.encoded {
            guard let label = labels[text.codec] else { continue }
            all += 1
            let page = DecodedPage(text.bytes, contentType: "text/html; charset=\"\(label)\"")
            if Self.folded(page.text) != Self.folded(text.text) {
                wrong["\(text.codec) \(text.language) as \(page.encoding.rawValue)", default: 0] += 1
            }
        }
        print("charset: declared: \(all - wrong.values.reduce(0, +)) of \(all); \(wrong)")
        #expect(wrong.isEmpty)
    }

    @Test("what is ill-formed becomes U+FFFD, as Swift's own decoder has it")
    func repair() {
        var state: UInt64 = 7
        for _ in 0..<3000 {
            var bytes: [UInt8] = []
            for _ in 0..<12 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let all: [UInt8] = [
                    65, 0x80, 0xBF, 0xC1, 0xC2, 0xE0, 0xA0, 0xED, 0xEF, 0xF0, 0x90, 0xF4, 0x8F, 0xF5, 0xFF, 10,
                ]
                bytes.append(all[Int(state >> 59) & 15])
            }
            // The mark says it is UTF-8, whatever follows.
            #expect(DecodedPage([0xEF, 0xBB, 0xBF] + bytes).text == String(decoding: bytes, as: UTF8.self))
        }
    }

    @Test(
        "a declaration that is wrong is overruled by the bytes",
        arguments: [
            ("Größe über alles, schön", "iso-8859-1", TextEncoding.utf8),
            ("Größe über alles, schön", "windows-1251", .utf8),
            ("plain", "shift_jis", .utf8),
        ])
    func overruled(_ text: String, _ label: String, _ encoding: TextEncoding) {
        let page = DecodedPage(Array("<p>\(text)".utf8), contentType: "text/html;charset=\(label)")
        #expect(page.encoding == encoding)
        #expect(page.text == "<p>\(text)")
    }

    @Test("cut and stray bytes do not change UTF-8 into something else")
    func damaged() {
        let text = String(repeating: "Żółw i jaźń. ", count: 20)
        let cut = Array(text.utf8) + [0xC5]
        #expect(DecodedPage(cut).encoding == .utf8)
        #expect(DecodedPage(cut).text == text + "\u{FFFD}")
    }
}

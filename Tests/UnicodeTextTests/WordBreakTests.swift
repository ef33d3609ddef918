import Foundation
import Testing
import UnicodeText

@Suite("Word breaks of UAX 29") struct WordBreakTests {
    static let file = "/usr/share/unicode/auxiliary/WordBreakTest.txt"

    @Test(
        "every line of Unicode's own test breaks where it says",
        .enabled(if: FileManager.default.fileExists(atPath: file), "the Debian package unicode-data is absent"))
    func conformance() throws {
        var (passed, total) = (0, 0)
        for line in try String(contentsOfFile: Self.file, encoding: .utf8).split(separator: "\n") {
            let rule = line.prefix { $0 != "#" }.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard !rule.isEmpty else { continue }
            var bytes: [UInt8] = []
            var expected: [Int] = []
            for item in rule {
                switch item {
                case "÷": expected.append(bytes.count)
                case "×": break
                default: bytes.appendScalar(try #require(UInt32(item, radix: 16)))
                }
            }
            var found = [0]
            while let last = found.last, last < bytes.count {
                found.append(WordBreaker.standard.end(bytes.span, from: last, to: bytes.count))
            }
            total += 1
            if found == expected { passed += 1 } else { print("  \(line): found \(found), expected \(expected)") }
        }
        print("word break test: \(passed)/\(total)")
        #expect(total > 1000)
        #expect(passed == total)
    }
}

import ArgumentParser
import Compression
import Files
import Foundation
import JSON
import LanguageIdentification
import MainText

/// `apus extract`: the text of web pages.
struct ExtractCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "extract",
        abstract: "Takes the main text out of HTML pages.",
        discussion: """
            Finds each page's charset, parses it as browsers do, and prints what a reader came for: no menus, no footers, \
            no advertisements. Packed files (.gz, .zst) are read as they are. Where a file cannot be read, the others are \
            still done, and the exit status is 1.

            EXAMPLE: apus extract page.html other.html.gz --mode precise --json
            """)

    @Argument(help: "HTML files; - is standard input.", completion: .file(extensions: ["html", "htm", "gz"]))
    var files: [String]
    @Option(help: "fast: main text quickly; precise: main text carefully; plain: all that is visible.")
    var mode = MainTextExtractor.Mode.fast
    @Option(help: "The HTTP Content-Type of the pages, for its charset.") var contentType: String?
    @Flag(help: "One JSON object a page: {\"file\", \"title\", \"charset\", \"language\", \"text\"}.") var json = false

    func run() throws {
        let extractor = MainTextExtractor(mode: mode)
        let identifier = json ? try LanguageIdentifier() : nil
        var hasFailed = false
        var isFirst = true
        for file in files {
            do {
                let packed = try FileReader.bytes(of: file)
                let html = try Decompressor.bytes(of: packed, limit: extractor.pageLimit, name: file)
                let page = try extractor.extract(html: html, contentType: contentType)
                if let identifier {
                    let object: JSONValue = [
                        "file": .string(file), "title": .string(page.title), "charset": .string(page.charset),
                        "language": .string(identifier.identify(page.text).code), "text": .string(page.text),
                    ]
                    print(object.text())
                } else {
                    // Pages of several files are apart by a form feed, as pages of paper are.
                    if !isFirst { print("\u{0C}") }
                    print(page.text)
                }
                isFirst = false
            } catch {
                hasFailed = true
                let message = error is MainTextError ? "\(file): \(error)" : "\(error)"
                FileHandle.standardError.write(Data("extract: \(message)\n".utf8))
            }
        }
        if hasFailed { throw ExitCode.failure }
    }
}

extension MainTextExtractor.Mode: ExpressibleByArgument {}

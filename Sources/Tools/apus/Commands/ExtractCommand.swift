import ArgumentParser
import Compression
import Curation
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
            Finds each page's charset, parses it as browsers do, and gives what a reader came for: no menus, no footers, no \
            advertisements. Packed files (.gz, .zst, .lz4) are read as they are. Of folders, all .html, .htm and .xhtml \
            files are read, packed or not.

            Texts go to standard output, those of several pages with a form feed between; with --out, each goes to a file \
            of its own. What cannot be read is named on standard error, the others are still done, and the exit status is 1.

            EXAMPLES:
              apus extract page.html other.html.gz --mode precise
              curl -s https://www.swift.org | apus extract - --json
              apus extract site/ --out texts/

            For pools of many pages: apus curate.
            """)

    @Argument(
        help: "HTML files, or folders of them; - is standard input.",
        completion: .file(extensions: ["html", "htm", "gz"]))
    var paths: [String]
    @Option(help: "fast: main text quickly; precise: main text carefully; plain: all that is visible.")
    var mode = MainTextExtractor.Mode.fast
    @Option(help: "The HTTP Content-Type of the pages, for its charset: 'text/html; charset=iso-8859-1'.")
    var contentType: String?
    @Option(help: "A folder that gets PAGE.txt (or .json) for each page, below folders as the pages are.") var out:
        String?
    @Flag(help: "One JSON object a page: {\"file\", \"title\", \"charset\", \"language\", \"text\"}.") var json = false

    func run() throws {
        let extraction = Extraction(
            extractor: MainTextExtractor(mode: mode), contentType: contentType,
            identifier: json ? try LanguageIdentifier() : nil)
        if let out { try Folder.create(out) }
        var output = Output(folder: out, isJSON: json)
        var hasFailed = false
        func fail(_ message: String) {
            hasFailed = true
            FileHandle.standardError.write(Data("extract: \(message)\n".utf8))
        }
        for path in paths {
            for page in pages(of: path, onFailure: fail) {
                do {
                    try output.write(try extraction.text(of: page.path), of: page)
                } catch Output.Failure.standardOutput(let error) {
                    throw error
                } catch {
                    fail("\(error)")
                }
            }
        }
        if hasFailed { throw ExitCode.failure }
    }

    /// A page, and where its text goes below the output's folder.
    fileprivate struct Page {
        var path: String
        var target: String
    }

    private func pages(of path: String, onFailure fail: (String) -> Void) -> [Page] {
        guard path != "-", Folder.exists(path) else {
            return [Page(path: path, target: path == "-" ? "standard-input" : Paths.split(path).name)]
        }
        do {
            let tree = try FileTree(path) { PageFile.isPage($0, packedAs: Self.packings) }
            for skipped in tree.skipped where skipped.reason != .linkedTwice {
                fail("\(skipped.path): \(skipped.reason.rawValue). Check its permissions (ls -l), or leave it out.")
            }
            if tree.files.isEmpty { fail("\(path): has no .html, .htm or .xhtml files. Name its pages one by one.") }
            return tree.files.map { Page(path: Paths.join(path, $0.relativePath), target: $0.relativePath) }
        } catch {
            fail("\(error)")
            return []
        }
    }

    fileprivate static let packings = [".gz", ".zst", ".lz4"]
}

/// What is done to one file.
private struct Extraction {
    var extractor: MainTextExtractor
    var contentType: String?
    /// Where JSON is wanted.
    var identifier: LanguageIdentifier?

    struct Failure: Error, CustomStringConvertible {
        var file: String
        var error: MainTextError

        var description: String { "\(file): \(error)" }
    }

    /// The text of a file, or its JSON object.
    func text(of file: String) throws -> String {
        let packed = try FileReader.bytes(of: file)
        let html = try Decompressor.bytes(of: packed, limit: extractor.pageLimit, name: file)
        let page: ExtractedPage
        do throws(MainTextError) {
            try MainTextExtractor.checkIsText(html, contentType: contentType)
            page = try extractor.extract(html: html, contentType: contentType)
        } catch {
            throw Failure(file: file, error: error)
        }
        guard let identifier else { return page.text }
        let object: JSONValue = [
            "file": .string(file), "title": .string(page.title), "charset": .string(page.charset),
            "language": .string(identifier.identify(page.text).code), "text": .string(page.text),
        ]
        return object.text()
    }
}

/// Where texts go: to standard output, or each to a file.
private struct Output {
    var folder: String?
    var isJSON: Bool
    private var isFirst = true
    /// The page that a file was written for.
    private var written: [String: String] = [:]

    enum Failure: Error, CustomStringConvertible {
        case standardOutput(FileError)
        case sameTarget(page: String, other: String, target: String)

        var description: String {
            switch self {
            case .standardOutput(let error): "\(error)"
            case .sameTarget(let page, let other, let target):
                "\(page): its text would overwrite that of \(other) in \(target). Extract it with another --out."
            }
        }
    }

    init(folder: String?, isJSON: Bool) { (self.folder, self.isJSON) = (folder, isJSON) }

    mutating func write(_ text: String, of page: ExtractCommand.Page) throws {
        guard let folder else {
            // Pages of several files are apart by a form feed, as pages of paper are.
            var bytes = Array((isFirst || isJSON ? "" : "\u{0C}\n").utf8) + text.utf8 + [0x0A]
            isFirst = false
            do throws(FileError) { try StandardLines.write(&bytes) } catch { throw Failure.standardOutput(error) }
            return
        }
        let target = Paths.join(
            folder, PageFile.unpacked(page.target, ExtractCommand.packings) + (isJSON ? ".json" : ".txt"))
        if let other = written.updateValue(page.path, forKey: target) {
            written[target] = other
            throw Failure.sameTarget(page: page.path, other: other, target: target)
        }
        try Folder.create(Paths.split(target).folder)
        let file = try AtomicFile(target)
        try file.write(text + "\n")
        // Not waiting for the disk: texts can be made again.
        try file.commit(durably: false)
    }
}

extension MainTextExtractor.Mode: ExpressibleByArgument {}

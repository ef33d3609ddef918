import Files
import Foundation
import HTML
import Testing

/// One test of a `.dat` file.
struct TreeTest {
    var file: String
    var line: Int
    var data: [UInt8] = []
    var context: String?
    var scripting: [Bool] = [false, true]
    var expected: [UInt8] = []

    static func read(_ path: String) throws -> [TreeTest] {
        var tests: [TreeTest] = []
        var section = ""
        let lines = try FileReader.bytes(of: path).split(separator: 0x0A, omittingEmptySubsequences: false)
        for (number, line) in lines.enumerated() {
            let text = String(decoding: line, as: UTF8.self)
            let startsTest = text == "#data" && (section == "" || section == "#document" || section == "#errors")
            if startsTest || (text.hasPrefix("#") && section != "#document" && sections.contains(text)) {
                if startsTest { tests.append(TreeTest(file: path, line: number + 1)) }
                section = text
                if text == "#script-on" { tests[tests.count - 1].scripting = [true] }
                if text == "#script-off" { tests[tests.count - 1].scripting = [false] }
                continue
            }
            guard !tests.isEmpty else { continue }
            switch section {
            case "#data": tests[tests.count - 1].data += line + [0x0A]
            case "#document-fragment": tests[tests.count - 1].context = text
            case "#document": tests[tests.count - 1].expected += line + [0x0A]
            default: break
            }
        }
        for index in tests.indices {
            if tests[index].data.last == 0x0A { tests[index].data.removeLast() }
            while tests[index].expected.last == 0x0A { tests[index].expected.removeLast() }
        }
        return tests
    }

    private static let sections: Set<String> = [
        "#errors", "#new-errors", "#document-fragment", "#script-on", "#script-off", "#document",
    ]

    func parsed(scripting: Bool) throws -> Document {
        let options = ParsingOptions(scripting: scripting)
        guard let context else { return try Document(parsing: data, options: options) }
        let parts = context.split(separator: " ").map(String.init)
        let namespace: Namespace = parts.count == 1 ? .html : parts[0] == "svg" ? .svg : .mathML
        let name = try #require(ElementName(parts[parts.count - 1]))
        return try Document(
            parsingFragment: data, context: FragmentContext(name, namespace: namespace), options: options)
    }
}

/// Writes a tree as the tests have it.
enum TreeDump {
    static func dump(_ document: Document, isFragment: Bool) throws -> [UInt8] {
        var lines: [[UInt8]] = []
        let top = isFragment ? try #require(document.documentElement) : document.root
        var pending = document.children(of: top).map { ($0, 0) }.reversed() as [(Node, Int)]
        while let (node, depth) = pending.popLast() {
            let indent = "| " + String(repeating: "  ", count: depth)
            switch document.kind(of: node) {
            case .document: break
            case .doctype:
                let parts = try #require(document.doctype(node))
                var text = "<!DOCTYPE \(parts.name)"
                if !(parts.publicIdentifier ?? "").isEmpty || !(parts.systemIdentifier ?? "").isEmpty {
                    text += " \"\(parts.publicIdentifier ?? "")\" \"\(parts.systemIdentifier ?? "")\""
                }
                lines.append(Array((indent + text + ">").utf8))
            case .text:
                lines.append(document.withText(of: node) { Array((indent + "\"").utf8) + $0 + [0x22] })
            case .comment:
                lines.append(document.withText(of: node) { Array((indent + "<!-- ").utf8) + $0 + Array(" -->".utf8) })
            case .templateContent: lines.append(Array((indent + "content").utf8))
            case .element:
                let prefix = ["", "svg ", "math "][Int(document.namespace(of: node).rawValue)]
                lines.append(Array("\(indent)<\(prefix)\(document.spelling(of: document.name(of: node)))>".utf8))
                let attributes = document.attributes(of: node).map { attribute -> (String, [UInt8]) in
                    var name = document.spelling(of: attribute.name)
                    if attribute.namespace != .none {
                        let local = name.split(separator: ":").last.map(String.init) ?? name
                        name = "\(attribute.namespace) \(local)"
                    }
                    return (name, document.withBytes { Array($0[attribute.valueRange]) })
                }
                for (name, value) in attributes.sorted(by: { Array($0.0.utf16).lexicographicallyPrecedes($1.0.utf16) })
                {
                    lines.append(Array("\(indent)  \(name)=\"".utf8) + value + [0x22])
                }
            }
            for child in document.children(of: node).reversed() { pending.append((child, depth + 1)) }
        }
        return Array(lines.joined(separator: [0x0A]))
    }
}

@Suite("Tree construction", .enabled(if: SharedHTML.isThere, SharedHTML.absent)) struct TreeTests {
    /// Tests whose trees are what running their scripts makes of them (`document.write`, changed attributes). A parser
    /// that runs no scripts can't pass them.
    private static let needsScripts: Set<String> = [
        "scripted/adoption01.dat:1", "scripted/ark.dat:1", "scripted/webkit01.dat:1", "scripted/webkit01.dat:14",
    ]

    @Test("every tree of html5lib's suite comes out as expected, scripting on and off")
    func conformance() throws {
        var (run, passed) = (0, 0)
        for file in try SharedHTML.files("tree-construction", ".dat")
            + SharedHTML.files("tree-construction/scripted", ".dat")
        {
            for test in try TreeTest.read(file) {
                let place = file.split(separator: "/").suffix(2).joined(separator: "/") + ":\(test.line)"
                if Self.needsScripts.contains(place) { continue }
                for scripting in test.scripting {
                    run += 1
                    let tree = try TreeDump.dump(test.parsed(scripting: scripting), isFragment: test.context != nil)
                    if tree == test.expected {
                        passed += 1
                    } else {
                        print(
                            """
                            FAIL \(place) scripting \(scripting) \(test.context ?? "")
                            \(String(decoding: test.data, as: UTF8.self))
                            --- expected
                            \(String(decoding: test.expected, as: UTF8.self))
                            --- got
                            \(String(decoding: tree, as: UTF8.self))
                            """)
                    }
                }
            }
        }
        print("html5lib tree construction: \(passed) of \(run), and 4 left out that need scripts run")
        #expect(run == 3457)
        #expect(passed == run)
    }
}

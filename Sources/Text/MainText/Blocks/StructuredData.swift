import Glibc
import HTML

/// What a page says that it is about, in its metadata.
struct PageSubjects: OptionSet, Sendable {
    let rawValue: UInt8
    static let article = PageSubjects(rawValue: 1)
    static let product = PageSubjects(rawValue: 2)
    static let forum = PageSubjects(rawValue: 4)
    static let listing = PageSubjects(rawValue: 8)
}

/// Reads the kinds of things that JSON-LD and Open Graph name; no more of either.
enum StructuredData {
    private static let types: [(name: StaticString, subject: PageSubjects)] = [
        ("article", .article), ("newsarticle", .article), ("blogposting", .article), ("reportagenewsarticle", .article),
        ("techarticle", .article), ("product", .product), ("productgroup", .product), ("qapage", .forum),
        ("discussionforumposting", .forum), ("question", .forum), ("itemlist", .listing), ("collectionpage", .listing),
        ("searchresultspage", .listing), ("offercatalog", .listing),
    ]

    /// Complexity: O(length of the script).
    static func read(_ node: Node, of document: Document, into subjects: inout PageSubjects) {
        if document.isHTML(.script, node) {
            guard let type = document.attribute(.type, of: node), type.contains("ld+json"),
                let text = document.firstChild(of: node)
            else { return }
            subjects.formUnion(document.withText(of: text) { typesNamed(in: $0) })
        } else if document.isHTML(.meta, node), document.attribute(.property, of: node) == "og:type" {
            document.withAttribute(.content, of: node) { subjects.formUnion(subject($0.span, 0)) }
        }
    }

    /// The subjects that follow the keys `@type`.
    private static func typesNamed(in text: UnsafeBufferPointer<UInt8>) -> PageSubjects {
        guard let base = text.baseAddress else { return [] }
        var result: PageSubjects = []
        var at = 0
        while let found = memchr(base + at, 64, text.count - at) {
            at = UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
            guard EncodingDeclaration.matches(text.span, at, "type\"") else { continue }
            at += 5
            while at < text.count, text[at] == 58 || text[at] == 91 || ASCIIByte.isSpace(text[at]) { at += 1 }
            if at < text.count, text[at] == 34 { result.formUnion(subject(text.span, at + 1)) }
        }
        return result
    }

    private static func subject(_ text: Span<UInt8>, _ at: Int) -> PageSubjects {
        for (name, subject) in types where EncodingDeclaration.matches(text, at, name) {
            let end = at + name.utf8CodeUnitCount
            if end == text.count || !ASCIIByte.isLetter(text[end]) { return subject }
        }
        return []
    }
}

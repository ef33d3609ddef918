/// What the tree construction asks about an element, as bits.
enum Traits {
    static var special: UInt32 { 1 << 0 }
    /// Ends the search for "an element in scope".
    static var scope: UInt32 { 1 << 1 }
    static var listScope: UInt32 { 1 << 2 }
    static var buttonScope: UInt32 { 1 << 3 }
    static var tableScope: UInt32 { 1 << 4 }
    static var impliedEnd: UInt32 { 1 << 5 }
    static var thoroughlyImpliedEnd: UInt32 { 1 << 6 }
    static var heading: UInt32 { 1 << 7 }
    /// `table`, `tbody`, `tfoot`, `thead`, `tr`: text here is moved before the table.
    static var tablePart: UInt32 { 1 << 8 }
    static var tableBody: UInt32 { 1 << 9 }
    static var template: UInt32 { 1 << 10 }
    static var foreign: UInt32 { 1 << 11 }
    static var mathTextPoint: UInt32 { 1 << 12 }
    static var htmlPoint: UInt32 { 1 << 13 }
    static var void: UInt32 { 1 << 14 }
    /// Its text is written as it is when serialised.
    static var rawText: UInt32 { 1 << 15 }

    static func foreignTraits(_ name: ElementName, _ namespace: Namespace) -> UInt32 {
        let boundary = foreign | special | scope | listScope | buttonScope
        switch (namespace, name) {
        case (.mathML, .mi), (.mathML, .mo), (.mathML, .mn), (.mathML, .ms), (.mathML, .mtext):
            return boundary | mathTextPoint
        // An integration point too where its encoding attribute says so.
        case (.mathML, .annotationXml): return boundary
        case (.svg, .foreignObject), (.svg, .desc), (.svg, .title): return boundary | htmlPoint
        default: return foreign
        }
    }

    private static func list(_ names: StaticString) -> [ElementName] {
        names.withUTF8Buffer { String(decoding: $0, as: UTF8.self) }.split(separator: " ").map {
            guard let name = ElementName(String($0)) else {
                preconditionFailure("\($0) is missing in the list of names")
            }
            return name
        }
    }

    /// Traits of HTML's elements by number. Written once; lives as long as the process.
    nonisolated(unsafe) static let html: UnsafePointer<UInt32> = {
        let table = UnsafeMutablePointer<UInt32>.allocate(capacity: ElementName.knownCount + 1)
        table.initialize(repeating: 0, count: ElementName.knownCount + 1)
        func mark(_ bits: UInt32, _ names: StaticString) {
            for name in list(names) { table[Int(name.rawValue)] |= bits }
        }
        mark(
            special,
            """
            address applet area article aside base basefont bgsound blockquote body br button caption center col colgroup \
            dd details dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head \
            header hgroup hr html iframe img input keygen li link listing main marquee menu meta nav noembed noframes \
            noscript object ol p param plaintext pre script search section select source style summary table tbody td \
            template textarea tfoot th thead title tr track ul wbr xmp
            """)
        mark(scope | listScope | buttonScope, "applet caption html table td th marquee object template")
        mark(listScope, "ol ul")
        mark(buttonScope, "button")
        mark(tableScope, "html table template")
        mark(impliedEnd | thoroughlyImpliedEnd, "dd dt li optgroup option p rb rp rt rtc")
        mark(thoroughlyImpliedEnd, "caption colgroup tbody td tfoot th thead tr")
        mark(heading, "h1 h2 h3 h4 h5 h6")
        mark(tablePart, "table tbody tfoot thead tr")
        mark(tableBody, "tbody tfoot thead")
        mark(template, "template")
        mark(
            void,
            """
            area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr
            """)
        mark(rawText, "style script xmp iframe noembed noframes plaintext")
        return UnsafePointer(table)
    }()

    static func of(_ name: UInt32) -> UInt32 { name <= ElementName.knownCount ? html[Int(name)] : 0 }
}

/// What "in body" does with a start tag.
enum BodyStart: UInt8 {
    case other, html, headContent, body, frameset, block, heading, preformatted, form, listItem, definition, plaintext
    case button, anchor, formatting, nobr, object, table, void, input, parameter, rule, image, textarea, xmp, iframe
    case noembed, noscript, select, option, rubyBase, rubyText, math, svg, ignored
}

/// What "in body" does with an end tag.
enum BodyEnd: UInt8 {
    case other, template, body, html, block, form, paragraph, listItem, definition, heading, formatting, object,
        lineBreak
}

enum BodyTables {
    private static func make<Action>(_ actions: [(Action, String)], other: Action) -> UnsafePointer<Action> {
        let table = UnsafeMutablePointer<Action>.allocate(capacity: ElementName.knownCount + 1)
        table.initialize(repeating: other, count: ElementName.knownCount + 1)
        for (action, names) in actions {
            for spelled in names.split(separator: " ") {
                guard let name = ElementName(String(spelled)) else {
                    preconditionFailure("\(spelled) is missing in the list of names")
                }
                table[Int(name.rawValue)] = action
            }
        }
        return UnsafePointer(table)
    }

    /// By element number. Written once; lives as long as the process.
    nonisolated(unsafe) static let start: UnsafePointer<BodyStart> = make(
        [
            (.html, "html"), (.body, "body"), (.frameset, "frameset"),
            (.headContent, "base basefont bgsound link meta noframes script style template title"),
            (
                .block,
                """
                address article aside blockquote center details dialog dir div dl fieldset figcaption figure footer \
                header hgroup main menu nav ol p search section summary ul
                """
            ),
            (.heading, "h1 h2 h3 h4 h5 h6"), (.preformatted, "pre listing"), (.form, "form"), (.listItem, "li"),
            (.definition, "dd dt"), (.plaintext, "plaintext"), (.button, "button"), (.anchor, "a"),
            (.formatting, "b big code em font i s small strike strong tt u"), (.nobr, "nobr"),
            (.object, "applet marquee object"), (.table, "table"), (.void, "area br embed img keygen wbr"),
            (.input, "input"), (.parameter, "param source track"), (.rule, "hr"), (.image, "image"),
            (.textarea, "textarea"), (.xmp, "xmp"), (.iframe, "iframe"), (.noembed, "noembed"), (.noscript, "noscript"),
            (.select, "select"), (.option, "optgroup option"), (.rubyBase, "rb rtc"), (.rubyText, "rp rt"),
            (.math, "math"), (.svg, "svg"), (.ignored, "caption col colgroup frame head tbody td tfoot th thead tr"),
        ], other: .other)

    /// By element number. Written once; lives as long as the process.
    nonisolated(unsafe) static let end: UnsafePointer<BodyEnd> = make(
        [
            (.template, "template"), (.body, "body"), (.html, "html"),
            (
                .block,
                """
                address article aside blockquote button center details dialog dir div dl fieldset figcaption figure \
                footer header hgroup listing main menu nav ol pre search section summary ul
                """
            ),
            (.form, "form"), (.paragraph, "p"), (.listItem, "li"), (.definition, "dd dt"),
            (.heading, "h1 h2 h3 h4 h5 h6"),
            (.formatting, "a b big code em font i nobr s small strike strong tt u"),
            (.object, "applet marquee object"), (.lineBreak, "br"),
        ], other: .other)
}

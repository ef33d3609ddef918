import HTML

/// What matters about an element for the flow of text.
struct ElementTraits: OptionSet, Sendable {
    let rawValue: UInt16
    /// Starts and ends a block of text.
    static let block = ElementTraits(rawValue: 1)
    /// Never shown, or no text: scripts, styles, form controls, embedded things.
    static let hidden = ElementTraits(rawValue: 2)
    static let link = ElementTraits(rawValue: 4)
    static let heading = ElementTraits(rawValue: 8)
    static let preformatted = ElementTraits(rawValue: 16)
    static let emphasis = ElementTraits(rawValue: 32)
    static let lineBreak = ElementTraits(rawValue: 64)
    static let cell = ElementTraits(rawValue: 128)
    static let item = ElementTraits(rawValue: 256)
    /// Text of controls: shown, but never part of what is read.
    static let control = ElementTraits(rawValue: 512)
    /// Written by the page's author as a part of its own; an ancestor that features count.
    static let landmark = ElementTraits(rawValue: 1024)

    private static let table: [ElementTraits] = {
        var table = [ElementTraits](repeating: [], count: 1024)
        func add(_ traits: ElementTraits, _ names: [ElementName]) {
            for name in names where Int(name.rawValue) < table.count { table[Int(name.rawValue)].insert(traits) }
        }
        add(
            .block,
            [
                .address, .article, .aside, .blockquote, .body, .caption, .center, .dd, .details, .dialog, .dir, .div,
                .dl,
                .dt, .fieldset, .figcaption, .figure, .footer, .form, .frameset, .h1, .h2, .h3, .h4, .h5, .h6, .header,
                .hgroup, .hr, .html, .legend, .li, .listing, .main, .menu, .nav, .ol, .optgroup, .option, .p,
                .plaintext,
                .pre, .search, .section, .summary, .table, .tbody, .td, .tfoot, .th, .thead, .tr, .ul, .xmp,
            ])
        add(
            .hidden,
            [
                .applet, .area, .audio, .base, .basefont, .bgsound, .canvas, .col, .colgroup, .command, .datalist,
                .embed,
                .frame, .head, .iframe, .img, .image, .input, .link, .map, .meta, .meter, .noembed, .noframes,
                .noscript,
                .object, .param, .progress, .rp, .script, .source, .style, .svg, .template, .textarea, .title, .track,
                .video, .annotation, .annotationXml,
            ])
        add(.control, [.button, .select, .option, .optgroup, .output, .datalist])
        add(.link, [.a])
        add([.heading, .landmark], [.h1, .h2, .h3, .h4, .h5, .h6])
        add(.preformatted, [.pre, .listing, .xmp, .plaintext])
        add(.emphasis, [.b, .strong, .em, .i])
        add(.lineBreak, [.br])
        add(.cell, [.td, .th])
        add(.item, [.li, .dd])
        return table
    }()

    /// The traits by number of the name; unknown elements have none.
    static func withTable<Result>(_ body: (UnsafePointer<ElementTraits>) -> Result) -> Result {
        // An array's buffer is never empty here.
        table.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { preconditionFailure("the table of traits has 1024 entries") }
            return body(base)
        }
    }

    static let tableCount = 1024
}

/// Kinds of elements whose nearness is a feature of a block: one lane each.
enum AncestorKind: Int, CaseIterable, Sendable {
    case article, main, section, nav, aside, footer, header, form, table, cell, list, item, figure, quote, definition
    case paragraph, pre, details, address, heading, division, fieldset
    /// By `hidden` or a style; by `aria-hidden`.
    case concealed, silent

    private static let lanes: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 1024)
        func set(_ kind: AncestorKind, _ names: [ElementName]) {
            for name in names where Int(name.rawValue) < table.count {
                table[Int(name.rawValue)] = UInt8(kind.rawValue)
            }
        }
        set(.article, [.article])
        set(.main, [.main])
        set(.section, [.section])
        set(.nav, [.nav])
        set(.aside, [.aside])
        set(.footer, [.footer])
        set(.header, [.header])
        set(.form, [.form])
        set(.table, [.table])
        set(.cell, [.td, .th])
        set(.list, [.ul, .ol, .menu, .dir])
        set(.item, [.li])
        set(.figure, [.figure])
        set(.quote, [.blockquote])
        set(.definition, [.dl])
        set(.paragraph, [.p])
        set(.pre, [.pre])
        set(.details, [.details])
        set(.address, [.address])
        set(.heading, [.h1, .h2, .h3, .h4, .h5, .h6])
        set(.division, [.div])
        set(.fieldset, [.fieldset])
        return table
    }()

    /// The lane of an element; nil for others.
    static func lane(of name: ElementName) -> Int? {
        guard Int(name.rawValue) < lanes.count else { return nil }
        let lane = lanes[Int(name.rawValue)]
        return lane == 255 ? nil : Int(lane)
    }
}

/// The kind of the element that a block's text stands in, ordered so that nearby numbers are alike.
enum BlockKind: UInt8, Sendable {
    case paragraph = 0, quote, pre, division, container, cell, headerCell, item, definitionTerm, definition
    case caption, summary, other, h6, h5, h4, h3, h2, h1

    init(_ name: ElementName) {
        self =
            switch name {
            case .p: .paragraph
            case .blockquote: .quote
            case .pre, .listing, .xmp, .plaintext: .pre
            case .div, .center: .division
            case .article, .section, .main, .body, .html: .container
            case .td: .cell
            case .th: .headerCell
            case .li: .item
            case .dt: .definitionTerm
            case .dd: .definition
            case .figcaption, .caption, .legend: .caption
            case .summary, .details: .summary
            case .h1: .h1
            case .h2: .h2
            case .h3: .h3
            case .h4: .h4
            case .h5: .h5
            case .h6: .h6
            default: .other
            }
    }
}

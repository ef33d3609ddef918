/// SVG and MathML.
extension TreeBuilder {
    mutating func inForeignContent() -> Bool {
        switch tokenizer.kind {
        case .null:
            tokenizer.emitReplacementCharacter()
            insertText()
        case .text:
            insertText()
            if framesetOK, !isSpace { framesetOK = false }
        case .comment:
            insertComment()
        case .doctype, .end: break
        case .startTag:
            if breaksOut {
                while open.count > 1,
                    current.traits & Traits.foreign != 0,
                    current.traits & (Traits.mathTextPoint | Traits.htmlPoint) == 0
                { pop() }
                return processInMode()
            }
            insertForeign(adjustedCurrent.key & 3 == UInt32(Namespace.svg.rawValue) ? .svg : .mathML)
        case .endTag:
            if name == .br || name == .p {
                while open.count > 1,
                    current.traits & Traits.foreign != 0,
                    current.traits & (Traits.mathTextPoint | Traits.htmlPoint) == 0
                { pop() }
                return processInMode()
            }
            return endForeign()
        }
        return false
    }

    /// Closes the nearest foreign element of that name; HTML's rules apply from the first HTML element on.
    private mutating func endForeign() -> Bool {
        var index = open.count - 1
        let bottom = max(0, open.count - ParsingOptions.searchDepth)
        while index > 0, index >= bottom {
            let element = open[index]
            if element.traits & Traits.foreign == 0 { return processInMode() }
            if ForeignNames.shared.lowered(element.key >> 2) == name.rawValue {
                pop(toCount: index)
                return false
            }
            index -= 1
        }
        return false
    }

    /// Whether a start tag ends foreign content.
    private var breaksOut: Bool {
        switch name {
        case .b, .big, .blockquote, .body, .br, .center, .code, .dd, .div, .dl, .dt, .em, .embed, .h1, .h2, .h3, .h4,
            .h5,
            .h6, .head, .hr, .i, .img, .li, .listing, .menu, .meta, .nobr, .ol, .p, .pre, .ruby, .s, .small, .span,
            .strong, .strike, .sub, .sup, .table, .tt, .u, .ul, .var:
            true
        case .font:
            (tokenizer.firstAttribute..<tokenizer.attributes.count).contains {
                let name = AttributeName(rawValue: tokenizer.attributes[$0].tag)
                return name == .color || name == .face || name == .size
            }
        default: false
        }
    }

    /// Inserts the token as a foreign element, names adjusted, and opens it unless it closes itself.
    mutating func insertForeign(_ namespace: Namespace) {
        let names = ForeignNames.shared
        let number = namespace == .svg ? names.svgElement(tokenizer.name) : tokenizer.name
        var isHTMLPoint = false
        for index in tokenizer.firstAttribute..<tokenizer.attributes.count {
            var attribute = tokenizer.attributes[index]
            if attribute.tag == AttributeName.encoding.rawValue, number == ElementName.annotationXml.rawValue {
                isHTMLPoint = namespace == .mathML && isHTMLEncoding(attribute)
            }
            attribute.tag = names.attribute(attribute.tag, in: namespace)
            tokenizer.attributes[index] = attribute
        }
        let first = tokenizer.firstAttribute
        let node = makeElement(
            number, namespace, firstAttribute: first, attributeCount: tokenizer.attributes.count - first)
        insertElement(node)
        if !tokenizer.isSelfClosing {
            pushForeign(node, ElementName(rawValue: number), namespace, isHTMLPoint: isHTMLPoint)
        }
    }

    private func isHTMLEncoding(_ attribute: AttributeRecord) -> Bool {
        let value = UnsafeBufferPointer(start: tokenizer.bytes.base + Int(attribute.start), count: Int(attribute.count))
        let spelled = String(decoding: value, as: UTF8.self).lowercased()
        return spelled == "text/html" || spelled == "application/xhtml+xml"
    }
}

/// How names of foreign elements and attributes are spelled: the tokenizer gives lower case.
///
/// Immutable tables by number, made once.
struct ForeignNames: Sendable {
    static let shared = ForeignNames()

    private var svgElements: [UInt32]
    private var loweredElements: [UInt32]
    private var svgAttributes: [UInt32]
    private var mathAttributes: [UInt32]

    func svgElement(_ number: UInt32) -> UInt32 {
        number < svgElements.count ? svgElements[Int(number)] : number
    }

    func lowered(_ number: UInt32) -> UInt32 {
        number < loweredElements.count ? loweredElements[Int(number)] : number
    }

    /// The attribute's number and namespace in a foreign element.
    func attribute(_ number: UInt32, in namespace: Namespace) -> UInt32 {
        guard number < svgAttributes.count else { return number }
        return namespace == .svg ? svgAttributes[Int(number)] : mathAttributes[Int(number)]
    }

    private init() {
        let elements = ElementName.knownNames
        svgElements = (0...UInt32(elements.count)).map { $0 }
        loweredElements = svgElements
        for number in 1...UInt32(elements.count) {
            let spelled = elements.spelling(number)
            let lowered = spelled.lowercased()
            if spelled != lowered, let twin = elements.number(of: lowered) {
                svgElements[Int(twin)] = number
                loweredElements[Int(number)] = twin
            }
        }
        let attributes = AttributeName.knownNames
        svgAttributes = (0...UInt32(attributes.count)).map { $0 }
        mathAttributes = svgAttributes
        for number in 1...UInt32(attributes.count) {
            let spelled = attributes.spelling(number)
            let lowered = spelled.lowercased()
            if spelled != lowered, let twin = attributes.number(of: lowered) {
                if spelled == "definitionURL" {
                    mathAttributes[Int(twin)] = number
                } else {
                    svgAttributes[Int(twin)] = number
                }
            }
            let namespaces: [(names: Set<String>, AttributeNamespace)] = [
                (
                    [
                        "xlink:actuate", "xlink:arcrole", "xlink:href", "xlink:role", "xlink:show", "xlink:title",
                        "xlink:type",
                    ], .xlink
                ),
                (["xml:lang", "xml:space"], .xml), (["xmlns", "xmlns:xlink"], .xmlns),
            ]
            for (names, namespace) in namespaces where names.contains(spelled) {
                svgAttributes[Int(number)] = number | UInt32(namespace.rawValue) << 24
                mathAttributes[Int(number)] = number | UInt32(namespace.rawValue) << 24
            }
        }
    }
}

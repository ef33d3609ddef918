/// A token as a value: what the tokenizer alone makes of an input, for checks against the standard. Parsing doesn't use it.
package enum Token: Equatable, Sendable {
    case characters([UInt8])
    case startTag(name: String, attributes: [String: [UInt8]], isSelfClosing: Bool)
    case endTag(name: String)
    case comment([UInt8])
    case doctype(name: [UInt8]?, publicIdentifier: [UInt8]?, systemIdentifier: [UInt8]?, forcesQuirks: Bool)

    /// The content models of the standard.
    package enum State: Sendable { case data, plaintext, rcdata, rawtext, scriptData, cdata }

    /// All tokens of an input, neighbouring characters in one. No tree is built, so the state changes only at end tags.
    ///
    /// - Parameter lastStartTag: the tag whose end tag ends RCDATA, raw text or a script.
    package static func list(_ input: [UInt8], state: State = .data, lastStartTag: String? = nil) -> [Token] {
        var tokenizer = Tokenizer(cleaned: input.span.withUnsafeBufferPointer { Source.clean($0) })
        tokenizer.state =
            switch state {
            case .data: .data
            case .plaintext: .plaintext
            case .rcdata: .rcdata
            case .rawtext: .rawtext
            case .scriptData: .scriptData
            case .cdata: .cdata
            }
        if let lastStartTag {
            let padded = Array(lastStartTag.utf8) + [UInt8](repeating: 0, count: 16)
            tokenizer.lastStartTag = padded.withUnsafeBufferPointer { buffer in
                buffer.baseAddress.map { tokenizer.elementNames.intern($0, lastStartTag.utf8.count) } ?? 0
            }
        }
        var tokens: [Token] = []
        while true {
            tokenizer.next()
            switch tokenizer.kind {
            case .end: return tokens
            case .text: append(tokenizer.slice(tokenizer.textStart, tokenizer.textEnd), to: &tokens)
            case .null: append([0], to: &tokens)
            case .startTag:
                tokens.append(
                    .startTag(
                        name: spelling(tokenizer.elementNames.bytes(tokenizer.name)),
                        attributes: tokenizer.attributeValues(), isSelfClosing: tokenizer.isSelfClosing))
            case .endTag: tokens.append(.endTag(name: spelling(tokenizer.elementNames.bytes(tokenizer.name))))
            case .comment: tokens.append(.comment(tokenizer.slice(tokenizer.textStart, tokenizer.textEnd)))
            case .doctype:
                tokens.append(
                    .doctype(
                        name: tokenizer.doctypePart(0), publicIdentifier: tokenizer.doctypePart(1),
                        systemIdentifier: tokenizer.doctypePart(2), forcesQuirks: tokenizer.forcesQuirks))
            }
        }
    }

    private static func spelling(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        String(decoding: bytes, as: UTF8.self)
    }

    private static func append(_ bytes: [UInt8], to tokens: inout [Token]) {
        if case .characters(let before)? = tokens.last {
            tokens[tokens.count - 1] = .characters(before + bytes)
        } else {
            tokens.append(.characters(bytes))
        }
    }
}

extension Tokenizer {
    fileprivate func slice(_ start: Int, _ end: Int) -> [UInt8] {
        Array(UnsafeBufferPointer(start: bytes.base + start, count: end - start))
    }

    fileprivate func attributeValues() -> [String: [UInt8]] {
        var values: [String: [UInt8]] = [:]
        for index in firstAttribute..<attributes.count {
            let name = String(decoding: attributeNames.bytes(attributes[index].name), as: UTF8.self)
            values[name] = slice(attributes[index].range.lowerBound, attributes[index].range.upperBound)
        }
        return values
    }

    fileprivate func doctypePart(_ index: Int) -> [UInt8]? {
        let part = attributes[firstAttribute + index]
        return part.count == AttributeRecord.missing ? nil : slice(part.range.lowerBound, part.range.upperBound)
    }
}

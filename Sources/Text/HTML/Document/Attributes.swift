extension Document {
    /// One attribute of an element.
    public struct Attribute: Sendable {
        public let name: AttributeName
        public let namespace: AttributeNamespace
        /// Where the value lies in the document's bytes.
        public let valueRange: Range<Int>
    }

    /// How many attributes an element has; 0 for other nodes.
    public func attributeCount(of node: Node) -> Int {
        let record = record(node)
        return record.kind == .element ? Int(record.count) : 0
    }

    /// The attributes of an element in the order of the source; none for other nodes.
    public func attributes(of node: Node) -> [Attribute] {
        let record = record(node)
        guard record.kind == .element else { return [] }
        return (0..<Int(record.count)).map { index in
            let attribute = arena.attributes[Int(record.start) + index]
            return Attribute(
                name: AttributeName(rawValue: attribute.name),
                namespace: AttributeNamespace(rawValue: UInt8(attribute.tag >> 24)) ?? .none,
                valueRange: attribute.range)
        }
    }

    /// Where the value of an attribute lies in the document's bytes; nil if the element lacks it.
    ///
    /// Complexity: O(attributes of the element), without allocation.
    public func attributeRange(_ name: AttributeName, of node: Node) -> Range<Int>? {
        let record = record(node)
        guard record.kind == .element else { return nil }
        var index = Int(record.start)
        let end = index + Int(record.count)
        while index < end {
            let attribute = arena.attributes[index]
            if attribute.tag == name.rawValue { return attribute.range }
            index += 1
        }
        return nil
    }

    public func hasAttribute(_ name: AttributeName, _ node: Node) -> Bool { attributeRange(name, of: node) != nil }

    /// Gives the bytes of an attribute's value to the closure; nil, and no call, if the element lacks it.
    public func withAttribute<Result, Failure: Error>(
        _ name: AttributeName, of node: Node, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        guard let range = attributeRange(name, of: node) else { return nil }
        return try withBytes { (bytes) throws(Failure) in try body(UnsafeBufferPointer(rebasing: bytes[range])) }
    }

    /// The value of an attribute; nil if the element lacks it.
    public func attribute(_ name: AttributeName, of node: Node) -> String? {
        withAttribute(name, of: node) { String(decoding: $0, as: UTF8.self) }
    }

    /// What a doctype says; nil for other nodes.
    public func doctype(_ node: Node) -> (name: String, publicIdentifier: String?, systemIdentifier: String?)? {
        let record = record(node)
        guard record.kind == .doctype, record.count == 3 else { return nil }
        let parts = (0..<3).map { index -> String? in
            let part = arena.attributes[Int(record.start) + index]
            guard part.count != AttributeRecord.missing else { return nil }
            return withBytes { String(decoding: $0[part.range], as: UTF8.self) }
        }
        return (parts[0] ?? "", parts[1], parts[2])
    }
}

/// The name of an attribute as a number: a constant for the names below, a number of the document's own for any other.
///
/// Numbers of unknown names mean something only within their document.
@frozen
public struct AttributeName: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32

    @inlinable @inline(__always)
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Whether the name is one of the constants.
    public var isKnown: Bool { rawValue - 1 < UInt32(Self.knownCount) }

    static let knownNames = KnownNames(Self.known, count: Self.knownCount)

    /// The constant for a name in lower case (SVG's and MathML's as they spell them), if there is one.
    public init?(_ name: String) {
        guard let number = Self.knownNames.number(of: name) else { return nil }
        self.init(rawValue: number)
    }
}

/// The namespace of an attribute: only foreign elements have attributes in one.
public enum AttributeNamespace: UInt8, Sendable {
    case none, xlink, xml, xmlns
}

/// The name of an element as a number: a constant for the names below, a number of the document's own for any other.
///
/// Numbers of unknown names mean something only within their document. The namespace isn't part of the name:
/// `.title` names both HTML's and SVG's element.
@frozen
public struct ElementName: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32

    @inlinable @inline(__always)
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// No element: the name of documents, text, comments and doctypes.
    @inlinable public static var nothing: ElementName { ElementName(rawValue: 0) }

    /// Whether the name is one of the constants.
    public var isKnown: Bool { rawValue - 1 < UInt32(Self.knownCount) }

    static let knownNames = KnownNames(Self.known, count: Self.knownCount)

    /// The constant for a name in lower case (SVG's as SVG spells them), if there is one.
    public init?(_ name: String) {
        guard let number = Self.knownNames.number(of: name) else { return nil }
        self.init(rawValue: number)
    }
}

/// A token that is looked for in the text itself, before it is cut into pieces.
public struct AddedToken: Hashable, Sendable {
    public var id: UInt32
    public var content: String
    /// Matches only where no letter, digit or `_` touches it.
    public var singleWord = false
    /// Takes the white space before it along.
    public var stripsLeft = false
    /// Takes the white space after it along.
    public var stripsRight = false
    /// Looked for in the normalised text rather than in the text as given.
    public var isNormalized = false
    /// A control token (end of text, padding): left out by `decode` unless asked for.
    public var isSpecial = false

    public init(
        id: UInt32, content: String, singleWord: Bool = false, stripsLeft: Bool = false, stripsRight: Bool = false,
        isNormalized: Bool = false, isSpecial: Bool = false
    ) {
        self.id = id
        self.content = content
        self.singleWord = singleWord
        self.stripsLeft = stripsLeft
        self.stripsRight = stripsRight
        self.isNormalized = isNormalized
        self.isSpecial = isSpecial
    }

    // Identity is that of the bytes: Swift's `==` on text would join canonically equivalent tokens.
    public static func == (left: AddedToken, right: AddedToken) -> Bool {
        left.id == right.id && left.content.utf8.elementsEqual(right.content.utf8)
            && left.singleWord == right.singleWord && left.stripsLeft == right.stripsLeft
            && left.stripsRight == right.stripsRight && left.isNormalized == right.isNormalized
            && left.isSpecial == right.isSpecial
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(id) }
}

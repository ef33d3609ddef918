/// How the bundles of a placement group are to lie on nodes.
public enum PlacementStrategy: String, Hashable, Sendable, Codable {
    /// On as few nodes as possible.
    case pack
    /// On one node.
    case strictPack
    /// On as many nodes as possible.
    case spread
    /// Each on a node of its own.
    case strictSpread
}

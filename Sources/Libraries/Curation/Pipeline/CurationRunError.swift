/// Why a curation run cannot start.
public enum CurationRunError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Another run writes there.
    case inUse(folder: String)

    /// What was found, where, and what to do.
    public var description: String {
        switch self {
        case .inUse(let folder): "\(folder): another run is writing there. Wait for its end, or choose another folder."
        }
    }
}

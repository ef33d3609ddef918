import ApusCore

/// Why a node's shared memory could not be had or used.
package enum SegmentError: Error, Hashable, Sendable, CustomStringConvertible {
    /// More memory was asked for than there is. `limitedBy` says what sets the limit.
    case notEnoughMemory(wanted: Int, available: Int, limitedBy: String)
    /// Less than one page, or no number of bytes at all.
    case badCapacity(Int)
    case outOfBounds(offset: Int, count: Int, capacity: Int)
    /// The descriptor that was passed is no segment of the size that was named.
    case notASegment(size: Int, expected: Int)
    case system(call: String, code: Int32, message: String)

    package var description: String {
        switch self {
        case .notEnoughMemory(let wanted, let available, let limitedBy):
            "An object store of \(bytes: wanted) does not fit into the memory that is available (\(bytes: available), by "
                + "\(limitedBy)). Ask for at most \(bytes: AvailableMemory.largestStore(of: available)), or free memory."
        case .badCapacity(let capacity):
            "An object store of \(capacity) bytes makes no sense: it needs at least one page."
        case .outOfBounds(let offset, let count, let capacity):
            "\(count) bytes at \(offset) lie outside the object store of \(capacity) bytes."
        case .notASegment(let size, let expected):
            "The memory that was passed has \(size) bytes where the node's object store has \(expected). Do all processes "
                + "run the same version of the program?"
        case .system(let call, let code, let message):
            "\(call) for the object store failed with \(message) (\(code))."
        }
    }
}

/// The unlabelled rows of a stream that an active loop can choose from: all of them, or a core-set in bounded memory.
///
/// Rows are known by numbers of the caller's. Never more than twice the capacity is held.
public struct UnlabelledPool: Sendable, Hashable, Codable {
    /// How the pool is kept small; nil keeps every row.
    public let rule: CoresetRule?
    private var coreset: PartialCoreset
    /// Rows seen.
    public private(set) var seen = 0
    /// The most rows that were held at a time.
    public private(set) var mostHeld = 0

    public init(dimensions: Int, rule: CoresetRule?) throws(CoresetError) {
        if let rule, rule.count < 1 {
            throw .invalidParameter(name: "the pool's capacity", value: "\(rule.count)", expected: "positive")
        }
        self.rule = rule
        coreset = try PartialCoreset(members: [], features: Matrix(rows: 0, columns: dimensions, storage: []))
    }

    public var count: Int { coreset.members.count }
    /// Numbers of the rows held.
    public var ids: [Int] { coreset.members.map(\.row) }
    /// Rows that each stands for.
    public var weights: [Double] { coreset.members.map(\.weight) }
    public var features: Matrix<Float> { coreset.features }

    /// Takes rows in, in pieces of the capacity.
    ///
    /// - Throws: `CoresetError.dimensions`; what the rule throws.
    public mutating func insert(_ rows: Matrix<Float>, ids: [Int]) throws(CoresetError) {
        guard ids.count == rows.rows else {
            throw .dimensions(expected: rows.rows, found: ids.count, what: "numbers of rows")
        }
        let piece = max(1, rule?.count ?? rows.rows)
        var first = 0
        while first < rows.rows {
            let range = Array(first..<min(rows.rows, first + piece))
            let arrived = try PartialCoreset(
                members: range.map { .init(part: 0, row: ids[$0], weight: 1) }, features: rows.select(range))
            coreset = try coreset.united(with: arrived)
            mostHeld = max(mostHeld, coreset.members.count)
            if let rule { coreset = try coreset.reduced(by: rule) }
            first += piece
        }
        seen += rows.rows
    }

    /// Takes rows out, because they have their label. Rows that are not held are passed over.
    public mutating func remove(_ ids: [Int]) {
        let gone = Set(ids)
        coreset = coreset.removing { gone.contains($0.row) }
    }
}

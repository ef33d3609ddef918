/// A core-set of part of the data, to be united with those of other parts.
///
/// Uniting is associative and commutative to the last bit: members are kept in the order of part and row, and the
/// weights of a member that is in both are added. A union of core-sets is a core-set of the union, within the factor of
/// the rule that made them, once. Reducing a union chooses from it again and costs the factor again; `height` counts how
/// often that happened on the way to any member.
public struct PartialCoreset: Sendable, Hashable, Codable {
    /// A kept row.
    public struct Member: Sendable, Hashable, Codable {
        /// The part that it came from, and its row there.
        public var part: Int
        public var row: Int
        /// Rows it stands for.
        public var weight: Double

        public init(part: Int, row: Int, weight: Double) {
            self.part = part
            self.row = row
            self.weight = weight
        }

        func isBefore(_ other: Member) -> Bool { (part, row) < (other.part, other.row) }
        func isSame(as other: Member) -> Bool { (part, row) == (other.part, other.row) }
    }

    public private(set) var members: [Member]
    /// A row for each member.
    public private(set) var features: Matrix<Float>
    /// Rows that all members stand for.
    public private(set) var seen: Double
    public private(set) var height: Int

    /// - Throws: `CoresetError.dimensions` where members and rows differ in number.
    public init(members: [Member], features: Matrix<Float>, height: Int = 0) throws(CoresetError) {
        guard members.count == features.rows else {
            throw .dimensions(expected: members.count, found: features.rows, what: "rows of the core-set")
        }
        let order = members.indices.sorted { members[$0].isBefore(members[$1]) }
        self.members = order.map { members[$0] }
        self.features = features.select(order)
        self.height = height
        seen = members.reduce(0) { $0 + $1.weight }
    }

    /// The core-set that a stream's selector holds.
    public init(of stream: DoublingCenters, part: Int) throws(CoresetError) {
        try self.init(
            members: zip(stream.kept, stream.weights).map { Member(part: part, row: $0, weight: $1) },
            features: stream.points)
    }

    /// The union of two core-sets.
    ///
    /// - Throws: `CoresetError.dimensions` where their features differ in length.
    /// - Complexity: O((members of both)·d).
    public func united(with other: PartialCoreset) throws(CoresetError) -> PartialCoreset {
        if members.isEmpty { return other.raised(to: height) }
        if other.members.isEmpty { return raised(to: other.height) }
        guard features.columns == other.features.columns else {
            throw .dimensions(
                expected: features.columns, found: other.features.columns, what: "columns of the other core-set")
        }
        var result: [Member] = []
        var storage: [Float] = []
        result.reserveCapacity(members.count + other.members.count)
        storage.reserveCapacity(features.storage.count + other.features.storage.count)
        var (i, j) = (0, 0)
        while i < members.count || j < other.members.count {
            if j == other.members.count || (i < members.count && !other.members[j].isBefore(members[i])) {
                var member = members[i]
                if j < other.members.count, other.members[j].isSame(as: member) {
                    member.weight += other.members[j].weight
                    j += 1
                }
                result.append(member)
                storage.append(contentsOf: features[row: i])
                i += 1
            } else {
                result.append(other.members[j])
                storage.append(contentsOf: other.features[row: j])
                j += 1
            }
        }
        return try PartialCoreset(
            members: result, features: Matrix(finite: storage, rows: result.count, columns: features.columns),
            height: max(height, other.height))
    }

    private func raised(to other: Int) -> PartialCoreset {
        var copy = self
        copy.height = max(height, other)
        return copy
    }

    /// The members that are not of a kind. The rows that the others stood for are no longer counted.
    public func removing(_ isGone: (Member) -> Bool) -> PartialCoreset {
        let left = members.indices.filter { !isGone(members[$0]) }
        var copy = self
        copy.members = left.map { members[$0] }
        copy.features = features.select(left)
        copy.seen = copy.members.reduce(0) { $0 + $1.weight }
        return copy
    }

    /// Chooses from the members again; each of those that go gives its weight to the nearest that stays.
    public func reduced(by rule: CoresetRule) throws(CoresetError) -> PartialCoreset {
        guard members.count > rule.count else { return self }
        let picks = try rule.picks(from: features) { (members[$0].part, members[$0].row) }
        let representation = Representation(of: features, by: picks, threads: 1)
        var weights = [Double](repeating: 0, count: picks.count)
        for (member, pick) in representation.assignment.enumerated() { weights[Int(pick)] += members[member].weight }
        return try PartialCoreset(
            members: zip(picks, weights).map { Member(part: members[$0].part, row: members[$0].row, weight: $1) },
            features: features.select(picks), height: height + 1)
    }
}

import Apus

/// The core-set of one part, as a task.
public struct SelectPart: RemoteTask {
    @Input public var features: Matrix<Float>
    public var part: Int
    public var rule: CoresetRule

    public init(features: ObjectRef<Matrix<Float>>, part: Int, rule: CoresetRule) {
        _features = features
        self.part = part
        self.rule = rule
    }

    public func run() async throws -> PartialCoreset { try rule.coreset(of: features, part: part) }
}

/// The union of core-sets, reduced where it has grown too large, as a task.
public struct UniteParts: RemoteTask {
    @Inputs public var coresets: [PartialCoreset]
    public var rule: CoresetRule
    /// Members that a union may have before it is reduced.
    public var limit: Int

    public init(coresets: [ObjectRef<PartialCoreset>], rule: CoresetRule, limit: Int) {
        _coresets = Inputs(coresets)
        self.rule = rule
        self.limit = limit
    }

    public func run() async throws -> PartialCoreset {
        let parts = coresets
        guard var result = parts.first else {
            throw CoresetError.invalidParameter(name: "a union", value: "empty", expected: "at least one core-set")
        }
        for other in parts.dropFirst() { result = try result.united(with: other) }
        return result.members.count > limit ? try result.reduced(by: rule) : result
    }
}

/// Core-sets of many parts, chosen where the parts are and united up a tree of tasks.
public struct DistributedSelection: Sendable {
    public var rule: CoresetRule
    /// Core-sets that one task unites.
    public var fanIn: Int
    /// Members that a union may have before it is reduced. While unions stay below it, merging costs the rule's factor
    /// once, however deep the tree.
    public var limit: Int

    /// - Parameter limit: no reduction where nil.
    public init(rule: CoresetRule, fanIn: Int = 8, limit: Int? = nil) {
        self.rule = rule
        self.fanIn = max(2, fanIn)
        self.limit = limit ?? .max
    }

    /// The united core-set of all parts. Parts are numbered by their order.
    ///
    /// - Throws: `TaskError` with what a task threw, `ClusterError`.
    public func run(on cluster: Cluster, parts: [ObjectRef<Matrix<Float>>]) async throws -> PartialCoreset {
        guard !parts.isEmpty else {
            throw CoresetError.invalidParameter(name: "the parts", value: "none", expected: "at least one")
        }
        var level = try parts.enumerated().map { part, features in
            try cluster.submit(SelectPart(features: features, part: part, rule: rule))
        }
        // All tasks are submitted at once; each starts when its inputs exist.
        while level.count > 1 {
            level = try stride(from: 0, to: level.count, by: fanIn).map { first in
                try cluster.submit(
                    UniteParts(
                        coresets: Array(level[first..<min(level.count, first + fanIn)]), rule: rule, limit: limit))
            }
        }
        return try await level[0].value
    }
}

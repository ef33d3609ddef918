import ApusCore
import ApusScheduling

/// A node of a cluster.
public struct NodeIdentifier: Hashable, Sendable, Codable, CustomStringConvertible {
    public let number: Int
    public init(number: Int) { self.number = number }
    public var description: String { "node \(number)" }
}

/// Resources that were set aside together, all of them or none, for tasks and actors that are to run side by side.
///
/// A value: it can be passed to tasks and actors, which may use it as well. The group itself ends when it is removed, or
/// with the process that created it.
public struct PlacementGroup: Hashable, Sendable, Codable {
    let number: UInt64
    /// Each of which lies on one node.
    public let bundles: [Resources]
    public let strategy: PlacementStrategy
}

/// Where a task or actor is to run.
public enum SchedulingStrategy: Hashable, Sendable {
    /// Where it starts soonest.
    case `default`
    /// On as many nodes as possible, together with others that ask for the same.
    case spread
    /// On one node. `soft` allows another where that one does not exist.
    case node(NodeIdentifier, soft: Bool)
    /// In a bundle of a placement group; in any with room where nil.
    ///
    /// With `capturesChildren`, what the task or actor submits and creates runs in the group's bundles as well, as does
    /// what that submits: whatever has no strategy of its own, `.default` that is, and is not detached. `.spread` and
    /// `.node(_, soft: true)` lead out of the group.
    case group(PlacementGroup, bundle: Int? = nil, capturesChildren: Bool = false)

    var groupNumber: UInt64? { if case .group(let group, _, _) = self { group.number } else { nil } }

    /// The group that those inherit who are submitted by what runs by this strategy.
    var childGroup: CapturedGroup? {
        if case .group(let group, _, capturesChildren: true) = self { CapturedGroup(group) } else { nil }
    }
}

/// The placement group that a task or actor inherits from who submits it. By reference: most have none.
final class CapturedGroup: Sendable {
    let group: PlacementGroup
    init(_ group: PlacementGroup) { self.group = group }

    var strategy: SchedulingStrategy { .group(group, bundle: nil, capturesChildren: true) }
}

extension ObjectCell {
    /// Where the task is to run: by its options, or in the group that it inherits.
    final var scheduling: SchedulingStrategy { captured?.strategy ?? options?.scheduling ?? .default }

    /// The group that its own children inherit.
    final var childGroup: CapturedGroup? { captured ?? options?.scheduling.childGroup }
}

extension Backend {
    package var nodes: [NodeIdentifier] { [NodeIdentifier(number: 0)] }

    /// Checks where a task or actor is to run.
    ///
    /// - Returns: its bundle, if it is to run in one.
    /// - Throws: `ClusterError.infeasible`, `.unknownNode`, `.unknownBundle`.
    func place(
        _ strategy: SchedulingStrategy, demand: Resources, of subject: @autoclosure () -> String
    ) throws(ClusterError) -> BundleReference? {
        var room = [total]
        var reference: BundleReference?
        switch strategy {
        case .default, .spread, .node(_, soft: true): break
        case .node(let node, soft: false):
            guard nodes.contains(node) else { throw .unknownNode(subject: subject(), node: node, nodes: nodes) }
        case .group(let group, let bundle, _):
            room = group.bundles
            if let bundle {
                guard group.bundles.indices.contains(bundle) else {
                    throw .unknownBundle(subject: subject(), bundle: bundle, bundles: group.bundles.count)
                }
                room = [group.bundles[bundle]]
            }
            reference = BundleReference(group: GroupID(group.number), bundle: bundle)
        }
        guard room.contains(where: { $0.covers(demand) }) else {
            let largest = room.max { $0.cpus < $1.cpus } ?? Resources()
            throw .infeasible(subject: subject(), demand: demand, total: largest)
        }
        return reference
    }
}

import ApusCore
import ApusScheduling
import Distributed

extension ActorCreation {
    /// The creation of an actor, for another process.
    ///
    /// - Throws: `CodingError` where its types have no names that can be looked up.
    init(_ birth: ActorBirth, bundle: BundleReference?) throws(CodingError) {
        guard let travel = birth.travel else { throw .unnamableType(birth.typeName) }
        self.init(
            name: birth.options.name, typeName: birth.typeName, blueprintType: try TypeNames.name(of: travel.type),
            bodyType: try TypeNames.name(of: birth.type), blueprint: try travel.encode(),
            resources: birth.options.resources, maxRestarts: birth.options.maxRestarts,
            maxTaskRetries: birth.options.maxTaskRetries, concurrency: birth.options.concurrency,
            maxPendingCalls: birth.options.maxPendingCalls, groups: birth.options.groups,
            threads: birth.options.threads, isDetached: birth.options.isDetached,
            isCheckpointed: birth.type is any CheckpointedActor.Type, origin: birth.origin,
            priority: birth.options.priority, bundle: bundle,
            childGroup: birth.options.scheduling.childGroup?.group)
    }
}

extension ActorBirth {
    /// The actor that another process asked for. Only types that conform to `ActorBlueprint` are resolved.
    init(_ creation: ActorCreation) throws(CodingError) {
        let type = try TypeNames.type(named: creation.blueprintType, expected: "ActorBlueprint")
        guard let type = type as? any ActorBlueprint.Type else {
            throw .unknownType(name: creation.blueprintType, expected: "ActorBlueprint")
        }
        self = Self.birth(type, creation)
    }

    private static func birth<Blueprint: ActorBlueprint>(
        _ type: Blueprint.Type, _ creation: ActorCreation
    ) -> ActorBirth {
        var options = ActorOptions(
            name: creation.name, maxRestarts: 0, maxTaskRetries: creation.maxTaskRetries,
            concurrency: creation.concurrency, groups: creation.groups, threads: creation.threads,
            isDetached: creation.isDetached, maxPendingCalls: creation.maxPendingCalls)
        options.resources = creation.resources
        if let group = creation.childGroup { options.scheduling = CapturedGroup(group).strategy }
        return ActorBirth(
            options: options, type: Blueprint.Body.self, origin: creation.origin, travel: nil,
            make: { system in
                var decoder = BinaryDecoder()
                decoder.userInfo[.actorSystemKey] = system
                return try await decoder.decode(type, from: creation.blueprint).make(in: system)
            })
    }
}

import ApusCore
import ApusTransport
import Distributed

extension LocalBackend {
    /// Bytes of a blueprint, which travels through the node: half of what a message to it may have.
    static let blueprintLimit = ControlSocket.limit / 2

    func createActor(_ birth: ActorBirth, orExisting: Bool) async throws -> ActorIdentifier {
        guard !isClosing else { throw closedError }
        let bundle = try place(birth.options.scheduling, demand: birth.options.resources, of: birth.name)
        let creation = try ActorCreation(birth, bundle: bundle)
        guard creation.blueprint.count <= Self.blueprintLimit else {
            throw ClusterError.tooLarge(
                subject: "The blueprint of \(birth.name)", bytes: creation.blueprint.count, limit: Self.blueprintLimit)
        }
        let answer = await RunContext.lending {
            await node.ask { .createActor(request: $0, creation: creation, orExisting: orExisting) }
        }
        switch answer {
        case .actor(let id, let bodyType, let typeName):
            guard bodyType == creation.bodyType else {
                throw ActorError.wrongType(name: birth.name, expected: birth.typeName, found: typeName)
            }
            let traits = ActorTraits(creation)
            actors.link(id).describe(traits)
            return id
        case .actorFailed(let failure): throw failure.error
        default: throw closedError
        }
    }

    func actor(named name: String) async throws -> (id: ActorIdentifier, type: any DistributedActor.Type) {
        switch await RunContext.lending({ await node.ask { .findActor(request: $0, name: name) } }) {
        case .actor(let id, let bodyType, _):
            let type = try TypeNames.type(named: bodyType, expected: "DistributedActor")
            guard let type = type as? any DistributedActor.Type else {
                throw CodingError.unknownType(name: bodyType, expected: "DistributedActor")
            }
            return (id, type)
        case .actorFailed(let failure): throw failure.error
        default: throw closedError
        }
    }

    func reserveCall(to actor: ActorIdentifier) throws(ActorError) -> UInt64 { try actors.link(actor).reserve() }
    func releaseCall(_ place: UInt64, to actor: ActorIdentifier) { actors.link(actor).release(place) }

    func call(_ call: ActorCall, on actor: ActorIdentifier, place: UInt64?) throws(ActorError) {
        try actors.link(actor).enqueue(call, place: place)
    }

    func stopActor(_ actor: ActorIdentifier, immediately: Bool, restart: Bool, within limit: Duration) async throws {
        let deadline = ContinuousClock.now + limit
        // The calls made before are before the end.
        while !immediately, !isClosing, actors.link(actor).hasUnsent, ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(1))
        }
        let timer =
            immediately
            ? nil
            : Task {
                try? await Task.sleep(until: deadline)
                guard !Task.isCancelled else { return }
                node.send(
                    .killActor(actor: actor, reason: "it did not stop within \(limit)"))
            }
        defer { timer?.cancel() }
        let answer = await RunContext.lending {
            await node.ask {
                .stopActor(request: $0, actor: actor, immediately: immediately, restart: restart)
            }
        }
        switch answer {
        case .actorFailed(let failure): throw failure.error
        case .done, .actor, .words, .objects, .group, .groupGone, .recovered: return
        case nil: throw closedError
        }
    }
}

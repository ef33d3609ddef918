import ApusCore
import ApusObjects

/// Objects whose bytes are gone although processes hold them: until one of those has made them again, or none can. Pure.
///
/// The holders are told of the loss, and each that cannot make the object again says so. Those who want to read it wait
/// meanwhile.
struct LostObjects {
    /// What somebody who waits is told: nil where the object can be read again, else why not.
    struct Answer {
        let client: StoreClient
        let request: UInt64
        let reason: String?
    }

    private struct Loss {
        /// Holders that have not said that they cannot make it again.
        var unheard: Set<StoreClient>
        var reason: String?
        var waiting: [(client: StoreClient, request: UInt64)] = []
    }

    private var losses: [ObjectID: Loss] = [:]

    var isEmpty: Bool { losses.isEmpty }

    private static let unknown = "none of the processes that hold it knows a task that could make it again"

    /// The bytes are gone, be it for the first time or while they were made again.
    mutating func lost(_ object: ObjectID, holders: [StoreClient]) {
        losses[object, default: Loss(unheard: [])].unheard = Set(holders)
    }

    /// A holder cannot make the object again.
    mutating func givenUp(_ object: ObjectID, by client: StoreClient, reason: String?) -> [Answer] {
        guard losses[object] != nil else { return [] }
        if let reason { losses[object]?.reason = reason }
        losses[object]?.unheard.remove(client)
        return conclude(object)
    }

    /// Somebody wants to read it.
    mutating func wait(for object: ObjectID, client: StoreClient, request: UInt64) -> [Answer] {
        guard losses[object] != nil else { return [Answer(client: client, request: request, reason: nil)] }
        losses[object]?.waiting.append((client, request))
        return conclude(object)
    }

    /// The object has its bytes again.
    mutating func made(_ object: ObjectID) -> [Answer] {
        guard let loss = losses.removeValue(forKey: object) else { return [] }
        return loss.waiting.map { Answer(client: $0.client, request: $0.request, reason: nil) }
    }

    /// Nobody holds the object any more.
    mutating func freed(_ object: ObjectID) -> [Answer] {
        guard let loss = losses.removeValue(forKey: object) else { return [] }
        return loss.waiting.map {
            Answer(client: $0.client, request: $0.request, reason: loss.reason ?? "nobody holds it any more")
        }
    }

    /// A process ended.
    mutating func left(_ client: StoreClient) -> [Answer] {
        var answers: [Answer] = []
        for object in Array(losses.keys) {
            losses[object]?.waiting.removeAll { $0.client == client }
            if losses[object]?.unheard.remove(client) != nil { answers += conclude(object) }
        }
        return answers
    }

    /// Once all have given up, those who wait are told.
    private mutating func conclude(_ object: ObjectID) -> [Answer] {
        guard let loss = losses[object], loss.unheard.isEmpty else { return [] }
        losses[object]?.waiting = []
        return loss.waiting.map {
            Answer(client: $0.client, request: $0.request, reason: loss.reason ?? Self.unknown)
        }
    }
}

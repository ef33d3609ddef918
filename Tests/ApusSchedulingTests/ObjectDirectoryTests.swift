import ApusCore
import ApusScheduling
import Testing

/// Processes, the registry and channels between them; what is under way arrives in random order between pairs.
private struct Net {
    struct Letter {
        enum Content {
            case message(DirectoryMessage)
            case request(RegistryRequest)
            case reply(RegistryReply)
            case reference(ObjectID, ReferencePassage)
            case death
        }
        let content: Content
    }

    struct Pair: Hashable {
        let from: UInt64
        let to: UInt64
    }

    static let registry: UInt64 = 0
    var generator: SeededGenerator
    var directories: [UInt64: ObjectDirectory] = [:]
    var registryState = AdoptionRegistry()
    var channels: [Pair: [Letter]] = [:]
    /// Uses by the programs, as the bench knows them; the object is live while there are any.
    var uses: [ObjectID: [UInt64: Int]] = [:]
    var problems: [String] = []
    var adoptions: [ObjectID: [UInt64]] = [:]
    var owned: [UInt64] = []
    var isBroken = false

    init(seed: UInt64, processes: Int) {
        generator = SeededGenerator(seed: seed)
        for process in 1...UInt64(processes) {
            directories[process] = ObjectDirectory(id: ProcessID(process))
            registryState.joined(ProcessID(process))
        }
        for process in directories.keys {
            for peer in directories.keys { send(.joined(ProcessID(peer)), to: process) }
        }
    }

    var live: [UInt64] { directories.keys.sorted() }

    mutating func post(_ content: Letter.Content, from: UInt64, to: UInt64) {
        // What is posted to the dead is never read.
        guard to == Self.registry || directories[to] != nil else { return }
        channels[Pair(from: from, to: to), default: []].append(Letter(content: content))
    }

    mutating func send(_ event: DirectoryEvent, to process: UInt64) {
        var effects: [DirectoryEffect] = []
        directories[process]?.handle(event, into: &effects)
        perform(effects, of: process)
    }

    mutating func perform(_ effects: [DirectoryEffect], of process: UInt64) {
        for effect in effects {
            switch effect {
            case .send(let message, let peer): post(.message(message), from: process, to: peer.number)
            case .ask(let request): post(.request(request), from: process, to: Self.registry)
            case .free(let object):
                if isLive(object) { problems.append("\(object) was freed by \(process) while it is used") }
            case .forget: break
            case .adopted(let object): adoptions[object, default: []].append(process)
            case .lost(let object): problems.append("\(object) was lost to \(process)")
            case .rejected(let reason): problems.append("\(process) rejected: \(reason)")
            }
        }
    }

    mutating func perform(_ effects: [AdoptionRegistry.Effect]) {
        for effect in effects {
            switch effect {
            case .reply(let reply, let process): post(.reply(reply), from: Self.registry, to: process.number)
            case .discard(let object):
                if isLive(object) { problems.append("\(object) was discarded while it is used") }
            }
        }
    }

    /// Used by a live process, or on its way to one.
    func isLive(_ object: ObjectID) -> Bool {
        if uses[object]?.contains(where: { directories[$0.key] != nil && $0.value > 0 }) == true { return true }
        return channels.contains { pair, letters in
            directories[pair.to] != nil
                && letters.contains { if case .reference(object, _) = $0.content { true } else { false } }
        }
    }

    mutating func pass(_ object: ObjectID, from: UInt64, to: UInt64) {
        var effects: [DirectoryEffect] = []
        guard let passage = directories[from]?.send(object, to: ProcessID(to), into: &effects) else { return }
        perform(effects, of: from)
        post(.reference(object, passage), from: from, to: to)
    }

    mutating func kill(_ process: UInt64) {
        directories[process] = nil
        for pair in channels.keys where pair.to == process { channels[pair] = nil }
        for object in uses.keys { uses[object]?[process] = nil }
        for peer in live { post(.death, from: process, to: peer) }
        post(.death, from: process, to: Self.registry)
    }

    /// Delivers one letter of a random channel.
    mutating func deliver() -> Bool {
        let pairs = channels.filter { !$0.value.isEmpty }.map(\.key).sorted { ($0.from, $0.to) < ($1.from, $1.to) }
        guard !pairs.isEmpty else { return false }
        let pair = pairs[generator.below(pairs.count)]
        guard let letter = channels[pair]?.removeFirst() else { return false }
        let sender = ProcessID(pair.from)
        switch letter.content {
        case .message(let message): send(.message(message, from: sender), to: pair.to)
        case .reply(let reply): send(.reply(reply), to: pair.to)
        case .reference(let object, let passage):
            uses[object, default: [:]][pair.to, default: 0] += 1
            // The broken variant forgets that somebody else counts on it.
            send(.received(object, from: sender, isBroken ? .counted(0) : passage), to: pair.to)
        case .request(let request):
            var effects: [AdoptionRegistry.Effect] = []
            registryState.handle(request, from: sender, into: &effects)
            perform(effects)
        case .death where pair.to == Self.registry:
            var effects: [AdoptionRegistry.Effect] = []
            registryState.died(sender, into: &effects)
            perform(effects)
        case .death: send(.died(sender), to: pair.to)
        }
        return true
    }

    /// One random step of the programs.
    mutating func act(kills: Bool) {
        let process = live[generator.below(live.count)]
        switch generator.below(10) {
        case 0, 1:
            owned.append(UInt64(owned.count))
            let object = ObjectID(owner: process, number: UInt64(owned.count))
            uses[object] = [process: 1]
            send(.create(object), to: process)
        case 2, 3, 4, 5:
            let peer = live[generator.below(live.count)]
            guard peer != process, let object = used(by: process) else { return }
            pass(object, from: process, to: peer)
        case 6, 7, 8:
            guard let object = used(by: process) else { return }
            uses[object]?[process, default: 1] -= 1
            send(.release(object), to: process)
        default:
            if kills, live.count > 1, generator.below(6) == 0 { kill(process) }
        }
    }

    mutating func used(by process: UInt64) -> ObjectID? {
        let objects = uses.filter { $0.value[process, default: 0] > 0 }.map(\.key)
            .sorted { ($0.owner, $0.number) < ($1.owner, $1.number) }
        return objects.isEmpty ? nil : objects[generator.below(objects.count)]
    }

    mutating func run(steps: Int, kills: Bool) {
        for _ in 0..<steps {
            act(kills: kills)
            for _ in 0..<generator.below(4) { _ = deliver() }
            if !problems.isEmpty { return }
        }
        while deliver() {}
        // What is used is owned by exactly one process.
        for object in uses.keys where isLive(object) {
            let owners = live.filter { directories[$0]?.owns(object) == true }
            if owners.count != 1 { problems.append("\(object) is owned by \(owners)") }
        }
        let last = uses.sorted { ($0.key.owner, $0.key.number) < ($1.key.owner, $1.key.number) }
        uses = [:]
        for process in live {
            for (object, users) in last {
                for _ in 0..<users[process, default: 0] { send(.release(object), to: process) }
            }
        }
        while deliver() {}
        for process in live where directories[process]?.isEmpty == false {
            problems.append("process \(process) keeps objects that nobody uses")
        }
        if registryState.count > 0 { problems.append("the registry keeps \(registryState.count) objects") }
    }
}

@Suite("Object directory") struct ObjectDirectoryTests {
    @Test("objects live exactly as long as they are used, without deaths", arguments: 0..<300)
    func peaceful(seed: Int) {
        var net = Net(seed: UInt64(seed), processes: 4)
        net.run(steps: 150, kills: false)
        #expect(net.problems.isEmpty, "replay: seed \(seed)")
    }

    @Test("objects live exactly as long as they are used, whoever dies when", arguments: 0..<250)
    func deaths(seed: Int) {
        var net = Net(seed: UInt64(seed), processes: 5)
        net.run(steps: 150, kills: true)
        #expect(net.problems.isEmpty, "replay: seed \(seed)")
    }

    @Test("a directory that forgets the holds of forwarders is found out")
    func broken() {
        var found = 0
        for seed in 0..<50 {
            var net = Net(seed: UInt64(seed), processes: 4)
            net.isBroken = true
            net.run(steps: 150, kills: false)
            if !net.problems.isEmpty { found += 1 }
        }
        #expect(found > 0)
    }

    @Test("a reference that is passed on keeps the object although its first borrower lets go")
    func forwarding() {
        var owner = ObjectDirectory(id: ProcessID(1))
        var middle = ObjectDirectory(id: ProcessID(2))
        let object = ObjectID(owner: 1, number: 1)
        var effects: [DirectoryEffect] = []
        owner.handle(.create(object), into: &effects)
        #expect(owner.send(object, to: ProcessID(2), into: &effects) == .counted(0))
        #expect(effects == [.ask(.record(object))])
        effects = []
        middle.handle(.joined(ProcessID(1)), into: &effects)
        middle.handle(.received(object, from: ProcessID(1), .counted(0)), into: &effects)
        #expect(middle.send(object, to: ProcessID(3), into: &effects) == .forwarded)
        middle.handle(.release(object), into: &effects)
        #expect(effects.isEmpty)
        owner.handle(.release(object), into: &effects)
        owner.handle(.message(.register(object), from: ProcessID(3)), into: &effects)
        #expect(effects == [.send(.registered(object, 0), to: ProcessID(3))])
        effects = []
        middle.handle(.message(.landed(object), from: ProcessID(3)), into: &effects)
        #expect(effects == [.forget(object), .send(.release(object, count: 1), to: ProcessID(1))])
        effects = []
        owner.handle(.message(.release(object, count: 1), from: ProcessID(2)), into: &effects)
        owner.handle(.message(.release(object, count: 1), from: ProcessID(3)), into: &effects)
        #expect(effects == [.free(object), .ask(.erase(object))])
    }
}

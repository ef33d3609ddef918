import ApusCore

/// Who gets what is free, and who must give back.
extension NodeScheduler {
    /// Serves waiting requests in order until none fits.
    ///
    /// - Parameter recalls: whether leases are called back for those that do not fit. Not needed after every event: who gets
    ///   a lease while others wait is told so at once.
    mutating func schedule(at now: Instant, recalls: Bool, into effects: inout [NodeEffect]) {
        for index in environments.indices { environments[index].lacking = 0 }
        pass += 1
        rehouse(into: &effects)
        var short: [RequestKey] = []
        var reserved: (pool: Pool?, demand: Resources)?
        var planned = available
        while let index = firstInOrder(at: now) {
            let request = requests[index]
            if case .group = request.key {
                if fits(request.demand, in: .node, besides: reserved) {
                    passOver(short, for: request.demand, pool: .node)
                    reserveGroup(index, into: &effects)
                    planned.subtract(request.demand)
                } else {
                    fail(index, &short, &reserved)
                }
                continue
            }
            guard let pool = pool(for: request, besides: reserved) else {
                fail(index, &short, &reserved)
                continue
            }
            if let worker = worker(for: request) {
                passOver(short, for: request.demand, pool: pool)
                if pool == .node { planned.subtract(request.demand) }
                grant(index, on: worker, from: pool, at: now, into: &effects)
            } else {
                // As many workers are lacking as leases would fit; they are started below.
                let environment = classes[request.classIndex].environment
                var open = request.want - request.held
                while open > 0, pool != .node || planned.admits(request.demand) {
                    if pool == .node { planned.subtract(request.demand) }
                    environments[environment].lacking += 1
                    open -= 1
                    if environments[environment].lacking > configuration.startsAtOnce { break }
                }
                requests[index].doneInPass = pass
            }
        }
        startWorkers(at: now, into: &effects)
        guard recalls else { return }
        recall(for: requests.indices.filter { requests[$0].isOpen && isShort(requests[$0]) }, at: now, into: &effects)
    }

    private func isShort(_ request: Request) -> Bool {
        request.classIndex >= 0 ? classes[request.classIndex].shortInPass == pass : request.doneInPass == pass
    }

    private mutating func fail(
        _ index: Int, _ short: inout [RequestKey], _ reserved: inout (pool: Pool?, demand: Resources)?
    ) {
        let request = requests[index]
        if request.classIndex >= 0 { classes[request.classIndex].shortInPass = pass }
        requests[index].doneInPass = pass
        short.append(request.key)
        guard reserved == nil, request.passedOver >= configuration.patience else { return }
        // Only what it lacks: it may also wait for what an actor has, and others can use the rest meanwhile.
        let lacking = available(in: bundlePool(of: request) ?? .node).shortfall(for: request.demand)
        reserved = (bundlePool(of: request), request.demand.limited(to: lacking))
    }

    /// Later requests were served from what earlier ones wait for, who lack nothing else.
    private mutating func passOver(_ short: [RequestKey], for demand: Resources, pool: Pool) {
        for key in short {
            guard let index = requestIndex[key], requests[index].demand.overlaps(demand),
                bundlePool(of: requests[index]) == bundle(pool),
                available(in: pool).shortfall(for: requests[index].demand).isWithin(demand)
            else { continue }
            requests[index].passedOver += 1
        }
    }

    /// Nil for the node's own resources.
    private func bundle(_ pool: Pool) -> Pool? { pool == .node ? nil : pool }

    private func bundlePool(of request: Request) -> Pool? {
        guard request.classIndex >= 0, let reference = classes[request.classIndex].value.bundle else { return nil }
        return .bundle(reference.group, reference.bundle ?? 0)
    }

    // MARK: Order

    func effectivePriority(_ request: Request, at now: Instant) -> Int {
        let waited = now.nanoseconds - request.since.nanoseconds
        let step = max(1, (Instant(nanoseconds: 0) + configuration.aging).nanoseconds)
        return request.priority + Int(max(0, waited) / step)
    }

    private func share(of request: Request) -> Double {
        guard let job = job(of: request) else { return 0 }
        return jobs[job]?.share ?? 0
    }

    private func firstInOrder(at now: Instant) -> Int? {
        var best: (index: Int, priority: Int, share: Double)?
        for index in requests.indices {
            let request = requests[index]
            guard request.isOpen, request.doneInPass != pass,
                request.classIndex < 0 || classes[request.classIndex].shortInPass != pass
            else { continue }
            let priority = effectivePriority(request, at: now)
            let share = share(of: request)
            if let best {
                if priority != best.priority {
                    guard priority > best.priority else { continue }
                } else if share != best.share {
                    guard share < best.share else { continue }
                } else if request.ticket > requests[best.index].ticket {
                    continue
                }
            }
            best = (index, priority, share)
        }
        return best?.index
    }

    // MARK: Room

    private func fits(_ demand: Resources, in pool: Pool, besides reserved: (pool: Pool?, demand: Resources)?) -> Bool {
        var room = available(in: pool)
        if let reserved, reserved.pool == bundle(pool) { room.subtract(reserved.demand) }
        return room.admits(demand)
    }

    /// Where a request's demand fits now.
    private func pool(for request: Request, besides reserved: (pool: Pool?, demand: Resources)?) -> Pool? {
        guard let reference = classes[request.classIndex].value.bundle else {
            return fits(request.demand, in: .node, besides: reserved) ? .node : nil
        }
        guard let group = groups[reference.group], group.isReady else { return nil }
        if let index = reference.bundle {
            let pool = Pool.bundle(reference.group, index)
            return fits(request.demand, in: pool, besides: reserved) ? pool : nil
        }
        return group.available.indices.map { Pool.bundle(reference.group, $0) }
            .first { fits(request.demand, in: $0, besides: reserved) }
    }

    private func worker(for request: Request) -> WorkerID? {
        let environment = classes[request.classIndex].environment
        if case .dedicated = request.key { return idleWorker(of: environment, fresh: true, for: nil) }
        if let idle = idleWorker(of: environment, fresh: false, for: request.client) { return idle }
        guard sharedWorkers >= configuration.workerLimit else { return nil }
        return waitingWorker(of: environment, for: request.client)
    }

    // MARK: Recalls

    /// Asks for leases back until what waits would fit.
    private mutating func recall(for short: [Int], at now: Instant, into effects: inout [NodeEffect]) {
        guard !short.isEmpty else { return }
        var order: [(index: Int, priority: Int, share: Double, ticket: UInt64)] = []
        for index in short {
            let request = requests[index]
            order.append((index, effectivePriority(request, at: now), share(of: request), request.ticket))
        }
        order.sort { ($1.priority, $0.share, $0.ticket) < ($0.priority, $1.share, $1.ticket) }
        let candidates = leases.values.filter { !$0.isRecalled && $0.revokedAt == nil && $0.dedication == nil }
            .sorted { $0.id < $1.id }
        guard !candidates.isEmpty else { return }
        var expected: [Pool: Resources] = [:]
        for lease in leases.values where lease.isRecalled || lease.revokedAt != nil {
            expected[lease.pool, default: Resources()].add(lease.taken)
        }
        var recalled: Set<LeaseID> = []
        for place in order.prefix(8) {
            let request = requests[place.index]
            for pool in pools(of: request) {
                var room = available(in: pool)
                if let coming = expected[pool] { room.add(coming) }
                let (victims, isEnough) = victims(
                    for: request, in: pool, room: &room, of: candidates, besides: recalled, at: now)
                for lease in victims {
                    recalled.insert(lease.id)
                    expected[pool, default: Resources()].add(lease.taken)
                    recall(lease.id, into: &effects)
                }
                ask(for: request, in: pool, of: candidates, besides: recalled, into: &effects)
                guard isEnough else { continue }
                expected[pool, default: Resources()].subtract(request.demand)
                break
            }
        }
    }

    mutating func recall(_ id: LeaseID, into effects: inout [NodeEffect]) {
        guard let lease = leases[id] else { return }
        leases[id]?.isRecalled = true
        if let holder = requestIndex[.shared(lease.client, classIndex: lease.classIndex)] {
            requests[holder].leaving += 1
        }
        effects.append(.recall(id, from: lease.client))
    }

    /// The holders of what a request lacks may have leases that they do not use at the moment, or that they have used
    /// long enough: they know, the node does not. Nobody is asked where all leases together would not be enough, because
    /// actors have the rest: holders would wait for what does not come.
    private mutating func ask(
        for request: Request, in pool: Pool, of candidates: [Lease], besides recalled: Set<LeaseID>,
        into effects: inout [NodeEffect]
    ) {
        guard reach(in: pool).admits(request.demand) else { return }
        let lacking = available(in: pool).shortfall(for: request.demand)
        for lease in candidates where lease.pool == pool && !lease.isAskedFor && !recalled.contains(lease.id) {
            guard lacking.overlaps(lease.taken),
                request.key != .shared(lease.client, classIndex: lease.classIndex)
            else { continue }
            leases[lease.id]?.isAskedFor = true
            effects.append(.recallOnceIdle(lease.id, from: lease.client))
        }
    }

    /// What would be free in a pool if all shared leases came back.
    func reach(in pool: Pool) -> Resources {
        var reach = available(in: pool)
        for lease in leases.values where lease.pool == pool && lease.dedication == nil { reach.add(lease.taken) }
        return reach
    }

    func pools(of request: Request) -> [Pool] {
        guard request.classIndex >= 0, let reference = classes[request.classIndex].value.bundle else { return [.node] }
        if let index = reference.bundle { return [.bundle(reference.group, index)] }
        return groups[reference.group]?.available.indices.map { .bundle(reference.group, $0) } ?? []
    }

    /// Leases whose return makes room: unused ones in any case, used ones only if they are enough together.
    private func victims(
        for request: Request, in pool: Pool, room: inout Resources, of candidates: [Lease],
        besides recalled: Set<LeaseID>, at now: Instant
    ) -> (leases: [Lease], isEnough: Bool) {
        var chosen: [Lease] = []
        var spare: [RequestKey: Int] = [:]
        var used: [Lease] = []
        for lease in candidates where lease.pool == pool && !recalled.contains(lease.id) {
            guard !room.admits(request.demand) else { break }
            guard room.shortfall(for: request.demand).overlaps(lease.taken) else { continue }
            let key = RequestKey.shared(lease.client, classIndex: lease.classIndex)
            let surplus = requestIndex[key].map { requests[$0].held - requests[$0].leaving - requests[$0].want } ?? 0
            if spare[key, default: surplus] > 0 {
                spare[key, default: surplus] -= 1
                chosen.append(lease)
                room.add(lease.taken)
            } else if now - lease.since >= slice(of: lease, against: request), isOutranked(lease, by: request, at: now)
            {
                used.append(lease)
            }
        }
        var forced: [Lease] = []
        used.sort {
            let (left, right) = (classes[$0.classIndex].value.priority, classes[$1.classIndex].value.priority)
            if left != right { return left < right }
            let (leftShare, rightShare) = (jobs[$0.job]?.share ?? 0, jobs[$1.job]?.share ?? 0)
            return leftShare != rightShare ? leftShare > rightShare : $0.since < $1.since
        }
        for lease in used where !room.admits(request.demand) {
            guard room.shortfall(for: request.demand).overlaps(lease.taken) else { continue }
            forced.append(lease)
            room.add(lease.taken)
        }
        let isEnough = room.admits(request.demand)
        return (isEnough ? chosen + forced : chosen, isEnough)
    }

    /// Higher priority need not wait until a slice is over.
    private func slice(of lease: Lease, against request: Request) -> Duration {
        request.priority > classes[lease.classIndex].value.priority ? .zero : configuration.slice
    }

    /// Whether a request should rather have the resources of a lease than its holder.
    private func isOutranked(_ lease: Lease, by request: Request, at now: Instant) -> Bool {
        let priority = effectivePriority(request, at: now)
        let other = classes[lease.classIndex].value.priority
        if priority != other { return priority > other }
        guard let job = job(of: request) else { return true }
        if job != lease.job {
            guard let mine = jobs[job], let theirs = jobs[lease.job] else { return true }
            let gain = dominantShare(of: request.demand) / Double(mine.weight)
            let loss = dominantShare(of: lease.demand) / Double(theirs.weight)
            // Shares are rounded sums.
            return mine.share == 0 || mine.share + gain <= theirs.share - loss + 1e-9
        }
        guard let holder = requestIndex[.shared(lease.client, classIndex: lease.classIndex)],
            requests[holder].key != request.key
        else { return false }
        return request.held == 0 || requests[holder].held >= request.held + 2
    }
}

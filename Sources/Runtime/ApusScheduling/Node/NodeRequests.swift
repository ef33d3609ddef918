import ApusCore

/// Clients, what they want and what they hold.
extension NodeScheduler {
    mutating func join(_ id: ProcessID, job: JobID, weight: Int) {
        guard clients[id] == nil else { return }
        clients[id] = Client(job: job, worker: nil)
        jobs[job, default: Job(weight: 1)].weight = max(1, weight)
        jobs[job, default: Job(weight: 1)].uses += 1
    }

    mutating func leave(_ id: ProcessID, at now: Instant, into effects: inout [NodeEffect]) {
        guard let client = clients.removeValue(forKey: id) else { return }
        for index in requests.indices.reversed() where requests[index].client == id { removeRequest(index) }
        for lease in leases.values.filter({ $0.client == id }).sorted(by: { $0.id < $1.id }) {
            revoke(lease.id, at: now, into: &effects)
        }
        for group in groups.filter({ $0.value.client == id }).map(\.key).sorted() {
            removeGroup(group, at: now, into: &effects)
        }
        if let job = client.job { releaseJob(job) }
    }

    mutating func want(
        _ client: ProcessID, _ value: SchedulingClass, count: Int, at now: Instant, into effects: inout [NodeEffect]
    ) {
        guard clients[client] != nil else { return }
        let known = classIndex[value].flatMap { requestIndex[.shared(client, classIndex: $0)] }
        if let known {
            if count > 0, let reason = refusal(of: value), !mayWait(reason) {
                refuse(known, reason, into: &effects)
                return
            }
            let wasOpen = requests[known].held < requests[known].want
            requests[known].want = max(0, count)
            if !wasOpen { queueAnew(known, at: now) }
            removeIfDone(known)
            return
        }
        guard count > 0 else { return }
        let reason = refusal(of: value)
        if let reason, !mayWait(reason) {
            effects.append(.refuse(client, value, reason))
            return
        }
        let index = index(of: value)
        add(
            Request(
                key: .shared(client, classIndex: index), demand: value.demand, priority: value.priority,
                classIndex: index, want: count, since: now, isInfeasible: reason != nil))
        if let reason { effects.append(.warn(client, demand: value.demand, reason)) }
    }

    mutating func dedicate(
        _ client: ProcessID, _ number: UInt64, _ value: SchedulingClass, at now: Instant,
        into effects: inout [NodeEffect]
    ) {
        guard clients[client] != nil, requestIndex[.dedicated(client, number)] == nil else { return }
        let reason = refusal(of: value)
        if let reason, !mayWait(reason) {
            effects.append(.refuseDedicated(client, request: number, reason))
            return
        }
        let index = index(of: value)
        add(
            Request(
                key: .dedicated(client, number), demand: value.demand, priority: value.priority, classIndex: index,
                want: 1, since: now, isInfeasible: reason != nil))
        if let reason { effects.append(.warn(client, demand: value.demand, reason)) }
    }

    /// Other nodes help where this one is too small, not where a group is gone.
    func mayWait(_ refusal: Refusal) -> Bool {
        switch refusal {
        case .infeasible, .needsNodes: configuration.nodesMayJoin
        case .unknownGroup, .groupRemoved, .workersFail, .noConnection: false
        }
    }

    /// Why a class can never run here; nil where it can.
    func refusal(of value: SchedulingClass) -> Refusal? {
        guard let reference = value.bundle else {
            let total = configuration.resources
            return total.covers(value.demand) ? nil : .infeasible(demand: value.demand, total: total)
        }
        guard let group = groups[reference.group] else { return .unknownGroup(reference.group) }
        let candidates = reference.bundle.map { group.bundles.indices.contains($0) ? [group.bundles[$0]] : [] }
        let bundles = candidates ?? group.bundles
        guard !bundles.contains(where: { $0.covers(value.demand) }) else { return nil }
        let largest = bundles.max { dominantShare(of: $0) < dominantShare(of: $1) } ?? Resources()
        return .infeasible(demand: value.demand, total: largest)
    }

    mutating func add(_ request: Request) {
        requestIndex[request.key] = requests.count
        if request.classIndex >= 0 {
            classes[request.classIndex].uses += 1
            if let share = classes[request.classIndex].value.job {
                jobs[share.job, default: Job(weight: 1)].weight = share.weight
                jobs[share.job]?.uses += 1
            }
        }
        requests.append(request)
        queueAnew(requests.count - 1, at: request.since)
    }

    /// A request waits for its next lease behind those that wait already.
    private mutating func queueAnew(_ index: Int, at now: Instant) {
        lastTicket += 1
        requests[index].since = now
        requests[index].ticket = lastTicket
    }

    mutating func removeRequest(_ index: Int) {
        let request = requests[index]
        requestIndex[request.key] = nil
        let last = requests.removeLast()
        if index < requests.count {
            requests[index] = last
            requestIndex[last.key] = index
        }
        guard request.classIndex >= 0 else { return }
        if let share = classes[request.classIndex].value.job { releaseJob(share.job) }
        releaseClass(request.classIndex)
    }

    /// The job that a request counts for.
    func job(of request: Request) -> JobID? {
        if request.classIndex >= 0, let share = classes[request.classIndex].value.job { return share.job }
        guard let client = request.client else { return nil }
        return clients[client]?.job
    }

    mutating func removeIfDone(_ index: Int) {
        if requests[index].want == 0, requests[index].held == 0 { removeRequest(index) }
    }

    // MARK: Leases

    mutating func grant(
        _ index: Int, on worker: WorkerID, from pool: Pool, at now: Instant, into effects: inout [NodeEffect]
    ) {
        let request = requests[index]
        guard let client = request.client, let state = workers[worker] else { return }
        lastLease += 1
        let id = LeaseID(lastLease)
        let dedication: UInt64? = if case .dedicated(_, let number) = request.key { number } else { nil }
        let job = job(of: request) ?? JobID(0)
        let lease = Lease(
            id: id, client: client, dedication: dedication, classIndex: request.classIndex, worker: worker, pool: pool,
            demand: request.demand, job: job, since: now, isRetriable: classes[request.classIndex].value.isRetriable)
        leases[id] = lease
        take(lease.demand, from: pool)
        jobs[job, default: Job(weight: 1)].uses += 1
        charge(job, lease.demand)
        classes[request.classIndex].uses += 1

        occupy(worker, with: id, isDedicated: dedication != nil)
        adopt(job, by: state.client)

        if let dedication {
            effects.append(.dedicated(id, to: client, request: dedication, on: worker))
            removeRequest(index)
        } else {
            effects.append(.grant(id, to: client, classes[request.classIndex].value, on: worker))
            requests[index].held += 1
            queueAnew(index, at: now)
            requests[index].passedOver = 0
            var reach: Resources?
            let isLacked = requests.contains {
                guard $0.isOpen, $0.key != request.key, $0.demand.overlaps(lease.demand) else { return false }
                let all = reach ?? self.reach(in: pool)
                reach = all
                return all.admits($0.demand)
            }
            if isLacked {
                leases[id]?.isAskedFor = true
                effects.append(.recallOnceIdle(id, from: client))
            }
        }
    }

    /// A worker's own submissions count for the job that it works for.
    private mutating func adopt(_ job: JobID, by client: ProcessID?) {
        guard let client, let state = clients[client], state.job != job else { return }
        if let old = state.job { releaseJob(old) }
        clients[client]?.job = job
        jobs[job, default: Job(weight: 1)].uses += 1
    }

    mutating func setBlocked(_ isBlocked: Bool, _ id: LeaseID) {
        guard var lease = leases[id], lease.isBlocked != isBlocked else { return }
        let processors = Resources(cpus: lease.demand.cpus)
        lease.isBlocked = isBlocked
        leases[id] = lease
        if isBlocked {
            give(processors, to: lease.pool)
            discharge(lease.job, processors)
        } else {
            take(processors, from: lease.pool)
            charge(lease.job, processors)
        }
    }

    /// Takes a lease out of all tables. Its worker becomes idle, or ends where it was dedicated.
    mutating func end(_ id: LeaseID, at now: Instant, into effects: inout [NodeEffect]) {
        guard let lease = leases.removeValue(forKey: id) else { return }
        give(lease.taken, to: lease.pool)
        discharge(lease.job, lease.taken)
        releaseJob(lease.job)
        if lease.dedication == nil,
            let index = requestIndex[.shared(lease.client, classIndex: lease.classIndex)]
        {
            // Behind those that wait: they are to have what was given back.
            queueAnew(index, at: now)
            requests[index].held -= 1
            if lease.isRecalled || lease.revokedAt != nil { requests[index].leaving -= 1 }
            removeIfDone(index)
        }
        releaseClass(lease.classIndex)
        if lease.dedication != nil { homeless.removeAll { $0 == id } }

        guard var worker = workers[lease.worker] else { return }
        worker.leases.removeAll { $0 == id }
        workers[lease.worker] = worker
        guard worker.leases.isEmpty, case .leased = worker.state else { return }
        if lease.dedication != nil {
            stop(lease.worker, .dedicationEnded, into: &effects)
        } else if worker.isSpent {
            stop(lease.worker, .spent, into: &effects)
        } else {
            workers[lease.worker]?.state = .idle(since: now)
            environments[worker.environment].idle.append(lease.worker)
        }
    }

    mutating func revoke(_ id: LeaseID, at now: Instant, into effects: inout [NodeEffect]) {
        guard let lease = leases[id], lease.revokedAt == nil else { return }
        leases[id]?.revokedAt = now
        if !lease.isRecalled, lease.dedication == nil,
            let index = requestIndex[.shared(lease.client, classIndex: lease.classIndex)]
        {
            requests[index].leaving += 1
        }
        if lease.dedication != nil {
            if homeless.contains(id) { return end(id, at: now, into: &effects) }
            stop(lease.worker, .dedicationEnded, into: &effects)
        } else if case .leased? = workers[lease.worker]?.state {
            effects.append(.revoke(id, on: lease.worker))
        }
    }
}

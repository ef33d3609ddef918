import ApusCore

/// The pool of worker processes.
extension NodeScheduler {
    /// Shared processes, those that are ending not counted.
    var sharedWorkers: Int { workers.values.count { $0.isShared } }

    func sharedWorkers(of environment: Int) -> Int {
        workers.values.count { $0.isShared && $0.environment == environment }
    }

    mutating func workerReady(
        _ id: WorkerID, client: ProcessID, at now: Instant, into effects: inout [NodeEffect]
    ) {
        guard let worker = workers[id], worker.client == nil else { return }
        workers[id]?.client = client
        clients[client] = Client(job: nil, worker: id)
        guard case .starting = worker.state else { return }
        environments[worker.environment].starting -= 1
        environments[worker.environment].failures = 0
        environments[worker.environment].retryAt = nil
        workers[id]?.state = .idle(since: now)
        environments[worker.environment].idle.append(id)
    }

    mutating func workerExited(
        _ id: WorkerID, dedication: DedicationFate = .ends, at now: Instant, into effects: inout [NodeEffect]
    ) {
        guard let worker = workers[id] else { return }
        var loss = LeaseLoss.workerExited
        switch worker.state {
        case .starting:
            return workerFailed(id, reason: "the process ended before it was ready", at: now, into: &effects)
        case .idle: environments[worker.environment].idle.removeAll { $0 == id }
        case .leased: break
        case .stopping(let reason): loss = reason
        }
        // The process takes its leases along, so none of them may find its way back to it.
        workers[id] = nil
        for lease in worker.leases {
            guard let state = leases[lease] else { continue }
            if case .goesOn(let isRetriable) = dedication, state.dedication != nil, state.revokedAt == nil {
                leases[lease]?.isRetriable = isRetriable
                homeless.append(lease)
                continue
            }
            if clients[state.client] != nil, state.revokedAt == nil {
                effects.append(.leaseLost(lease, to: state.client, loss))
            }
            end(lease, at: now, into: &effects)
        }
        if let client = worker.client { leave(client, at: now, into: &effects) }
    }

    mutating func workerFailed(
        _ id: WorkerID, reason: String, at now: Instant, into effects: inout [NodeEffect]
    ) {
        guard let worker = workers[id] else { return }
        if case .stopping = worker.state {
            workers[id] = nil
            return
        }
        guard case .starting = worker.state else { return workerExited(id, at: now, into: &effects) }
        workers[id] = nil
        environments[worker.environment].starting -= 1
        environments[worker.environment].failures += 1
        environments[worker.environment].lastFailure = reason
        let failures = environments[worker.environment].failures
        if failures >= configuration.startAttempts {
            refuseAll(of: worker.environment, .workersFail(attempts: failures, reason: reason), at: now, into: &effects)
            environments[worker.environment].failures = 0
        }
        environments[worker.environment].retryAt = now + configuration.startPause * (1 << min(failures - 1, 6))
    }

    /// Requests that hold leases keep what they have: workers of the environment did start once.
    private mutating func refuseAll(
        of environment: Int, _ refusal: Refusal, at now: Instant, into effects: inout [NodeEffect]
    ) {
        for id in homeless {
            guard let lease = leases[id], classes[lease.classIndex].environment == environment else { continue }
            effects.append(.leaseLost(id, to: lease.client, .refused(refusal)))
            end(id, at: now, into: &effects)
        }
        for index in requests.indices.reversed() {
            let request = requests[index]
            guard request.classIndex >= 0, classes[request.classIndex].environment == environment, request.isOpen
            else { continue }
            refuse(index, refusal, into: &effects)
        }
    }

    /// Tells the client and wants nothing any more; leases that it holds stay until it returns them.
    mutating func refuse(_ index: Int, _ refusal: Refusal, into effects: inout [NodeEffect]) {
        let request = requests[index]
        switch request.key {
        case .shared(let client, let classIndex):
            effects.append(.refuse(client, classes[classIndex].value, refusal))
            requests[index].want = 0
            removeIfDone(index)
        case .dedicated(let client, let number):
            effects.append(.refuseDedicated(client, request: number, refusal))
            removeRequest(index)
        case .group(let group):
            effects.append(.groupRefused(group, refusal))
            groups[group] = nil
            removeRequest(index)
        }
    }

    mutating func start(_ environment: Int, into effects: inout [NodeEffect]) {
        lastWorker += 1
        let id = WorkerID(lastWorker)
        workers[id] = Worker(environment: environment)
        environments[environment].starting += 1
        effects.append(.startWorker(id, environments[environment].value))
    }

    mutating func stop(
        _ id: WorkerID, _ reason: StopReason, loss: LeaseLoss = .workerExited, into effects: inout [NodeEffect]
    ) {
        guard retire(id, loss: loss) else { return }
        effects.append(.stopWorker(id, reason))
    }

    /// Nothing is granted on it any more. False where it is ending already.
    mutating func retire(_ id: WorkerID, loss: LeaseLoss) -> Bool {
        guard let worker = workers[id] else { return false }
        switch worker.state {
        case .stopping: return false
        case .starting: environments[worker.environment].starting -= 1
        case .idle: environments[worker.environment].idle.removeAll { $0 == id }
        case .leased: break
        }
        workers[id]?.state = .stopping(loss)
        return true
    }

    /// Dedicated leases without a worker get one that has run nothing.
    mutating func rehouse(into effects: inout [NodeEffect]) {
        while let id = homeless.first, let lease = leases[id], let number = lease.dedication,
            let worker = idleWorker(of: classes[lease.classIndex].environment, fresh: true, for: lease.client)
        {
            homeless.removeFirst()
            occupy(worker, with: id, isDedicated: true)
            leases[id]?.worker = worker
            effects.append(.dedicated(id, to: lease.client, request: number, on: worker))
        }
        for id in homeless {
            if let lease = leases[id] { environments[classes[lease.classIndex].environment].lacking += 1 }
        }
    }

    mutating func occupy(_ id: WorkerID, with lease: LeaseID, isDedicated: Bool) {
        guard var worker = workers[id] else { return }
        if case .idle = worker.state { environments[worker.environment].idle.removeAll { $0 == id } }
        worker.state = .leased
        worker.isFresh = false
        worker.isDedicated = isDedicated
        worker.leases.append(lease)
        workers[id] = worker
    }

    /// Nothing more is granted on a worker that wants to end, and its leases are recalled.
    mutating func workerSpent(_ id: WorkerID, into effects: inout [NodeEffect]) {
        guard let worker = workers[id], !worker.isSpent else { return }
        workers[id]?.isSpent = true
        switch worker.state {
        case .idle: stop(id, .spent, into: &effects)
        case .starting, .stopping: break
        case .leased:
            for lease in worker.leases {
                guard let state = leases[lease], state.dedication == nil, state.revokedAt == nil, !state.isRecalled
                else { continue }
                recall(lease, into: &effects)
            }
        }
    }

    /// Idle workers that do not end, however long they are idle.
    func keptIdle(of environment: Int) -> Int { environment == 0 ? configuration.warmWorkers : 0 }

    mutating func stopIdleWorkers(at now: Instant, into effects: inout [NodeEffect]) {
        for environment in environments.indices {
            // The first were used least recently.
            while environments[environment].idle.count > keptIdle(of: environment),
                let oldest = environments[environment].idle.first,
                case .idle(let since)? = workers[oldest]?.state, now - since >= configuration.idleTimeout
            {
                stop(oldest, .idle, into: &effects)
            }
        }
    }

    /// A ready worker: for a dedication one that has run nothing, else preferably one that has. Never the client itself,
    /// which has no connection to itself.
    func idleWorker(of environment: Int, fresh: Bool, for client: ProcessID?) -> WorkerID? {
        let idle = environments[environment].idle
        if fresh { return idle.last { workers[$0]?.isFresh == true } }
        return idle.last { workers[$0]?.isFresh == false && workers[$0]?.client != client }
            ?? idle.last { workers[$0]?.client != client }
    }

    /// A worker all of whose tasks wait, with as few of them as possible.
    func waitingWorker(of environment: Int, for client: ProcessID?) -> WorkerID? {
        var best: (id: WorkerID, leases: Int)?
        for (id, worker) in workers {
            guard worker.environment == environment, worker.isShared, !worker.isSpent, case .leased = worker.state,
                worker.client != client,
                worker.leases.allSatisfy({ leases[$0].map { $0.isBlocked && $0.revokedAt == nil } ?? false })
            else { continue }
            if best.map({ (worker.leases.count, id) < ($0.leases, $0.id) }) ?? true { best = (id, worker.leases.count) }
        }
        return best?.id
    }

    /// Starts what the pass found lacking, and what is to be warm.
    mutating func startWorkers(at now: Instant, into effects: inout [NodeEffect]) {
        guard !underMemoryPressure else { return }
        var startable = configuration.startsAtOnce - environments.reduce(0) { $0 + $1.starting }
        var room = configuration.workerLimit - sharedWorkers
        for index in environments.indices {
            var lacking = environments[index].lacking - environments[index].starting
            if index == 0 {
                lacking = max(lacking, configuration.warmWorkers - sharedWorkers(of: 0))
            }
            if let retryAt = environments[index].retryAt {
                guard retryAt <= now else { continue }
                // One attempt at a time until one succeeds.
                lacking = min(lacking, 1 - environments[index].starting)
            }
            while lacking > 0, startable > 0 {
                if room <= 0 {
                    guard environments[index].lacking > 0 else { break }
                    if evictIdle(for: index, into: &effects) {
                        room += 1
                    } else if let since = environments[index].stalledSince {
                        guard now - since >= configuration.limitPatience else { break }
                        environments[index].stalledSince = now
                        room += 1
                    } else {
                        environments[index].stalledSince = now
                        break
                    }
                }
                start(index, into: &effects)
                lacking -= 1
                startable -= 1
                room -= 1
            }
            if environments[index].lacking == 0 { environments[index].stalledSince = nil }
        }
    }

    private mutating func evictIdle(for environment: Int, into effects: inout [NodeEffect]) -> Bool {
        for index in environments.indices where index != environment {
            guard let oldest = environments[index].idle.first else { continue }
            stop(oldest, .makesRoom, into: &effects)
            return true
        }
        return false
    }
}

extension NodeScheduler.Worker {
    var isShared: Bool {
        if case .stopping = state { return false }
        return !isDedicated
    }
}

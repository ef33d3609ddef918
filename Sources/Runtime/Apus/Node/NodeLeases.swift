import ApusCore
import ApusScheduling

/// What the scheduler decides, and what it is told.
extension NodeDaemon {
    /// Tells the scheduler what happened and does what it says.
    func decide(_ event: NodeEvent) {
        events.append(event)
        // What is done may have consequences of its own: they follow in their order.
        guard !isDeciding else { return }
        isDeciding = true
        defer { isDeciding = false }
        var next = 0
        while next < events.count {
            for effect in scheduler.handle(events[next], at: now) { perform(effect) }
            next += 1
        }
        events.removeAll(keepingCapacity: true)
    }

    /// Time passes for the scheduler where something depends on it.
    func tick() {
        guard let interval = scheduler.tickInterval, now - lastTick >= interval else { return }
        lastTick = now
        decide(.tick)
    }

    private func perform(_ effect: NodeEffect) {
        switch effect {
        case .startWorker(let worker, let environment): startWorker(worker, environment)
        case .stopWorker(let worker, let reason): stop(worker, reason)
        case .killForMemory(let worker, let bytes): killForMemory(worker, bytes: bytes)
        case .grant(let lease, let client, let value, let worker): grant(lease, client.number, value, worker)
        case .dedicated(let lease, _, let number, let worker): dedicated(lease, number, worker)
        case .recall(let lease, let client): notify(client.number, .recalled(lease: lease.number, onceIdle: false))
        case .recallOnceIdle(let lease, let client):
            notify(client.number, .recalled(lease: lease.number, onceIdle: true))
        case .revoke(let lease, let worker):
            if let connection = connection(of: worker) { notify(connection, .leaseOrphaned(lease: lease.number)) }
        case .leaseLost(let lease, let client, let loss): lost(lease, client.number, loss)
        case .refuse(let client, let value, let refusal):
            guard let shape = connections[client.number]?.shapes[value] else { return }
            notify(client.number, .refused(shape: shape, refusal))
        case .refuseDedicated(_, let number, let refusal):
            actorLost(ActorIdentifier(owner: 0, number: number), reason: "\(refusal)", isFinal: true)
        case .groupReady(let group): settled(group, isReady: true)
        case .groupRefused(let group, _): settled(group, isReady: false)
        case .warn: break
        }
    }

    private func stop(_ worker: WorkerID, _ reason: StopReason) {
        guard let connection = connection(of: worker) else { return }
        switch reason {
        case .idle, .makesRoom, .spent:
            connection.isRetiring = true
            retireIfFree(connection)
        case .dedicationEnded: kill(connection)
        case .doesNotYield:
            connection.endReason =
                "it ran a task that nobody wants any more, and the task did not obey its cancellation"
            kill(connection)
        }
    }

    /// Tells a process to end that is to, unless actors or groups would end with it.
    func retireIfFree(_ connection: NodeConnection) {
        guard connection.isRetiring, !actors.hasActors(of: connection.process),
            !scheduler.hasGroups(of: ProcessID(connection.process))
        else { return }
        notify(connection, .retire)
    }

    private func grant(_ lease: LeaseID, _ client: UInt64, _ value: SchedulingClass, _ worker: WorkerID) {
        guard let owner = connections[client], let shape = owner.shapes[value], let home = connection(of: worker)
        else { return decide(.returned(lease)) }
        guard connect(client, home.process) else {
            // One of the two has too many connections, or memory has run out.
            decide(.want(ProcessID(client), value, count: 0))
            decide(.returned(lease))
            notify(owner, .refused(shape: shape, .noConnection))
            return
        }
        insight.counters.leasesGranted += 1
        notify(owner, .granted(lease: lease.number, shape: shape, worker: home.process))
    }

    private func dedicated(_ lease: LeaseID, _ number: UInt64, _ worker: WorkerID) {
        let id = ActorIdentifier(owner: 0, number: number)
        guard let home = connection(of: worker), host(id, on: home, lease) else { return decide(.returned(lease)) }
    }

    /// The worker's end tells the holder of a shared lease; that of an actor was told before.
    private func lost(_ lease: LeaseID, _ client: UInt64, _ loss: LeaseLoss) {
        switch loss {
        case .workerExited, .killedForMemory: break
        case .groupRemoved(let group):
            guard let id = actors.id(of: lease) else {
                return notify(client, .leaseLost(lease: lease.number, group: group.number))
            }
            let reason = "\(Refusal.groupRemoved(group))"
            if case .waiting? = actors[id]?.state {
                actorLost(id, reason: reason, isFinal: true)
            } else {
                // Its worker is ended.
                actors[id]?.ending = (reason, false)
            }
        case .refused(let refusal):
            guard let id = actors.id(of: lease) else { return }
            actorLost(id, reason: "\(refusal)", isFinal: true)
        }
    }

    // MARK: Requests

    func want(_ connection: NodeConnection, _ shape: Int, _ value: SchedulingClass?, _ count: Int) {
        if let value {
            connection.classes[shape] = value
            connection.shapes[value] = shape
        }
        guard let value = connection.classes[shape] else { return }
        decide(.want(ProcessID(connection.process), value, count: count))
    }

    func giveBack(_ number: UInt64, _ connection: NodeConnection) {
        let id = LeaseID(number)
        guard let lease = scheduler.lease(id), lease.client.number == connection.process else { return }
        if let worker = self.connection(of: lease.worker) { notify(worker, .leaseEnded(lease: number)) }
        decide(.returned(id))
    }

    /// What a worker says of a lease that it serves; nothing is believed of others.
    func served(_ number: UInt64, by connection: NodeConnection, _ event: (LeaseID) -> NodeEvent) {
        let id = LeaseID(number)
        guard let lease = scheduler.lease(id), lease.worker == connection.worker else { return }
        decide(event(id))
    }
}

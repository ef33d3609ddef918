import ApusCore
import ApusScheduling

/// What arrives at a process.
extension SimulatedProcess {
    func receive(_ message: Message, from sender: ProcessID) {
        handle(message, from: sender)
        settle()
    }

    private func handle(_ message: Message, from sender: ProcessID) {
        switch message {
        case .grant(let lease, let classIndex, let worker):
            let slot = queues.granted(lease, of: slot(of: classIndex))
            leaseSlots[lease] = slot
            leaseOfSlot[slot] = (lease, worker)
        case .recall(let lease, let onceIdle):
            if let slot = leaseSlots[lease] { queues.recalled(slot, onceIdle: onceIdle) }
        case .leaseLost(let lease, let loss):
            let worker =
                leaseSlots[lease].flatMap { leaseOfSlot[$0]?.worker }
                ?? actorOfLease[lease].flatMap { actors[$0]?.worker }
            // What the worker sent before it died counts.
            if !loss.isByGroup, let worker, !dead.contains(worker) {
                lossesToCome[worker, default: []].append((lease, loss))
            } else {
                leaseLost(lease, loss)
            }
        case .refuse(let classIndex, let reason):
            for task in queues.drain(slot(of: classIndex)) where !task.isCancelled { end(task, .failure(reason)) }
        case .groupReady(let group): groupSettled(group)
        case .groupRefused(let group): groupSettled(group)
        case .dedicated(let lease, let request, let worker):
            if actorOfLease[lease] == request, let old = actors[request]?.worker {
                // What the worker sent before it died counts.
                if dead.contains(old) {
                    actorMoved(request, lease: lease, to: worker)
                } else {
                    movesToCome[old] = (request, lease, worker)
                }
            } else {
                actorStarted(request, lease: lease, worker: worker)
            }
        case .refuseDedicated(let request): actorRefused(request)
        case .reply(let reply, let record):
            direct(.reply(reply))
            if case .adopt(let object, _) = reply, directory.owns(object) { adopt(object, record) }
            // Nobody else tells of a death before this process began, and a lease may have been granted there.
            if case .noticed(let process) = reply, !met.contains(process) { died(process) }
        case .directory(let message): direct(.message(message, from: sender))
        case .fetch(let object):
            // Another borrower may hear of this process's adoption before it does: then the answer waits for it.
            if cells[object]?.value != nil {
                sendValue(object, to: sender)
            } else {
                cells[object, default: Cell()].remotes.append(sender)
            }
        case .value(let object, let digest, let error, let contained):
            complete(object, Value(digest: digest, error: error, contained: accept(contained, from: sender)))
        case .finished(let lease, let output, let digest, let error, let contained, let nanoseconds):
            finished(
                lease, output, Value(digest: digest, error: error, contained: accept(contained, from: sender)),
                nanoseconds)
        case .dropped(let lease, let object):
            guard let slot = leaseSlots[lease] else { break }
            let sent = (0..<queues.sent(to: slot)).map { queues.sent(to: slot, at: $0) }
            // It is not there where it was taken back at the same time.
            if let task = sent.first(where: { $0.output == object }) { queues.removed(task, from: slot) }
        case .withdrawn(let lease, let count): if let slot = leaseSlots[lease] { queues.withdrawn(slot, count: count) }
        case .workerBlocked(let lease): if let slot = leaseSlots[lease] { queues.blocked(slot) }
        case .workerUnblocked(let lease): if let slot = leaseSlots[lease] { queues.unblocked(slot) }
        case .answered(let lease, let sequence, let object, let digest):
            answered(lease, sequence, object, digest)
        case .died: died(sender)
        case .run(let lease, let assignment): assigned(assignment, lease, from: sender)
        case .withdraw(let lease, let count): withdraw(lease, count, for: sender)
        case .revoke(let lease): revoke(lease)
        case .cancel(let lease, let object): drop(object, lease, for: sender)
        case .call(let lease, let sequence, let object, let seed): called(lease, sequence, object, seed, by: sender)
        case .stop: isStopping = true
        default: world.report("\(id) cannot handle \(message)")
        }
    }

    private func finished(_ lease: LeaseID, _ output: ObjectID, _ value: Value, _ nanoseconds: Int) {
        guard let slot = leaseSlots[lease], queues.sent(to: slot) > 0 else {
            for inner in value.contained { direct(.release(inner)) }
            return
        }
        let task = queues.sent(to: slot, at: 0)
        queues.completed(task, of: slot, nanoseconds: nanoseconds)
        if task.output != output { world.report("\(lease) ended \(output) before \(task.output)") }
        if task.isCancelled {
            for inner in value.contained { direct(.release(inner)) }
        } else {
            end(task, value)
        }
        while let next = queues.next(for: slot) { dispatch(next, to: slot) }
    }

    /// The object's new owner takes its stored value, or runs its task again.
    private func adopt(_ object: ObjectID, _ record: Record?) {
        // Those who asked the former owner ask again by themselves.
        if cells[object]?.value != nil {
            lineageHandle(.put(object))
        } else if let digest = record?.digest {
            lineageHandle(.put(object))
            complete(object, .success(digest))
        } else if let (seed, depth) = record?.task {
            lastNumber += 1
            let task = SimulatedTask(
                output: object, number: lastNumber, seed: seed, depth: depth, classIndex: 1, inputs: [], passed: [])
            tasks[object] = task
            tasksByNumber[lastNumber] = task
            world.submitted()
            lineageHandle(.submitted(task: lastNumber, inputs: [], outputs: [object], retries: -1, bytes: 100))
            begin(task)
        } else {
            complete(object, .failure("owner died"))
        }
    }

    private func died(_ process: ProcessID) {
        dead.insert(process)
        for object in cells.keys { cells[object]?.remotes.removeAll { $0 == process } }
        direct(.died(process))
        for (lease, loss) in lossesToCome.removeValue(forKey: process) ?? [] { leaseLost(lease, loss) }
        if let (actor, lease, worker) = movesToCome.removeValue(forKey: process), actorOfLease[lease] == actor {
            actorMoved(actor, lease: lease, to: worker)
        }
    }

    // MARK: Actors and groups

    func createActor(restarts: Int) -> UInt64 {
        lastActor += 1
        actors[lastActor] = SimulatedActor(restarts: restarts)
        world.send(.dedicate(request: lastActor), from: id, to: .daemon)
        return lastActor
    }

    func call(_ actor: UInt64, seed: UInt64) -> ObjectID {
        let object = newObject()
        lineageHandle(.answered(byActor: object))
        guard var state = actors[actor], !state.isDead else {
            complete(object, .failure("actor died"))
            return object
        }
        state.waiting.append((state.nextSequence, object, seed))
        state.nextSequence += 1
        // The call needs its object until it is answered.
        direct(.retain(object))
        actors[actor] = state
        sendCalls(actor)
        return object
    }

    private func sendCalls(_ actor: UInt64) {
        guard var state = actors[actor], let lease = state.lease, let worker = state.worker else { return }
        for (sequence, object, seed) in state.waiting {
            world.send(.call(lease, sequence: sequence, object, seed: seed), from: id, to: worker)
            state.sent.append((sequence, object))
        }
        state.waiting = []
        actors[actor] = state
    }

    private func actorStarted(_ actor: UInt64, lease: LeaseID, worker: ProcessID) {
        guard actors[actor]?.isDead == false else {
            return world.send(.returned(lease), from: id, to: .daemon)
        }
        actors[actor]?.lease = lease
        actors[actor]?.worker = worker
        actorOfLease[lease] = actor
        sendCalls(actor)
        endActorIfDone(actor)
    }

    private func answered(_ lease: LeaseID, _ sequence: Int, _ object: ObjectID, _ digest: UInt64) {
        guard let actor = actorOfLease[lease], let first = actors[actor]?.sent.first else { return }
        if first.sequence != sequence || first.object != object {
            return world.report("an actor answered call \(sequence) before call \(first.sequence)")
        }
        actors[actor]?.sent.removeFirst()
        complete(object, .success(digest))
        direct(.release(object))
        endActorIfDone(actor)
    }

    /// Its worker died, and it got another one without giving up what it holds.
    private func actorMoved(_ actor: UInt64, lease: LeaseID, to worker: ProcessID) {
        interrupted(actor)
        actorOfLease[lease] = nil
        actorStarted(actor, lease: lease, worker: worker)
    }

    func actorLost(_ actor: UInt64) {
        interrupted(actor)
        if actors[actor]?.isDead == false { world.send(.dedicate(request: actor), from: id, to: .daemon) }
        endActorIfDone(actor)
    }

    /// Calls that may have begun are not made again; those behind them go to the next incarnation.
    private func interrupted(_ actor: UInt64) {
        guard var state = actors[actor] else { return }
        let interrupted = state.sent
        state.sent = []
        state.lease = nil
        state.worker = nil
        state.isDead = state.restarts == 0 || state.isEnding
        let given = state.isDead ? state.waiting : []
        if state.isDead { state.waiting = [] } else { state.restarts -= 1 }
        actors[actor] = state
        for object in interrupted.map(\.object) + given.map(\.object) {
            complete(object, .failure("actor died"))
            direct(.release(object))
        }
    }

    private func actorRefused(_ actor: UInt64) {
        actors[actor]?.restarts = 0
        actorLost(actor)
    }

    /// Ends an actor after the calls that were made.
    func endActor(_ actor: UInt64) {
        actors[actor]?.isEnding = true
        endActorIfDone(actor)
    }

    private func endActorIfDone(_ actor: UInt64) {
        guard let state = actors[actor], state.isEnding, !state.isDead, state.sent.isEmpty else { return }
        if let lease = state.lease {
            actors[actor]?.isDead = true
            actorOfLease[lease] = nil
            world.send(.returned(lease), from: id, to: .daemon)
        } else if state.waiting.isEmpty {
            actors[actor]?.isDead = true
            world.send(.cancelDedicated(request: actor), from: id, to: .daemon)
        }
    }

    private func groupSettled(_ group: GroupID) {
        guard let run = groups[group] else { return }
        runs[run]?.isGroupReady = true
        if let wait = runs[run]?.wait { wake(run, wait) }
    }
}

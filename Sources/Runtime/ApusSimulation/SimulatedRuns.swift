import ApusCore
import ApusScheduling

/// Scripts that run in a process.
extension SimulatedProcess {
    /// A driver's program.
    func runProgram(seed: UInt64) {
        lastRun += 1
        runs[lastRun] = Run(
            script: Script(seed: seed, depth: 0), depth: 0, lease: nil, owner: id,
            output: ObjectID(owner: id.number, number: 0), started: world.now,
            generator: SeededGenerator(seed: seed, stream: 77), references: [], digest: seed)
        step(lastRun)
        settle()
    }

    // MARK: As a worker

    func assigned(_ assignment: Assignment, _ lease: LeaseID, from owner: ProcessID) {
        _ = accept(assignment.references, from: owner)
        guard !revoked.contains(lease) || world.defect == .forgetsRevocations else {
            for reference in assignment.references { direct(.release(reference.object)) }
            return
        }
        leases[lease, default: WorkerLease(owner: owner)].queue.append(assignment)
        startNext(lease)
    }

    private func startNext(_ lease: LeaseID) {
        guard !isSpent, var state = leases[lease], state.run == nil else { return }
        guard !state.queue.isEmpty else {
            leases[lease] = nil
            return
        }
        let assignment = state.queue.removeFirst()
        lastRun += 1
        state.run = lastRun
        leases[lease] = state
        world.started(assignment.output, attempt: assignment.attempt, owner: state.owner)
        world.started(under: lease, by: id)
        var digest = assignment.seed
        for given in assignment.given { digest = SeededGenerator.mix(digest ^ given) }
        runs[lastRun] = Run(
            script: Script(seed: assignment.seed, depth: assignment.depth), depth: assignment.depth, lease: lease,
            owner: state.owner, output: assignment.output, started: world.now,
            generator: SeededGenerator(seed: assignment.seed, stream: 77),
            references: assignment.references.map(\.object), digest: digest)
        resume(lastRun)
    }

    func withdraw(_ lease: LeaseID, _ count: Int, for owner: ProcessID) {
        let given = min(count, leases[lease]?.queue.count ?? 0)
        let returned = leases[lease]?.queue.suffix(given) ?? []
        leases[lease]?.queue.removeLast(given)
        for assignment in returned { for reference in assignment.references { direct(.release(reference.object)) } }
        let lie = world.defect == .withdrawsStarted && given < count && leases[lease]?.run != nil ? 1 : 0
        world.send(.withdrawn(lease, count: given + lie), from: id, to: owner)
    }

    /// A cancelled task is not begun.
    func drop(_ object: ObjectID, _ lease: LeaseID, for owner: ProcessID) {
        guard let place = leases[lease]?.queue.firstIndex(where: { $0.output == object }),
            let assignment = leases[lease]?.queue.remove(at: place)
        else { return }
        for reference in assignment.references { direct(.release(reference.object)) }
        world.send(.dropped(lease, object), from: id, to: owner)
    }

    /// The worker has run as many tasks as it may.
    func becomeSpent() {
        guard !isSpent else { return }
        isSpent = true
        world.send(.spent, from: id, to: .daemon)
    }

    func revoke(_ lease: LeaseID) {
        revoked.insert(lease)
        if let state = leases.removeValue(forKey: lease) {
            for assignment in state.queue {
                for reference in assignment.references { direct(.release(reference.object)) }
            }
            if let number = state.run, let run = runs.removeValue(forKey: number) { abandon(run) }
        }
        world.send(.revoked(lease), from: id, to: .daemon)
    }

    /// Lets go of what a run has.
    private func abandon(_ run: Run) {
        for object in run.references { direct(.release(object)) }
        if let actor = run.actor { endActor(actor) }
        if let group = run.group {
            groups[group] = nil
            world.send(.removeGroup(group), from: id, to: .daemon)
        }
    }

    func called(_ lease: LeaseID, _ sequence: Int, _ object: ObjectID, _ seed: UInt64, by owner: ProcessID) {
        if let last = actorCalls[lease], sequence <= last { world.report("call \(sequence) came after call \(last)") }
        actorCalls[lease] = sequence
        world.started(object, attempt: 1, owner: owner)
        world.send(
            .answered(lease, sequence: sequence, object, digest: SeededGenerator.mix(seed)), from: id, to: owner)
    }

    // MARK: Steps

    func wake(_ number: Int, _ wait: Int) {
        guard let run = runs[number], run.isWaiting, run.wait == wait else { return }
        runs[number]?.isWaiting = false
        resume(number)
    }

    private func resume(_ number: Int) {
        world.after(.microseconds(1)) { [weak self] in
            guard let self, world.processes[id] != nil, runs[number] != nil else { return }
            step(number)
            settle()
        }
    }

    private func setBlocked(_ isBlocked: Bool, _ number: Int) {
        guard let run = runs[number], run.isBlocked != isBlocked else { return }
        runs[number]?.isBlocked = isBlocked
        guard let lease = run.lease else { return }
        world.send(isBlocked ? .workerBlocked(lease) : .workerUnblocked(lease), from: id, to: run.owner)
        world.send(isBlocked ? .blocked(lease) : .unblocked(lease), from: id, to: .daemon)
    }

    /// Suspends a run until it is woken.
    private func suspend(_ number: Int) -> Int {
        runs[number]?.wait += 1
        runs[number]?.isWaiting = true
        setBlocked(true, number)
        return runs[number]?.wait ?? 0
    }

    private func step(_ number: Int) {
        while var run = runs[number] {
            setBlocked(false, number)
            run.isBlocked = false
            guard run.place < run.script.steps.count else { return endRun(number, error: nil) }
            let step = run.script.steps[run.place]
            func chosen(_ pick: Int) -> ObjectID? {
                run.references.isEmpty ? nil : run.references[pick % run.references.count]
            }
            switch step {
            case .compute(let nanoseconds):
                runs[number]?.place += 1
                world.after(.nanoseconds(nanoseconds)) { [weak self] in
                    guard let self, world.processes[id] != nil, runs[number] != nil else { return }
                    self.step(number)
                    settle()
                }
                return
            case .submit(let seed, let kind, let waitsFor, let passes, let retries):
                let object = submit(
                    seed: seed, depth: run.depth + 1, classIndex: 1 + kind,
                    inputs: waitsFor.compactMap(chosen), passed: passes.compactMap(chosen), retries: retries)
                runs[number]?.references.append(object)
            case .burst(let seed, let kind, let count):
                for place in 0..<count {
                    let object = submit(
                        seed: SeededGenerator.mix(seed &+ UInt64(place)), depth: Script.burstDepth,
                        classIndex: 1 + kind,
                        inputs: [], passed: [], retries: 3)
                    runs[number]?.references.append(object)
                }
            case .get(let pick):
                if let object = chosen(pick) {
                    guard let value = cells[object]?.value else {
                        let wait = suspend(number)
                        awaitValue(object) { $0.runs.append((number, wait)) }
                        return
                    }
                    guard let digest = value.digest else { return endRun(number, error: value.error) }
                    runs[number]?.digest = SeededGenerator.mix(run.digest ^ digest)
                    for inner in value.contained {
                        direct(.retain(inner))
                        runs[number]?.references.append(inner)
                    }
                }
            case .waitAny(let first, let second, let timeout):
                let objects = [first, second].compactMap(chosen)
                if !run.isWaiting, !objects.isEmpty, objects.allSatisfy({ cells[$0]?.value == nil }) {
                    runs[number]?.place += 1
                    let wait = suspend(number)
                    for object in objects { awaitValue(object) { $0.runs.append((number, wait)) } }
                    world.after(.nanoseconds(timeout)) { [weak self] in
                        guard let self, world.processes[id] != nil else { return }
                        wake(number, wait)
                    }
                    return
                }
            case .put(let digest):
                let object = newObject()
                lineageHandle(.put(object))
                complete(object, .success(digest))
                runs[number]?.references.append(object)
            case .cancel(let pick): if let object = chosen(pick) { cancel(object) }
            case .drop(let pick):
                if !run.references.isEmpty {
                    let object = run.references[pick % run.references.count]
                    runs[number]?.references.remove(at: pick % run.references.count)
                    direct(.release(object))
                }
            case .createActor(let restarts):
                if run.actor == nil { runs[number]?.actor = createActor(restarts: restarts) }
            case .callActor(let seed):
                if let actor = run.actor {
                    let object = call(actor, seed: seed)
                    runs[number]?.references.append(object)
                }
            case .createGroup:
                if run.group == nil {
                    lastNumber += 1
                    let group = GroupID(id.number << 16 | lastNumber)
                    groups[group] = number
                    runs[number]?.group = group
                    runs[number]?.isGroupReady = false
                    world.send(.createGroup(group), from: id, to: .daemon)
                }
                if runs[number]?.isGroupReady == false {
                    _ = suspend(number)
                    return
                }
            case .submitToGroup(let seed):
                if let group = run.group {
                    let value = SchedulingClass(
                        demand: Resources(cpus: 0.5), environment: world.classes[1].environment,
                        bundle: BundleReference(group: group))
                    let index = world.classes.firstIndex(of: value) ?? world.classes.count
                    if index == world.classes.count { world.classes.append(value) }
                    runs[number]?.references.append(
                        submit(seed: seed, depth: 3, classIndex: index, inputs: [], passed: [], retries: 1))
                }
            case .removeGroup:
                if let group = run.group {
                    groups[group] = nil
                    runs[number]?.group = nil
                    world.send(.removeGroup(group), from: id, to: .daemon)
                }
            }
            runs[number]?.place += 1
        }
    }

    private func endRun(_ number: Int, error: String?) {
        guard let run = runs.removeValue(forKey: number) else { return }
        if let lease = run.lease {
            var contained: [PassedReference] = []
            if error == nil, !run.references.isEmpty {
                for pick in run.script.returned {
                    contained.append(pass(run.references[pick % run.references.count], to: run.owner))
                }
            }
            let took = Int((world.now - run.started) / .nanoseconds(1))
            world.send(
                .finished(
                    lease, run.output, digest: error == nil ? run.digest : nil, error: error ?? "",
                    contained: contained, nanoseconds: took), from: id, to: run.owner)
            leases[lease]?.run = nil
            abandon(run)
            startNext(lease)
        } else {
            abandon(run)
        }
    }
}

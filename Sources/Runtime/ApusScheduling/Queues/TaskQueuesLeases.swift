import ApusCore

/// What happens to leases, and what is wanted: once per lease or class, not per task.
extension TaskQueues {
    /// A lease was granted; the driver keeps where its worker is.
    public mutating func granted(_ id: LeaseID, of slot: ClassSlot) -> LeaseSlot {
        precondition(slot.index < classCount)
        let index = freeLeases.popLast() ?? addLease()
        leases[index].id = id
        leases[index].classIndex = slot.index
        leases[index].completionsAtTick = leases[index].completions
        classes[slot.index].held += 1
        endStarving(slot.index)
        relink(index)
        pump(slot.index)
        if classes[slot.index].queue.count == 0 { settle(index) }
        return LeaseSlot(index: index)
    }

    private mutating func addLease() -> Int {
        if leaseCount == leaseCapacity {
            let next = UnsafeMutablePointer<Lease>.allocate(capacity: leaseCapacity * 2)
            next.moveInitialize(from: leases, count: leaseCount)
            leases.deallocate()
            leases = next
            leaseCapacity *= 2
        }
        (leases + leaseCount).initialize(to: Lease())
        leaseCount += 1
        return leaseCount - 1
    }

    /// A lease is gone with its worker, or its group. Returns its tasks, oldest first; only the first can have run.
    public mutating func lost(_ slot: LeaseSlot) -> [Element] {
        let lease = pointer(to: slot.index)
        let state = classes + lease.pointee.classIndex
        if lease.pointee.sent.count > 1 { state.pointee.deep -= 1 }
        state.pointee.backlog -= lease.pointee.sent.count
        var elements: [Element] = []
        elements.reserveCapacity(lease.pointee.sent.count)
        while let element = lease.pointee.sent.popFirst() { elements.append(element) }
        actions.removeAll {
            switch $0 {
            case .giveBack(let other, _), .withdraw(let other, _, _): other == slot
            case .want: false
            }
        }
        free(slot.index)
        return elements
    }

    /// Puts a task whose attempt was lost before all others.
    public mutating func resubmit(_ element: consuming Element, to slot: ClassSlot) {
        precondition(slot.index < classCount)
        let state = classes + slot.index
        state.pointee.queue.prepend(element)
        state.pointee.backlog += 1
        state.pointee.highestBacklog = max(state.pointee.highestBacklog, state.pointee.backlog)
        if state.pointee.backlog > state.pointee.enough { wantMore(slot.index) }
        if state.pointee.held == 0, !state.pointee.isStarving { starve(slot.index) }
        pump(slot.index)
    }

    /// The scheduler needs the lease: it goes back at once where it is idle, else when what its worker has begun is done.
    ///
    /// - Parameter onceIdle: only if and when it has no tasks, which it goes on taking.
    public mutating func recalled(_ slot: LeaseSlot, onceIdle: Bool = false) {
        let lease = pointer(to: slot.index)
        guard !lease.pointee.isLeaving else { return }
        if lease.pointee.list == .idle { return giveBack(slot.index) }
        if onceIdle {
            lease.pointee.isRecalledOnceIdle = true
            return
        }
        guard !lease.pointee.isRecalled else { return }
        change(slot.index) { $0.isRecalled = true }
        // Also the first one, which a worker that is about to end may never begin.
        withdraw(slot.index, lease.pointee.sent.count)
        settle(slot.index)
    }

    /// A task that was sent will not run: it was cancelled before it began.
    public mutating func removed(_ element: Element, from slot: LeaseSlot) {
        let lease = pointer(to: slot.index)
        guard takeSent(element, lease) else { return }
        let state = classes + lease.pointee.classIndex
        state.pointee.backlog -= 1
        if lease.pointee.sent.count == 1 { state.pointee.deep -= 1 }
        settle(slot.index)
        pump(lease.pointee.classIndex)
    }

    /// A task could not be sent, because its worker can hold no more: it waits before all others, and the lease is
    /// given nothing until a task of it ends.
    public mutating func refused(_ element: Element, by slot: LeaseSlot) {
        let lease = pointer(to: slot.index)
        guard takeSent(element, lease) else { return }
        let state = classes + lease.pointee.classIndex
        if lease.pointee.sent.count == 1 { state.pointee.deep -= 1 }
        state.pointee.queue.prepend(element)
        setSlow(slot.index, true)
    }

    /// The task that runs waits for objects: those behind it, for which it may be waiting, go elsewhere.
    public mutating func blocked(_ slot: LeaseSlot) {
        let lease = pointer(to: slot.index)
        guard !lease.pointee.isBlocked, !lease.pointee.isLeaving else { return }
        change(slot.index) { $0.isBlocked = true }
        withdraw(slot.index, lease.pointee.sent.count - 1)
    }

    public mutating func unblocked(_ slot: LeaseSlot) {
        let lease = pointer(to: slot.index)
        guard lease.pointee.isBlocked else { return }
        change(slot.index) { $0.isBlocked = false }
        pump(lease.pointee.classIndex)
    }

    /// A worker gave back the last `count` tasks that were sent to it.
    public mutating func withdrawn(_ slot: LeaseSlot, count: Int) {
        let lease = pointer(to: slot.index)
        guard lease.pointee.isWithdrawing else { return }
        lease.pointee.isWithdrawing = false
        let index = lease.pointee.classIndex
        // What comes back is not for this lease, so it is not listed before its next task ends.
        let before = lease.pointee.sent.count
        for _ in 0..<max(0, count) {
            guard let element = lease.pointee.sent.popLast() else { break }
            classes[index].queue.prepend(element)
        }
        if before > 1, lease.pointee.sent.count <= 1 { classes[index].deep -= 1 }
        pump(index)
        // A smaller withdrawal was under way when the lease was blocked, recalled or found slow.
        // Where it gave less than it was asked for, the rest has begun.
        if lease.pointee.isOccupied, count > 0, count == lease.pointee.askedFor {
            withdraw(slot.index, lease.pointee.sent.count - (lease.pointee.isRecalled ? 0 : 1))
        }
        if lease.pointee.sent.count == 0 { settle(slot.index) }
    }

    /// A queued task that found a lease. Called until it returns nil, after every event but `submit` and `completed`.
    public mutating func nextSend() -> (element: Element, lease: LeaseSlot)? {
        while let index = pumps.last {
            let state = classes + index
            while state.pointee.queue.count > 0, let lease = leaseWithRoom(index),
                starving.isEmpty || !givesWay(lease), let element = state.pointee.queue.popFirst()
            {
                if element.isCancelled {
                    state.pointee.backlog -= 1
                    continue
                }
                send(copy element, to: lease)
                return (element, LeaseSlot(index: lease))
            }
            pumps.removeLast()
            state.pointee.isPumpDue = false
        }
        return nil
    }

    /// Takes all tasks of a class that are not sent, in order: the scheduler refused the class.
    public mutating func drain(_ slot: ClassSlot) -> [Element] {
        precondition(slot.index < classCount)
        let state = classes + slot.index
        var elements: [Element] = []
        elements.reserveCapacity(state.pointee.queue.count)
        while let element = state.pointee.queue.popFirst() { elements.append(element) }
        state.pointee.backlog -= elements.count
        state.pointee.highestBacklog = state.pointee.backlog
        endStarving(slot.index)
        // The scheduler has forgotten what was wanted: whatever is submitted from now on is wanted anew.
        state.pointee.wanted = 0
        state.pointee.enough = 0
        if state.pointee.isWantChanged {
            state.pointee.isWantChanged = false
            changedWants.removeAll { $0 == slot.index }
        }
        return elements
    }

    // MARK: Time

    public var needsTick: Bool {
        for index in 0..<classCount where classes[index].wanted > 0 || classes[index].held > 0 { return true }
        return false
    }

    /// Wants less where less was enough since the last tick, and gives back leases that were idle for long.
    public mutating func tick(at now: Instant) {
        for index in 0..<classCount {
            let state = classes + index
            let enough = rounded(needed(index, for: state.pointee.highestBacklog))
            if enough < state.pointee.wanted { setWanted(index, enough) }
            state.pointee.highestBacklog = state.pointee.backlog
            // It may have given way for others than those who were to go first.
            if state.pointee.isHeldUp { goOn(index) }
            var lease = state.pointee.firstIdle
            while lease >= 0 {
                let idle = pointer(to: lease)
                let next = idle.pointee.next
                if let since = idle.pointee.idleSince {
                    if now - since >= configuration.linger { giveBack(lease) }
                } else {
                    idle.pointee.idleSince = now
                }
                lease = next
            }
        }
        for index in 0..<leaseCount where leases[index].classIndex >= 0 {
            let lease = leases + index
            if lease.pointee.sent.count > 0, lease.pointee.completions == lease.pointee.completionsAtTick {
                if !lease.pointee.isSlow { setSlow(index, true) }
                withdraw(index, lease.pointee.sent.count - 1)
            }
            if lease.pointee.sent.count == 0, lease.pointee.isSlow {
                setSlow(index, false)
                pump(lease.pointee.classIndex)
            }
            lease.pointee.completionsAtTick = lease.pointee.completions
        }
    }

    /// Whether `nextSend` or `takeActions` may have something.
    @inlinable
    public var hasWork: Bool { !pumps.isEmpty || !actions.isEmpty || !changedWants.isEmpty }

    /// Moves what is to be done to the end of a buffer, in order.
    public mutating func takeActions(into buffer: inout [QueueAction]) {
        for index in changedWants {
            classes[index].isWantChanged = false
            buffer.append(.want(ClassSlot(index: index), count: classes[index].wanted))
        }
        changedWants.removeAll(keepingCapacity: true)
        for action in actions {
            buffer.append(action)
            if case .giveBack(let slot, _) = action { free(slot.index) }
        }
        actions.removeAll(keepingCapacity: true)
    }

    // MARK: Figures

    /// Tasks of a class that are queued or sent; cancelled ones count until their turn.
    public func backlog(of slot: ClassSlot) -> Int { classes[slot.index].backlog }
    public func wanted(of slot: ClassSlot) -> Int { classes[slot.index].wanted }
    public func held(of slot: ClassSlot) -> Int { classes[slot.index].held }
    public func depth(of slot: ClassSlot) -> Int { classes[slot.index].depth }
    public func sent(to slot: LeaseSlot) -> Int { pointer(to: slot.index).pointee.sent.count }
    /// A task that was sent under a lease; 0 is the oldest.
    public func sent(to slot: LeaseSlot, at place: Int) -> Element { pointer(to: slot.index).pointee.sent[place] }
    /// Tasks of a class without a lease; cancelled ones count until their turn.
    public func queued(of slot: ClassSlot) -> Int { classes[slot.index].queue.count }
    /// A task without a lease; 0 is the next one.
    public func queued(of slot: ClassSlot, at place: Int) -> Element { classes[slot.index].queue[place] }
    public func isBlocked(_ slot: LeaseSlot) -> Bool { pointer(to: slot.index).pointee.isBlocked }
    public var isIdle: Bool {
        for index in 0..<classCount where classes[index].backlog > 0 { return false }
        return true
    }

    // MARK: Decisions

    private func needed(_ index: Int, for backlog: Int) -> Int {
        let depth = classes[index].depth
        // Each occupied lease has one task, or none, that it does not share.
        let occupied = min(classes[index].occupied, backlog)
        return min(configuration.leaseLimit, occupied + (backlog - occupied + depth - 1) / depth)
    }

    @usableFromInline
    mutating func wantMore(_ index: Int) {
        guard !classes[index].isHeldUp else { return }
        setWanted(index, max(classes[index].wanted, rounded(needed(index, for: classes[index].backlog))))
    }

    /// Up, so that a stream of submissions tells the node of a few wishes only.
    private func rounded(_ count: Int) -> Int {
        count < 2 ? count : min(configuration.leaseLimit, 1 << (Int.bitWidth - (count - 1).leadingZeroBitCount))
    }

    mutating func setWanted(_ index: Int, _ count: Int) {
        let state = classes + index
        updateEnough(index, wanted: count)
        guard count != state.pointee.wanted else { return }
        state.pointee.wanted = count
        guard !state.pointee.isWantChanged else { return }
        state.pointee.isWantChanged = true
        changedWants.append(index)
    }

    private mutating func updateEnough(_ index: Int, wanted: Int) {
        let state = classes + index
        let occupied = min(state.pointee.occupied, wanted)
        state.pointee.enough =
            wanted >= configuration.leaseLimit ? .max : occupied + (wanted - occupied) * state.pointee.depth
    }

    /// Changes what makes a lease occupied, and wants others in its place.
    private mutating func change(_ index: Int, _ body: (inout Lease) -> Void) {
        let lease = pointer(to: index)
        let state = classes + lease.pointee.classIndex
        let was = lease.pointee.isOccupied
        body(&lease.pointee)
        relink(index)
        guard was != lease.pointee.isOccupied else { return }
        state.pointee.occupied += was ? -1 : 1
        updateEnough(lease.pointee.classIndex, wanted: state.pointee.wanted)
        if state.pointee.backlog > state.pointee.enough { wantMore(lease.pointee.classIndex) }
    }

    @usableFromInline
    mutating func setSlow(_ index: Int, _ isSlow: Bool) { change(index) { $0.isSlow = isSlow } }

    @usableFromInline
    mutating func updateDepth(_ index: Int) {
        let state = classes + index
        let depth = min(configuration.depthLimit, max(1, ahead / max(1, state.pointee.mean)))
        guard depth != state.pointee.depth else { return }
        state.pointee.depth = depth
        updateEnough(index, wanted: state.pointee.wanted)
        if state.pointee.backlog > state.pointee.enough { wantMore(index) }
    }

    /// A lease that was given nothing more: it is listed by what it has; one without tasks goes back if it was recalled, else
    /// takes tasks from another.
    @inlinable
    mutating func settle(_ index: Int) {
        relink(index)
        let lease = pointer(to: index)
        if lease.pointee.sent.count == 0,
            lease.pointee.isRecalled || lease.pointee.isRecalledOnceIdle
                || classes[lease.pointee.classIndex].deep > 0
        {
            settleDry(index)
        }
    }

    @usableFromInline
    mutating func settleDry(_ index: Int) {
        let lease = pointer(to: index)
        guard !lease.pointee.isWithdrawing, !lease.pointee.isLeaving else { return }
        if lease.pointee.isRecalled || lease.pointee.isRecalledOnceIdle { return giveBack(index) }
        guard lease.pointee.list == .idle else { return }
        takeFromFullest(lease.pointee.classIndex)
    }

    private mutating func takeFromFullest(_ classIndex: Int) {
        var fullest: (index: Int, count: Int)?
        for index in 0..<leaseCount where leases[index].classIndex == classIndex {
            // One move at a time: what it brings is shared out before more is asked for.
            if leases[index].isWithdrawing { return }
            let count = leases[index].sent.count
            if count > (fullest?.count ?? 1) { fullest = (index, count) }
        }
        guard let fullest, classes[classIndex].depth < configuration.packedDepth,
            (fullest.count - 1) * max(1, classes[classIndex].mean) >= worthMoving
        else { return }
        withdraw(fullest.index, fullest.count / 2)
    }

    private mutating func withdraw(_ index: Int, _ count: Int) {
        let lease = pointer(to: index)
        guard count > 0, !lease.pointee.isWithdrawing else { return }
        lease.pointee.isWithdrawing = true
        lease.pointee.askedFor = count
        relink(index)
        actions.append(.withdraw(LeaseSlot(index: index), lease.pointee.id, count: count))
    }

    mutating func giveBack(_ index: Int) {
        let lease = pointer(to: index)
        if lease.pointee.list != .none { unlink(index) }
        lease.pointee.isLeaving = true
        let state = classes + lease.pointee.classIndex
        leave(lease.pointee.classIndex)
        // What nothing waits for is not granted again at once.
        let enough = rounded(needed(lease.pointee.classIndex, for: state.pointee.backlog))
        if enough < state.pointee.wanted { setWanted(lease.pointee.classIndex, enough) }
        actions.append(.giveBack(LeaseSlot(index: index), lease.pointee.id))
    }

    private mutating func free(_ index: Int) {
        let lease = pointer(to: index)
        if lease.pointee.list != .none { unlink(index) }
        if !lease.pointee.isLeaving { leave(lease.pointee.classIndex) }
        // Keeps it out of the lists while it changes.
        lease.pointee.isLeaving = true
        change(index) {
            $0.isRecalled = false
            $0.isRecalledOnceIdle = false
            $0.isBlocked = false
            $0.isSlow = false
        }
        lease.pointee.isWithdrawing = false
        lease.pointee.isLeaving = false
        lease.pointee.classIndex = -1
        freeLeases.append(index)
    }

    /// One lease of a class less is held.
    private mutating func leave(_ index: Int) {
        classes[index].held -= 1
        if classes[index].held == 0, classes[index].queue.count > 0, !classes[index].isStarving { starve(index) }
    }

    mutating func pump(_ index: Int) {
        guard !classes[index].isPumpDue, classes[index].queue.count > 0 else { return }
        classes[index].isPumpDue = true
        pumps.append(index)
    }
}

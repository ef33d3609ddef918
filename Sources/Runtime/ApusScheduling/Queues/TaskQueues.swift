import ApusCore

/// A task in an owner's queues.
public protocol QueuedTask: AnyObject {
    /// A cancelled task is dropped when its turn comes; its owner has answered for it already.
    var isCancelled: Bool { get }
    /// Its place among all tasks of its owner; the queues set it.
    var ticket: UInt64 { get set }
}

/// One process's class in its `TaskQueues`.
public struct ClassSlot: Hashable, Sendable {
    public let index: Int
    @usableFromInline init(index: Int) { self.index = index }
}

/// One lease in a process's `TaskQueues`, from `granted` until it is given back or lost.
public struct LeaseSlot: Hashable, Sendable {
    public let index: Int
    @usableFromInline init(index: Int) { self.index = index }
}

/// What queues ask of their driver besides sending tasks.
public enum QueueAction: Equatable, Sendable {
    /// To the node's scheduler: how many leases of a class there is use for.
    case want(ClassSlot, count: Int)
    /// To the node's scheduler: nothing runs under the lease. The slot is invalid from the moment at which the action is
    /// taken; until then nothing that happens to it has an effect.
    case giveBack(LeaseSlot, LeaseID)
    /// To the lease's worker: return up to so many of the tasks sent last that have not started; `withdrawn` answers.
    case withdraw(LeaseSlot, LeaseID, count: Int)
}

/// An owner's tasks that are ready to run, by class, and the leases to run them on. Pure: it sends nothing.
///
/// Tasks of a class start in the order of their submission. A class without a lease is overtaken by at most
/// `Configuration.patience` later tasks of others that have what it lacks: then these give their leases back. A lease takes as many tasks ahead as its worker runs in
/// `Configuration.ahead`, by the class's mean duration, and one while that is unknown or long. A lease that runs dry takes
/// half of what the fullest one has not started; what waits behind a task that turns out long is taken back from its
/// lease at the next tick. Tasks that are shorter than it takes to wake a process are packed instead: a second lease is
/// used when the first has all that it can take. Leases are wanted as the backlog demands and given back when they were
/// idle for `Configuration.linger`, or are recalled.
///
/// A worker runs the tasks of a lease one after the other. Between `withdraw` and `withdrawn` nothing is sent to the
/// lease, so the answer means the last ones.
///
/// The driver's part:
/// - `submit` names the lease to send the task to, if there is one.
/// - After `completed`, `next(for:)` is called until it returns nil, and what it returns is sent to that lease.
/// - After every other event, `nextSend` is called until it returns nil.
/// - Then the actions are taken and performed.
/// - `tick` is called about every 5 ms while `needsTick`.
///
/// All operations are O(1), amortised, and allocate nothing on the steady path; a lease that runs dry looks at the class's
/// other leases.
///
/// Public, because the compiler specialises no function of another module that is only `package`: a task took 1,800
/// instructions so.
public struct TaskQueues<Element: QueuedTask>: ~Copyable {
    public struct Configuration: Sendable {
        /// The most leases of a class to want.
        public var leaseLimit = 4096
        /// How much work to send ahead.
        public var ahead = Duration.microseconds(200)
        public var depthLimit = 256
        /// Tasks so short that a lease takes at least so many ahead are packed: by `ahead`, those of about 3 µs.
        public var packedDepth = 64
        /// How many later tasks may overtake the first one of a class without a lease.
        public var patience = 64
        /// How long an idle lease is kept.
        public var linger = Duration.milliseconds(100)
        /// Work below this is not worth withdrawing.
        public var worthMoving = Duration.microseconds(20)

        public init() {}
    }

    @usableFromInline enum List: UInt8 { case none, idle, open }

    @usableFromInline
    struct Lease {
        @usableFromInline var id = LeaseID(0)
        /// −1 while the slot is free.
        @usableFromInline var classIndex = -1
        /// What was sent and is not completed, oldest first. Kept from one use of the slot to the next.
        @usableFromInline var sent = Ring<Element>(capacity: 8)
        @usableFromInline var list = List.none
        @usableFromInline var previous = -1
        @usableFromInline var next = -1
        @usableFromInline var isRecalled = false
        @usableFromInline var isBlocked = false
        @usableFromInline var isWithdrawing = false
        /// How many tasks it was asked for last.
        @usableFromInline var askedFor = 0
        /// To be given back when it has no tasks.
        @usableFromInline var isRecalledOnceIdle = false
        /// To be given back when actions are taken.
        @usableFromInline var isLeaving = false
        /// Has run one task for a tick or longer.
        @usableFromInline var isSlow = false
        @usableFromInline var completions = 0
        @usableFromInline var completionsAtTick = 0
        /// The first tick at which it was idle.
        @usableFromInline var idleSince: Instant?

        @inlinable init() {}

        /// Takes no task for longer than a message needs, so that other leases are wanted for what waits.
        @inlinable @inline(__always)
        var isOccupied: Bool { isRecalled || isBlocked || isSlow }
        @inlinable @inline(__always)
        var takesTasks: Bool { !isOccupied && !isWithdrawing && !isLeaving }
    }

    @usableFromInline
    struct Class {
        @usableFromInline var queue = Ring<Element>(capacity: 16)
        /// Queued and sent.
        @usableFromInline var backlog = 0
        @usableFromInline var highestBacklog = 0
        /// Above this backlog more leases are wanted.
        @usableFromInline var enough = 0
        @usableFromInline var wanted = 0
        @usableFromInline var isWantChanged = false
        @usableFromInline var isPumpDue = false
        @usableFromInline var held = 0
        /// Has tasks and no lease, or had at the last look.
        @usableFromInline var isStarving = false
        /// Wants no leases, so that an older class gets one.
        @usableFromInline var isHeldUp = false
        /// Tasks of other classes that overtook the first one since it starves.
        @usableFromInline var overtaken = 0
        /// Leases that take no tasks at present.
        @usableFromInline var occupied = 0
        /// Leases with more than one task.
        @usableFromInline var deep = 0
        @usableFromInline var depth = 1
        /// Nanoseconds, a moving average; 0 while unknown.
        @usableFromInline var mean = 0
        @usableFromInline var samples = 0
        @usableFromInline var firstIdle = -1
        @usableFromInline var firstOpen = -1
        @usableFromInline var lastOpen = -1

        @inlinable init() {}
    }

    public let configuration: Configuration
    @usableFromInline let ahead: Int
    @usableFromInline let worthMoving: Int
    @usableFromInline var classes: UnsafeMutablePointer<Class>
    @usableFromInline var classCount = 0
    @usableFromInline var classCapacity = 8
    @usableFromInline var leases: UnsafeMutablePointer<Lease>
    @usableFromInline var leaseCount = 0
    @usableFromInline var leaseCapacity = 16
    @usableFromInline var freeLeases: [Int] = []
    @usableFromInline var actions: [QueueAction] = []
    /// Classes whose wish changed since actions were taken.
    @usableFromInline var changedWants: [Int] = []
    /// Classes with tasks that may find a lease.
    @usableFromInline var pumps: [Int] = []
    @usableFromInline var nextTicket: UInt64 = 0
    /// Classes whose tasks others may overtake.
    @usableFromInline var starving: [Int] = []

    @inlinable
    public init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
        ahead = Int((Instant(nanoseconds: 0) + configuration.ahead).nanoseconds)
        worthMoving = Int((Instant(nanoseconds: 0) + configuration.worthMoving).nanoseconds)
        classes = .allocate(capacity: 8)
        leases = .allocate(capacity: 16)
    }

    @inlinable
    deinit {
        for index in 0..<classCount { classes[index].queue.deallocate() }
        classes.deinitialize(count: classCount)
        classes.deallocate()
        for index in 0..<leaseCount { leases[index].sent.deallocate() }
        leases.deinitialize(count: leaseCount)
        leases.deallocate()
    }

    // MARK: The hot path

    /// A new class; the driver keeps which `SchedulingClass` it stands for.
    @inlinable
    public mutating func addClass() -> ClassSlot {
        if classCount == classCapacity {
            let next = UnsafeMutablePointer<Class>.allocate(capacity: classCapacity * 2)
            next.moveInitialize(from: classes, count: classCount)
            classes.deallocate()
            classes = next
            classCapacity *= 2
        }
        (classes + classCount).initialize(to: Class())
        classCount += 1
        return ClassSlot(index: classCount - 1)
    }

    /// Takes a task that is ready. Returns the lease to send it to now; nil where it waits in its queue.
    @inlinable
    public mutating func submit(_ element: consuming Element, to slot: ClassSlot) -> LeaseSlot? {
        precondition(slot.index < classCount)
        let state = classes + slot.index
        element.ticket = nextTicket
        nextTicket += 1
        let backlog = state.pointee.backlog + 1
        state.pointee.backlog = backlog
        if backlog > state.pointee.highestBacklog { state.pointee.highestBacklog = backlog }
        if backlog > state.pointee.enough { wantMore(slot.index) }
        if state.pointee.queue.count == 0, let lease = leaseWithRoom(slot.index),
            starving.isEmpty || !pointer(to: lease).pointee.isRecalledOnceIdle
                || !isHeldUp(slot.index, ticket: element.ticket)
        {
            send(element, to: lease)
            return LeaseSlot(index: lease)
        }
        state.pointee.queue.append(element)
        if state.pointee.held == 0, !state.pointee.isStarving { starve(slot.index) }
        return nil
    }

    /// A task sent under a lease ended, after running for so many nanoseconds. It is the oldest one, but where several
    /// threads send the driver's messages, one may have overtaken another.
    @inlinable
    public mutating func completed(_ element: Element, of slot: LeaseSlot, nanoseconds: Int) {
        let lease = pointer(to: slot.index)
        guard takeSent(element, lease) else { return }
        let state = classes + lease.pointee.classIndex
        state.pointee.backlog -= 1
        lease.pointee.completions &+= 1
        if lease.pointee.isSlow { setSlow(slot.index, false) }
        if lease.pointee.sent.count == 1 { state.pointee.deep -= 1 }
        // Weights of 1, 1/2, … 1/8 and 1/8 from there on.
        let samples = state.pointee.samples &+ 1
        state.pointee.samples = samples
        let difference = max(1, nanoseconds) - state.pointee.mean
        if samples < 8 {
            state.pointee.mean += difference / samples
            updateDepth(lease.pointee.classIndex)
        } else {
            state.pointee.mean += difference >> 3
            if samples & 7 == 0 { updateDepth(lease.pointee.classIndex) }
        }
    }

    /// Takes a task out of those that were sent. O(1) for the oldest one.
    @inlinable @inline(__always)
    func takeSent(_ element: Element, _ lease: UnsafeMutablePointer<Lease>) -> Bool {
        let count = lease.pointee.sent.count
        if count > 0, lease.pointee.sent[0] === element {
            _ = lease.pointee.sent.popFirst()
            return true
        }
        var place = 1
        while place < count {
            if lease.pointee.sent[place] === element {
                _ = lease.pointee.sent.remove(at: place)
                return true
            }
            place += 1
        }
        return false
    }

    /// The next task to send to a lease; nil where it has enough, or there is none.
    @inlinable
    public mutating func next(for slot: LeaseSlot) -> Element? {
        let lease = pointer(to: slot.index)
        let state = classes + lease.pointee.classIndex
        if lease.pointee.takesTasks {
            // Full, and not listed: nothing changes.
            if lease.pointee.sent.count >= state.pointee.depth, lease.pointee.list == .none { return nil }
            while lease.pointee.sent.count < state.pointee.depth, starving.isEmpty || !givesWay(slot.index),
                let element = state.pointee.queue.popFirst()
            {
                if element.isCancelled {
                    state.pointee.backlog -= 1
                    continue
                }
                if lease.pointee.list != .none { unlink(slot.index) }
                lease.pointee.sent.append(copy element)
                if lease.pointee.sent.count == 2 { state.pointee.deep += 1 }
                return element
            }
        }
        settle(slot.index)
        return nil
    }

    @inlinable @inline(__always)
    func pointer(to lease: Int) -> UnsafeMutablePointer<Lease> {
        precondition(lease >= 0 && lease < leaseCount && leases[lease].classIndex >= 0, "no such lease")
        return leases + lease
    }

    @inlinable @inline(__always)
    mutating func send(_ element: consuming Element, to lease: Int) {
        let state = pointer(to: lease)
        state.pointee.sent.append(element)
        let owner = classes + state.pointee.classIndex
        if state.pointee.sent.count == 2 { owner.pointee.deep += 1 }
        relink(lease)
    }

    /// An idle lease, else the open one that was given a task longest ago; of short tasks the open one that was given one
    /// last, else an idle one.
    @inlinable @inline(__always)
    mutating func leaseWithRoom(_ index: Int) -> Int? {
        let state = classes + index
        if state.pointee.depth >= configuration.packedDepth {
            while state.pointee.lastOpen >= 0 {
                let lease = state.pointee.lastOpen
                if pointer(to: lease).pointee.sent.count < state.pointee.depth { return lease }
                unlink(lease)
            }
            return state.pointee.firstIdle >= 0 ? state.pointee.firstIdle : nil
        }
        if state.pointee.firstIdle >= 0 { return state.pointee.firstIdle }
        while state.pointee.firstOpen >= 0 {
            let lease = state.pointee.firstOpen
            if pointer(to: lease).pointee.sent.count < state.pointee.depth { return lease }
            unlink(lease)
        }
        return nil
    }

    // MARK: Lists

    /// Puts a lease into the list that fits what it has to do, at the end.
    @inlinable
    mutating func relink(_ index: Int) {
        let lease = pointer(to: index)
        if lease.pointee.list != .none { unlink(index) }
        guard lease.pointee.takesTasks else { return }
        let state = classes + lease.pointee.classIndex
        if lease.pointee.sent.count == 0 {
            lease.pointee.list = .idle
            lease.pointee.next = state.pointee.firstIdle
            if state.pointee.firstIdle >= 0 { pointer(to: state.pointee.firstIdle).pointee.previous = index }
            state.pointee.firstIdle = index
        } else if lease.pointee.sent.count < state.pointee.depth {
            lease.pointee.list = .open
            lease.pointee.previous = state.pointee.lastOpen
            if state.pointee.lastOpen >= 0 {
                pointer(to: state.pointee.lastOpen).pointee.next = index
            } else {
                state.pointee.firstOpen = index
            }
            state.pointee.lastOpen = index
        }
    }

    @inlinable
    mutating func unlink(_ index: Int) {
        let lease = pointer(to: index)
        let state = classes + lease.pointee.classIndex
        let (previous, next) = (lease.pointee.previous, lease.pointee.next)
        if previous >= 0 {
            pointer(to: previous).pointee.next = next
        } else if lease.pointee.list == .idle {
            state.pointee.firstIdle = next
        } else {
            state.pointee.firstOpen = next
        }
        if next >= 0 {
            pointer(to: next).pointee.previous = previous
        } else if lease.pointee.list == .open {
            state.pointee.lastOpen = previous
        }
        lease.pointee.list = .none
        lease.pointee.previous = -1
        lease.pointee.next = -1
        lease.pointee.idleSince = nil
    }
}

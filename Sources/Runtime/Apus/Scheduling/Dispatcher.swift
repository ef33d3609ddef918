import ApusCore
import ApusScheduling
import DequeModule

/// A class of tasks with equal demands: an index into the classes of the backend that made it.
package struct Shape: Hashable, Sendable {
    package let index: Int
    package init(index: Int) { self.index = index }
    /// One processor and nothing else.
    package static var standard: Shape { Shape(index: 0) }
}

/// Admits ready tasks to one node's resources. Pure: it starts nothing itself.
///
/// Tasks with equal demands form a class with a queue. Of the classes whose demand fits, the one of the highest priority
/// goes first, of equal ones that of the job that holds least for its weight, then that whose first task is oldest, so
/// that tasks start in order of arrival wherever resources allow. A class is overtaken at most `patience` times by
/// those that have what it lacks; then it goes first and, where it does not fit, they wait for it, so that a large demand
/// is not starved by small ones, nor a low priority by high ones.
///
/// For threads of one process, without processes to be started, clients to be fair to, or leases to be called back: that
/// is `NodeScheduler`. See decision 0151.
package struct Dispatcher<Element> {
    /// Tasks that may overtake a waiting one.
    package static var patience: Int { 64 }

    private struct Key: Hashable {
        var demand: Resources
        var priority = 0
        var bundle: BundleReference?
        var job: JobShare?
    }

    private struct Usage {
        var amount = Resources()
        /// The largest part of any resource, over the job's weight.
        var share = 0.0
    }

    private struct Class {
        let key: Key
        /// The group whose resources the class's only entry waits for.
        var reserves: GroupID?
        /// Without an element where it stands for a group.
        var queue = Deque<(element: Element?, ticket: UInt64)>()
        var passedOver = 0
        /// Tasks that were admitted and have not finished.
        var running = 0
    }

    private struct Group {
        let bundles: [Resources]
        /// The index of the class that waits for its resources; nil once it has them.
        var reservation: Int?
        var available: [Resources] = []
    }

    package let total: Resources
    /// What is free. Processors fall below zero when a task that had lent its processor while it waited goes on.
    package private(set) var available: Resources
    private var classes: [Class] = [Class(key: Key(demand: Resources(cpus: 1)))]
    private var shapes: [Key: Shape] = [Key(demand: Resources(cpus: 1)): .standard]
    private var freeClasses: [Int] = []
    /// Classes with tasks in their queue.
    private var waiting: Set<Int> = []
    private var ticket: UInt64 = 0
    package private(set) var queued = 0
    private var groups: [GroupID: Group] = [:]
    /// What jobs hold; nil is who has none.
    private var usage: [JobShare?: Usage] = [:]
    private var readyGroups: [GroupID] = []

    package init(total: Resources) {
        self.total = total
        available = total
    }

    /// The class for a demand; nil where the node can never meet it.
    ///
    /// - Parameter bundle: where the demand is met, instead of by the node's own resources; it must be able to.
    package mutating func shape(
        for demand: Resources, priority: Int = 0, in bundle: BundleReference? = nil, job: JobShare? = nil
    ) -> Shape? {
        let key = Key(demand: demand, priority: priority, bundle: bundle, job: job)
        if let shape = shapes[key] { return shape }
        guard bundle != nil || total.covers(demand) else { return nil }
        let shape = Shape(index: add(Class(key: key)))
        if job != nil, usage.isEmpty { startCounting() }
        shapes[key] = shape
        return shape
    }

    private mutating func add(_ new: Class) -> Int {
        if let free = freeClasses.popLast() {
            classes[free] = new
            return free
        }
        classes.append(new)
        return classes.count - 1
    }

    /// The job of a class.
    package func job(of shape: Shape) -> JobShare? { classes[shape.index].key.job }

    package func demand(of shape: Shape) -> Resources { classes[shape.index].key.demand }

    /// Whether one more standard task could start.
    package var hasFreeProcessor: Bool { available.cpus >= 1 }

    /// Queues a task. False where its group has ended.
    @discardableResult
    package mutating func enqueue(_ element: Element, shape: Shape) -> Bool {
        if let group = classes[shape.index].key.bundle?.group, groups[group] == nil { return false }
        queued += 1
        push(element, shape.index)
        return true
    }

    private mutating func push(_ element: Element?, _ index: Int) {
        if classes[index].queue.isEmpty { waiting.insert(index) }
        classes[index].queue.append((element, ticket))
        ticket += 1
    }

    // MARK: Admission

    /// The next task that may start; its demand is taken from what is free. The class is the one it is charged to.
    ///
    /// Complexity: O(waiting classes).
    package mutating func admit() -> (element: Element, shape: Shape)? {
        while let (index, place) = next() {
            take(classes[index].key.demand, from: place)
            overtake(by: index)
            guard let element = pop(index) else {
                reserved(index)
                continue
            }
            guard let place, classes[index].key.bundle != place else {
                count(index, 1)
                return (element, Shape(index: index))
            }
            // It asked for any bundle of the group, and is charged to the one that it got.
            let key = classes[index].key
            let shape = shape(for: key.demand, priority: key.priority, in: place, job: key.job)
            guard let shape else { return nil }
            count(shape.index, 1)
            return (element, shape)
        }
        return nil
    }

    /// A class that was overtaken often comes before all others.
    private func rank(_ index: Int) -> Int {
        classes[index].passedOver >= Self.patience ? .max : classes[index].key.priority
    }

    /// The class that goes first of those that fit, and its bundle.
    private func next() -> (index: Int, place: BundleReference?)? {
        var first: (index: Int, rank: Int, share: Double, ticket: UInt64, place: BundleReference?)?
        // What becomes free is kept for those who were overtaken often.
        var kept: [(group: GroupID?, lacking: Resources)] = []
        for index in waiting where rank(index) == .max && place(for: index) == nil {
            kept.append((classes[index].key.bundle?.group, lacking(index)))
        }
        for index in waiting {
            guard let ticket = classes[index].queue.first?.ticket else { continue }
            let rank = rank(index)
            guard let place = place(for: index) else { continue }
            let key = classes[index].key
            guard
                rank == .max
                    || !kept.contains(where: { $0.group == key.bundle?.group && $0.lacking.overlaps(key.demand) })
            else { continue }
            let share = usage.isEmpty ? 0 : usage[classes[index].key.job]?.share ?? 0
            if let first, (rank, first.share, first.ticket) < (first.rank, share, ticket) { continue }
            first = (index, rank, share, ticket, place)
        }
        guard let first else { return nil }
        return (first.index, first.place)
    }

    /// Notes whom a task overtook that was given its demand: older ones who lack nothing but what it has.
    private mutating func overtake(by index: Int) {
        guard waiting.count > 1, let ticket = classes[index].queue.first?.ticket else { return }
        let key = classes[index].key
        for other in waiting where other != index {
            guard let first = classes[other].queue.first, first.ticket < ticket,
                classes[other].key.bundle?.group == key.bundle?.group, lacking(other).isWithin(key.demand)
            else { continue }
            classes[other].passedOver += 1
        }
    }

    /// What a class's next task lacks; all of its demand where it may run in any bundle of a group.
    private func lacking(_ index: Int) -> Resources {
        let key = classes[index].key
        guard let reference = key.bundle else { return available.shortfall(for: key.demand) }
        guard let bundle = reference.bundle, let free = groups[reference.group]?.available,
            free.indices.contains(bundle)
        else { return key.demand }
        return free[bundle].shortfall(for: key.demand)
    }

    private mutating func pop(_ index: Int) -> Element? {
        guard let (element, _) = classes[index].queue.popFirst() else { return nil }
        classes[index].passedOver = 0
        if classes[index].queue.isEmpty { waiting.remove(index) }
        if element != nil { queued -= 1 }
        return element
    }

    /// Gives a task's resources to the next one of its class, where only that class waits; else to nobody yet.
    ///
    /// The usual case, and O(1): a stream of equal tasks needs no accounting.
    package mutating func replace(_ shape: Shape) -> Element? {
        guard waiting.count == 1, waiting.contains(shape.index), available.cpus >= .zero else { return nil }
        return pop(shape.index)
    }

    /// A task ended: its resources are free.
    package mutating func finish(_ shape: Shape) {
        give(classes[shape.index].key.demand, to: shape)
        count(shape.index, -1)
    }

    /// A task waits for an object: it lends its processors.
    package mutating func block(_ shape: Shape) {
        give(Resources(cpus: classes[shape.index].key.demand.cpus), to: shape)
    }

    /// A task goes on. It takes its processors back at once, so that it never waits for tasks that were admitted in its
    /// place; until they end, processors are overdrawn and nothing is admitted.
    package mutating func unblock(_ shape: Shape) {
        take(Resources(cpus: classes[shape.index].key.demand.cpus), from: classes[shape.index].key.bundle)
    }

    /// Takes every queued task out, in order of arrival. Groups wait no longer.
    package mutating func drain() -> [Element] {
        var all: [(element: Element, ticket: UInt64)] = []
        for index in waiting {
            while let (element, ticket) = classes[index].queue.popFirst() {
                if let element { all.append((element, ticket)) }
            }
        }
        waiting.removeAll()
        queued = 0
        return all.sorted { $0.ticket < $1.ticket }.map(\.element)
    }

    // MARK: Jobs

    /// The first job with a weight: from now on shares are kept.
    private mutating func startCounting() {
        usage[nil] = Usage()
        for one in classes { for _ in 0..<one.running { charge(one.key, 1) } }
    }

    /// A task of a class starts or ends.
    private mutating func count(_ index: Int, _ change: Int) {
        classes[index].running += change
        if !usage.isEmpty { charge(classes[index].key, change) }
    }

    private mutating func charge(_ key: Key, _ change: Int) {
        var held = usage[key.job] ?? Usage()
        if change > 0 { held.amount.add(key.demand) } else { held.amount.subtract(key.demand) }
        held.share = held.amount.dominantShare(of: total) / Double(key.job?.weight ?? 1)
        usage[key.job] = held
    }

    // MARK: Room

    /// Where the class's next task fits now: `.some(nil)` for the node's own resources; nil where it does not.
    private func place(for index: Int) -> BundleReference?? {
        let key = classes[index].key
        guard let reference = key.bundle else { return available.admits(key.demand) ? .some(nil) : nil }
        guard let free = groups[reference.group]?.available else { return nil }
        for bundle in free.indices where reference.bundle ?? bundle == bundle {
            if free[bundle].admits(key.demand) {
                return .some(BundleReference(group: reference.group, bundle: bundle))
            }
        }
        return nil
    }

    private mutating func take(_ amount: Resources, from place: BundleReference?) {
        if let place, let bundle = place.bundle, groups[place.group]?.available.indices.contains(bundle) == true {
            groups[place.group]?.available[bundle].subtract(amount)
        } else {
            available.subtract(amount)
        }
    }

    /// What a group had that has ended is the node's again.
    private mutating func give(_ amount: Resources, to shape: Shape) {
        if let place = classes[shape.index].key.bundle, let bundle = place.bundle,
            groups[place.group]?.available.indices.contains(bundle) == true
        {
            groups[place.group]?.available[bundle].add(amount)
        } else {
            available.add(amount)
        }
    }

    // MARK: Groups

    /// Sets bundles aside, all at once, as soon as there is room for them.
    package mutating func createGroup(_ id: GroupID, _ bundles: [Resources]) {
        guard groups[id] == nil else { return }
        var demand = Resources()
        for bundle in bundles { demand.add(bundle) }
        let index = add(Class(key: Key(demand: demand), reserves: id))
        groups[id] = Group(bundles: bundles, reservation: index)
        push(nil, index)
    }

    private mutating func reserved(_ index: Int) {
        guard let id = classes[index].reserves, let group = groups[id] else { return }
        groups[id]?.available = group.bundles
        groups[id]?.reservation = nil
        freeClasses.append(index)
        readyGroups.append(id)
    }

    /// The groups that got their resources since the last call.
    package mutating func takeReadyGroups() -> [GroupID] {
        guard !readyGroups.isEmpty else { return [] }
        defer { readyGroups = [] }
        return readyGroups
    }

    /// Gives a group's free resources back; those in use follow as its tasks end.
    ///
    /// - Returns: its queued tasks.
    package mutating func removeGroup(_ id: GroupID) -> [Element] {
        guard let group = groups.removeValue(forKey: id) else { return [] }
        for bundle in group.available { available.add(bundle) }
        if let index = group.reservation {
            _ = pop(index)
            freeClasses.append(index)
        }
        var elements: [Element] = []
        for index in waiting where classes[index].key.bundle?.group == id {
            while let element = pop(index) { elements.append(element) }
        }
        return elements
    }
}

/// Turns between the classes of one owner, which know nothing of one another otherwise: a lease is used for thousands of
/// tasks of its class without the scheduler, which would let another class go first.
extension TaskQueues {
    /// A class has tasks and no lease.
    @usableFromInline
    mutating func starve(_ index: Int) {
        classes[index].isStarving = true
        classes[index].overtaken = 0
        starving.append(index)
    }

    /// A class got a lease, or has no tasks: those that it held up go on.
    mutating func endStarving(_ index: Int) {
        guard classes[index].isStarving else { return }
        classes[index].isStarving = false
        starving.removeAll { $0 == index }
        for other in 0..<classCount where classes[other].isHeldUp { goOn(other) }
    }

    /// A class that gave way wants leases again.
    mutating func goOn(_ index: Int) {
        classes[index].isHeldUp = false
        if classes[index].backlog > classes[index].enough { wantMore(index) }
        pump(index)
    }

    /// Whether the next task of a class has to wait for older ones of a class without a lease, which it overtakes
    /// otherwise.
    @usableFromInline
    mutating func isHeldUp(_ index: Int, ticket: UInt64) -> Bool {
        var place = 0
        while place < starving.count {
            let other = classes + starving[place]
            guard other.pointee.queue.count > 0 else {
                endStarving(starving[place])
                continue
            }
            if starving[place] != index, other.pointee.queue[0].ticket < ticket {
                if other.pointee.overtaken >= configuration.patience { return true }
                other.pointee.overtaken += 1
            }
            place += 1
        }
        return false
    }

    /// Whether a lease gets no more tasks because its class is held up, and others lack what it has: the scheduler asked
    /// for it. One without tasks goes back, and no other one is wanted in its place.
    @usableFromInline
    mutating func givesWay(_ index: Int) -> Bool {
        let lease = pointer(to: index)
        let classIndex = lease.pointee.classIndex
        let state = classes + classIndex
        guard lease.pointee.isRecalledOnceIdle, state.pointee.queue.count > 0,
            isHeldUp(classIndex, ticket: state.pointee.queue[0].ticket)
        else {
            return false
        }
        if lease.pointee.sent.count == 0, !lease.pointee.isLeaving, !lease.pointee.isWithdrawing { giveBack(index) }
        state.pointee.isHeldUp = true
        setWanted(classIndex, state.pointee.held)
        return true
    }
}

import ApusCore

/// A class of tasks with equal demands: an index into the classes of the backend that made it.
package struct Shape: Hashable, Sendable {
    package let index: Int
    package init(index: Int) { self.index = index }
    /// One processor and nothing else.
    package static var standard: Shape { Shape(index: 0) }
}

/// Admits ready tasks to one node's resources. Pure: it starts nothing itself.
///
/// Tasks with equal demands form a class with a queue. Of the classes whose demand fits, the one whose first task is
/// oldest goes first, so that tasks start in order of arrival wherever resources allow. A class that does not fit is
/// passed over at most `patience` times; then the others wait for it, so that a large demand is not starved by small
/// ones.
package struct Dispatcher<Element> {
    /// Tasks that may overtake a waiting larger one.
    package static var patience: Int { 64 }

    private struct Class {
        let demand: Resources
        var queue = Fifo<(element: Element, ticket: UInt64)>()
        var passedOver = 0
    }

    package let total: Resources
    /// What is free. Processors fall below zero when a task that had lent its processor while it waited goes on.
    package private(set) var available: Resources
    private var classes: [Class] = [Class(demand: Resources(cpus: 1))]
    private var shapes: [Resources: Shape] = [Resources(cpus: 1): .standard]
    /// Classes with tasks in their queue.
    private var waiting: Set<Int> = []
    private var ticket: UInt64 = 0
    package private(set) var queued = 0

    package init(total: Resources) {
        self.total = total
        available = total
    }

    /// The class for a demand; nil where the node can never meet it.
    package mutating func shape(for demand: Resources) -> Shape? {
        if let shape = shapes[demand] { return shape }
        guard total.covers(demand) else { return nil }
        let shape = Shape(index: classes.count)
        classes.append(Class(demand: demand))
        shapes[demand] = shape
        return shape
    }

    package func demand(of shape: Shape) -> Resources { classes[shape.index].demand }

    /// Whether one more standard task could start.
    package var hasFreeProcessor: Bool { available.cpus >= 1 }

    package mutating func enqueue(_ element: Element, shape: Shape) {
        if classes[shape.index].queue.isEmpty { waiting.insert(shape.index) }
        classes[shape.index].queue.append((element, ticket))
        ticket += 1
        queued += 1
    }

    /// The next task that may start; its demand is taken from what is free. Complexity: O(waiting classes).
    package mutating func admit() -> (element: Element, shape: Shape)? {
        var oldest: (index: Int, ticket: UInt64)?
        var fitting: (index: Int, ticket: UInt64)?
        for index in waiting {
            guard let head = classes[index].queue.first else { continue }
            if oldest.map({ head.ticket < $0.ticket }) ?? true { oldest = (index, head.ticket) }
            if fits(classes[index].demand), fitting.map({ head.ticket < $0.ticket }) ?? true {
                fitting = (index, head.ticket)
            }
        }
        guard let oldest, let fitting else { return nil }
        if oldest.index != fitting.index {
            guard classes[oldest.index].passedOver < Self.patience else { return nil }
            classes[oldest.index].passedOver += 1
        }
        available.subtract(classes[fitting.index].demand)
        return pop(fitting.index)
    }

    /// A demand without processors fits even while processors are overdrawn.
    private func fits(_ demand: Resources) -> Bool {
        (demand.cpus == .zero || available.cpus >= demand.cpus) && available.gpus >= demand.gpus
            && available.memory >= demand.memory
            && demand.custom.allSatisfy { available.custom[$0.key, default: .zero] >= $0.value }
    }

    private mutating func pop(_ index: Int) -> (element: Element, shape: Shape)? {
        guard let (element, _) = classes[index].queue.popFirst() else { return nil }
        classes[index].passedOver = 0
        if classes[index].queue.isEmpty { waiting.remove(index) }
        queued -= 1
        return (element, Shape(index: index))
    }

    /// Gives a task's resources to the next one of its class, where only that class waits; else to nobody yet.
    ///
    /// The usual case, and O(1): a stream of equal tasks needs no accounting.
    package mutating func replace(_ shape: Shape) -> Element? {
        guard waiting.count == 1, waiting.contains(shape.index), available.cpus >= .zero,
            let next = pop(shape.index)
        else { return nil }
        return next.element
    }

    /// A task ended: its resources are free.
    package mutating func finish(_ shape: Shape) { available.add(classes[shape.index].demand) }

    /// A task waits for an object: it lends its processors.
    package mutating func block(_ shape: Shape) {
        available.cpus = available.cpus + classes[shape.index].demand.cpus
    }

    /// A task goes on. It takes its processors back at once, so that it never waits for tasks that were admitted in its
    /// place; until they end, processors are overdrawn and nothing is admitted.
    package mutating func unblock(_ shape: Shape) {
        available.cpus = available.cpus - classes[shape.index].demand.cpus
    }

    /// Takes every queued task out, in order of arrival.
    package mutating func drain() -> [Element] {
        var all: [(element: Element, ticket: UInt64)] = []
        for index in waiting {
            while let entry = classes[index].queue.popFirst() { all.append(entry) }
        }
        waiting.removeAll()
        queued = 0
        return all.sorted { $0.ticket < $1.ticket }.map(\.element)
    }
}

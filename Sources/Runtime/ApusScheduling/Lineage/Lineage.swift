import ApusCore

/// Why a lost object cannot be computed again.
package enum LossReason: Hashable, Sendable, CustomStringConvertible {
    /// It was put, not computed; or it was adopted with its value.
    case wasPut
    /// It is the result of an actor's method, which depends on the actor's state.
    case fromActor
    case retriesExhausted(task: UInt64)
    /// How it was made was forgotten to stay below the limit of lineage.
    case lineageEvicted(budget: Int)
    /// An object that the task needs is lost itself.
    indirect case inputLost(ObjectID, LossReason)

    package var description: String {
        switch self {
        case .wasPut: "it was put, so there is no task that could make it again"
        case .fromActor: "it is an actor's answer, which cannot be had again"
        case .retriesExhausted(let task): "task \(task) may not run again: its retries are used up"
        case .lineageEvicted(let budget):
            "how it was made was forgotten to keep the lineage below \(budget) bytes; raise the limit"
        case .inputLost(let input, let reason): "its input \(input) is lost: \(reason)"
        }
    }
}

package enum LineageEvent: Sendable {
    /// A task of this owner; `retries` is −1 for no limit, `bytes` what its record takes.
    case submitted(task: UInt64, inputs: [ObjectID], outputs: [ObjectID], retries: Int, bytes: Int)
    case put(ObjectID)
    case answered(byActor: ObjectID)
    /// The task's outputs have their values, or its error.
    case finished(task: UInt64)
    /// No copy of these values is left.
    case lost([ObjectID])
    /// Nobody uses the object; its value is gone.
    case freed(ObjectID)
}

package enum LineageEffect: Equatable, Sendable {
    /// The task is to run again, when its inputs are there. Those whose outputs it needs come before it.
    case rerun(task: UInt64)
    /// Every use of the object ends in this error.
    case unrecoverable(ObjectID, LossReason)
    /// A value that could not be had again is needed as long as something could be computed from it.
    case retain(ObjectID)
    case release(ObjectID)
    /// The task will not run again: what it took is of no use any more.
    case forgotten(task: UInt64)
}

/// How one owner's objects were made, and which tasks must run again when values are lost. Pure.
///
/// A task's record stays as long as any of its outputs is used or is an input of a record that stays. Chains of any
/// length are walked with a stack of its own.
package struct Lineage {
    private struct Record {
        let inputs: [ObjectID]
        let outputs: [ObjectID]
        var retries: Int
        let bytes: Int
        var isRunning = true
        /// Outputs that are used, or inputs of records.
        var needed: Int
    }

    private struct Object {
        /// Nil where it cannot be computed.
        var producer: UInt64?
        var isLive = true
        var hasValue = false
        /// Records that have it as an input.
        var dependents = 0
        /// Why it has no producer, or no value any more.
        var reason: LossReason?

        var isNeeded: Bool { isLive || dependents > 0 }
    }

    /// The most bytes of records of tasks that have finished.
    package let budget: Int
    package private(set) var bytes = 0
    private var records: [UInt64: Record] = [:]
    private var objects: [ObjectID: Object] = [:]
    /// Finished tasks, oldest first, from `oldest` on; those whose record is gone are skipped.
    private var order: [UInt64] = []
    private var oldest = 0

    package init(budget: Int = 1 << 30) { self.budget = budget }

    package var recordCount: Int { records.count }
    package var objectCount: Int { objects.count }
    package func isRunning(_ task: UInt64) -> Bool { records[task]?.isRunning ?? false }

    /// Whether a task whose attempt was lost with its worker may run again. One budget serves for that and for lost values.
    package mutating func takeRetry(_ task: UInt64) -> Bool {
        guard let retries = records[task]?.retries, retries != 0 else { return false }
        if retries > 0 { records[task]?.retries = retries - 1 }
        return true
    }

    /// Complexity: O(inputs + outputs), amortised; O(tasks to run again) when values are lost.
    package mutating func handle(_ event: LineageEvent, into effects: inout [LineageEffect]) {
        switch event {
        case .submitted(let task, let inputs, let outputs, let retries, let bytes):
            submitted(task, inputs: inputs, outputs: outputs, retries: retries, bytes: bytes, &effects)
        case .put(let object):
            add(object, .wasPut)
        case .answered(let object):
            add(object, .fromActor)
        case .finished(let task):
            finished(task, &effects)
        case .lost(let lost):
            for object in lost { objects[object]?.hasValue = false }
            var failed: [UInt64: LossReason] = [:]
            for object in lost where objects[object]?.isLive == true { rebuild(object, &failed, &effects) }
        case .freed(let object):
            guard objects[object]?.isLive == true else { return }
            objects[object]?.isLive = false
            objects[object]?.hasValue = false
            if objects[object]?.isNeeded == false { forget([object], &effects) }
        }
    }

    /// An object with a value that cannot be computed; it may have been borrowed before.
    private mutating func add(_ object: ObjectID, _ reason: LossReason) {
        var state = objects[object] ?? Object()
        state.isLive = true
        state.hasValue = true
        state.reason = reason
        objects[object] = state
    }

    private mutating func submitted(
        _ task: UInt64, inputs: [ObjectID], outputs: [ObjectID], retries: Int, bytes: Int,
        _ effects: inout [LineageEffect]
    ) {
        var distinct: [ObjectID] = []
        for input in inputs where !distinct.contains(input) {
            distinct.append(input)
            // One that is not known belongs to another process, which restores its value.
            if objects[input] == nil { objects[input] = Object(isLive: false, hasValue: true) }
            if objects[input]?.producer == nil { effects.append(.retain(input)) }
            objects[input]?.dependents += 1
        }
        for output in outputs {
            var object = objects[output] ?? Object()
            // One that was borrowed before it was adopted can be computed here from now on.
            for _ in 0..<object.dependents { effects.append(.release(output)) }
            object.producer = task
            object.isLive = true
            object.hasValue = false
            objects[output] = object
        }
        records[task] = Record(
            inputs: distinct, outputs: outputs, retries: retries, bytes: bytes, needed: outputs.count)
        self.bytes += bytes
    }

    private mutating func finished(_ task: UInt64, _ effects: inout [LineageEffect]) {
        guard let record = records[task], record.isRunning else { return }
        records[task]?.isRunning = false
        for output in record.outputs where objects[output]?.isLive == true { objects[output]?.hasValue = true }
        if record.needed == 0 {
            drop(task, &effects)
        } else {
            order.append(task)
            evict(&effects)
        }
    }

    // MARK: Rebuilding

    /// Walks up from a lost object to values that exist, and runs what lies between, ancestors first.
    private mutating func rebuild(
        _ object: ObjectID, _ failed: inout [UInt64: LossReason], _ effects: inout [LineageEffect]
    ) {
        guard let state = objects[object], !state.hasValue else { return }
        guard let producer = state.producer else { return give(up: object, state.reason ?? .wasPut, &effects) }
        var stack: [(task: UInt64, nextInput: Int)] = [(producer, 0)]
        while let (task, place) = stack.last {
            guard let record = records[task], !record.isRunning, failed[task] == nil else {
                stack.removeLast()
                continue
            }
            if place == 0, record.retries == 0 {
                fail(task, .retriesExhausted(task: task), &failed, &effects)
                continue
            }
            guard place < record.inputs.count else {
                if record.retries > 0 { records[task]?.retries -= 1 }
                records[task]?.isRunning = true
                effects.append(.rerun(task: task))
                stack.removeLast()
                continue
            }
            let input = record.inputs[place]
            guard let state = objects[input], !state.hasValue else {
                stack[stack.count - 1].nextInput += 1
                continue
            }
            guard let producer = state.producer else {
                fail(task, .inputLost(input, state.reason ?? .wasPut), &failed, &effects)
                continue
            }
            if let reason = failed[producer] {
                fail(task, .inputLost(input, reason), &failed, &effects)
            } else if records[producer]?.isRunning == true {
                stack[stack.count - 1].nextInput += 1
            } else {
                stack.append((producer, 0))
            }
        }
    }

    private mutating func fail(
        _ task: UInt64, _ reason: LossReason, _ failed: inout [UInt64: LossReason], _ effects: inout [LineageEffect]
    ) {
        failed[task] = reason
        for output in records[task]?.outputs ?? [] where objects[output]?.hasValue == false {
            give(up: output, reason, &effects)
        }
    }

    private func give(up object: ObjectID, _ reason: LossReason, _ effects: inout [LineageEffect]) {
        if objects[object]?.isLive == true { effects.append(.unrecoverable(object, reason)) }
    }

    // MARK: Forgetting

    /// Drops a record whose outputs nobody needs, and all that was kept only for it.
    private mutating func drop(_ task: UInt64, _ effects: inout [LineageEffect]) {
        guard let record = records.removeValue(forKey: task) else { return }
        effects.append(.forgotten(task: task))
        bytes -= record.bytes
        for output in record.outputs where objects[output]?.isNeeded == false { objects[output] = nil }
        forget(lettingGoOf(record, &effects), &effects)
    }

    /// Objects that became unneeded with a record.
    private mutating func lettingGoOf(_ record: Record, _ effects: inout [LineageEffect]) -> [ObjectID] {
        var unneeded: [ObjectID] = []
        for input in record.inputs {
            guard let state = objects[input] else { continue }
            objects[input]?.dependents -= 1
            if state.producer == nil { effects.append(.release(input)) }
            if objects[input]?.isNeeded == false { unneeded.append(input) }
        }
        return unneeded
    }

    private mutating func forget(_ unneeded: [ObjectID], _ effects: inout [LineageEffect]) {
        var stack = unneeded
        while let object = stack.popLast() {
            guard let state = objects[object], !state.isNeeded else { continue }
            guard let producer = state.producer, var record = records[producer] else {
                objects[object] = nil
                continue
            }
            record.needed -= 1
            records[producer] = record
            guard record.needed == 0, !record.isRunning else { continue }
            records[producer] = nil
            effects.append(.forgotten(task: producer))
            bytes -= record.bytes
            for output in record.outputs { objects[output] = nil }
            stack += lettingGoOf(record, &effects)
        }
    }

    private mutating func evict(_ effects: inout [LineageEffect]) {
        while bytes > budget, oldest < order.count {
            let task = order[oldest]
            oldest += 1
            // A task that runs again is listed again when it has finished.
            guard let record = records[task], !record.isRunning else { continue }
            records[task] = nil
            effects.append(.forgotten(task: task))
            bytes -= record.bytes
            for output in record.outputs {
                if objects[output]?.isNeeded == true {
                    objects[output]?.producer = nil
                    objects[output]?.reason = .lineageEvicted(budget: budget)
                    // From now on its value cannot be had again, so that records which need it keep it.
                    for _ in 0..<(objects[output]?.dependents ?? 0) { effects.append(.retain(output)) }
                } else {
                    objects[output] = nil
                }
            }
            forget(lettingGoOf(record, &effects), &effects)
        }
        if oldest > 1024, oldest > order.count / 2 {
            order.removeFirst(oldest)
            oldest = 0
        }
    }
}

import ApusCore
import ApusScheduling

/// A task in its owner's hands.
final class SimulatedTask: QueuedTask {
    enum State { case waiting, queued, ended }

    let output: ObjectID
    let number: UInt64
    let seed: UInt64
    let depth: Int
    let classIndex: Int
    /// Objects whose values it needs to start.
    let inputs: [ObjectID]
    /// Objects that it is passed references to.
    let passed: [ObjectID]
    var state = State.waiting
    var isCancelled = false
    var ticket: UInt64 = 0
    var attempt = 0
    /// Inputs without values.
    var missing = 0

    init(
        output: ObjectID, number: UInt64, seed: UInt64, depth: Int, classIndex: Int, inputs: [ObjectID],
        passed: [ObjectID]
    ) {
        self.output = output
        self.number = number
        self.seed = seed
        self.depth = depth
        self.classIndex = classIndex
        self.inputs = inputs
        self.passed = passed
    }
}

/// A script that is being run, by a worker under a lease or by a driver.
struct Run {
    let script: Script
    let depth: Int
    let lease: LeaseID?
    let owner: ProcessID
    let output: ObjectID
    let started: Instant
    var generator: SeededGenerator
    var place = 0
    /// Each is used once by the run.
    var references: [ObjectID]
    var digest: UInt64
    var actor: UInt64?
    var group: GroupID?
    var isGroupReady = false
    var isBlocked = false
    /// Raised by each wait, so that what comes late wakes nobody.
    var wait = 0
    var isWaiting = false
}

/// Leases and what was sent under them, as a worker sees it.
struct WorkerLease {
    let owner: ProcessID
    /// Not started.
    var queue: [Assignment] = []
    var run: Int?
}

/// An actor in its creator's hands.
struct SimulatedActor {
    var restarts: Int
    var lease: LeaseID?
    var worker: ProcessID?
    var isDead = false
    var isEnding = false
    var nextSequence = 0
    var waiting: [(sequence: Int, object: ObjectID, seed: UInt64)] = []
    var sent: [(sequence: Int, object: ObjectID)] = []
}

import ApusCore

/// What a simulation found and did.
public struct SimulationReport: Sendable {
    public let seed: UInt64
    /// Broken promises, in words; none in a sound engine.
    public let problems: [String]
    public let events: Int
    public let tasks: Int
    public let kills: Int
    public let losses: Int
    public let adoptions: Int
    public let shortages: Int
    /// The longest that a process without a lease waited for one.
    public let longestWait: Duration
    /// Simulated time.
    public let duration: Duration
}

/// Runs random programs on the shipped decision cores, against random delays, deaths and losses.
///
/// A run is a node with one or two drivers, their programs (task graphs with nested tasks, references inside values,
/// actors, groups, jobs, cancellation), and faults (deaths, losses, memory that runs out, workers that want to end), all
/// drawn from one seed: the same seed gives the same run. Checked at every step: no object is freed while it is used or
/// has two owners; no attempt starts twice, and none without a lease; a value is the same whoever computes it; actors'
/// calls keep their order; the node's tables agree and its resources add up; memory is taken from those who lose least;
/// nobody waits long for a first lease. Checked at the end: every task ended, every wait too, and nothing is left.
public enum Simulation {
    /// - Parameter trace: gets each message as it is delivered.
    public static func run(
        seed: UInt64, faults: Faults = Faults(), defect: Defect? = nil, eventLimit: Int = 200_000,
        trace: ((String) -> Void)? = nil
    ) -> SimulationReport {
        let world = World(seed: seed, faults: faults, defect: defect)
        world.traceLine = trace
        world.run(eventLimit: eventLimit)
        return SimulationReport(
            seed: seed, problems: world.problems, events: world.events, tasks: world.tasksSubmitted,
            kills: world.killed,
            losses: world.lost, adoptions: world.adoptions, shortages: world.shortages,
            longestWait: world.longestWait, duration: world.now - Instant(nanoseconds: 0))
    }
}

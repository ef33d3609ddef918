import ApusScheduling

/// A part of a program that gets resources in proportion to its weight, beside the others of the program.
///
/// ```swift
/// let urgent = cluster.job(weight: 4), nightly = cluster.job(weight: 1)
/// let answer = try cluster.submit(Answer(question: question), .init(job: urgent))
/// ```
/// What a task of the job submits belongs to the job as well. Where both wait, what each holds of the resource of which it
/// holds most is kept in proportion to the weights; what one does not use the others may.
///
/// - Source: weighted dominant resource fairness, Ghodsi et al. 2011.
public struct Job: Hashable, Sendable, Codable {
    let number: UInt64
    /// At least 1.
    public let weight: Int

    var share: JobShare { JobShare(job: JobID(number), weight: weight) }
}

extension Cluster {
    /// A new job. Those without have the weight 1 together.
    public func job(weight: Int) -> Job {
        Job(
            number: backend.firstJob + UInt64(lastJob.wrappingAdd(1, ordering: .relaxed).newValue),
            weight: max(1, weight))
    }
}

/// The model inside a real-time loop: it says which rows of a batch a label is worth asking for, and learns from those
/// labels before it looks at the next batch.
///
/// Labelled rows are kept up to a limit, the oldest go first; learning starts from the weights there are and ends when its
/// time is up.
public struct RealTimeLearner<Model: ActiveModel>: Sendable {
    public private(set) var model: Model
    /// Labelled rows that are kept.
    public let limit: Int
    /// Seconds for learning after each batch.
    public let within: Double
    /// Rows that are shortlisted for each that is chosen.
    public let shortlisted: Int
    /// Batches that the model has learnt from.
    public private(set) var rounds = 0
    public private(set) var labels: [Int] = []
    private var storage: [Float] = []
    private let dimensions: Int

    /// - Throws: `CoresetError.invalidParameter`.
    public init(
        model: Model, dimensions: Int, limit: Int = 2000, within: Double = 0.005, shortlisted: Int = 5
    ) throws(CoresetError) {
        guard limit > 0, within >= 0, within.isFinite, shortlisted > 0, dimensions > 0 else {
            throw .invalidParameter(
                name: "one of the labelled rows, the time for learning, the rows shortlisted and the dimensions",
                value: "\(limit), \(within) s, \(shortlisted), \(dimensions)", expected: "positive")
        }
        self.model = model
        self.dimensions = dimensions
        self.limit = limit
        self.within = within
        self.shortlisted = shortlisted
    }

    public var labelled: Matrix<Float> { Matrix(finite: storage, rows: labels.count, columns: dimensions) }

    /// The rows of a batch from which `count` are to be chosen, ascending: all before the model has learnt, then those of
    /// the smallest margins.
    public func shortlist(_ rows: Matrix<Float>, count: Int) -> [Int] {
        guard rounds > 0, shortlisted * count < rows.rows else { return Array(0..<rows.rows) }
        return ActiveStrategy.smallestMargins(model.probabilities(of: rows)).prefix(shortlisted * count).sorted()
    }

    /// Learns from labels that have come back.
    ///
    /// - Throws: `CoresetError.dimensions`; the model's errors.
    public mutating func learn(
        _ rows: Matrix<Float>, labels new: [Int], until deadline: Double, now: () -> Double
    ) throws(CoresetError) {
        guard rows.columns == dimensions else {
            throw .dimensions(expected: dimensions, found: rows.columns, what: "columns of the rows")
        }
        guard new.count == rows.rows else {
            throw .dimensions(expected: rows.rows, found: new.count, what: "labels")
        }
        storage += rows.storage
        labels += new
        let over = labels.count - limit
        if over > 0 {
            labels.removeFirst(over)
            storage.removeFirst(over * dimensions)
        }
        try model.fit(labelled, labels: labels, weights: nil) { now() < deadline }
        rounds += 1
    }
}

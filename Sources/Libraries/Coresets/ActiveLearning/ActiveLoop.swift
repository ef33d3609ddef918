import ApusCore

/// Learning with few labels: rows arrive, a strategy says whose label to ask for, the model learns, and so on.
///
/// ```swift
/// let model = try SoftmaxRegression(dimensions: 64, classes: 10)
/// var loop = try ActiveLoop(model: model, dimensions: 64, pool: .facilityLocation(count: 2000, metric: .gaussian(gamma: 0.1)))
/// for (rows, numbers) in arrivals {
///     try loop.receive(rows, ids: numbers)
///     try loop.round(ActiveStrategy.margin, count: 20) { ids in ids.map(askSomebody) }
/// }
/// ```
/// A value: it can be written down between rounds (`Codable`, where the model is) and goes on as if nothing had been.
public struct ActiveLoop<Model: ActiveModel>: Sendable {
    public private(set) var model: Model
    public private(set) var pool: UnlabelledPool
    /// Rows with their labels, in the order in which they were asked for.
    public private(set) var labelledIDs: [Int] = []
    public private(set) var labels: [Int] = []
    public private(set) var labelled: Matrix<Float>
    /// Rounds of labels that the model has learnt from.
    public private(set) var rounds = 0
    public let seed: UInt64
    /// Threads of selections; all processors where nil.
    public var threads: Int?

    /// - Parameters:
    ///   - pool: the rule that keeps the unlabelled rows few; all are kept where nil.
    ///   - seed: decides what strategies leave to chance.
    /// - Throws: `CoresetError.invalidParameter`.
    public init(model: Model, dimensions: Int, pool rule: CoresetRule? = nil, seed: UInt64 = 0) throws(CoresetError) {
        self.model = model
        pool = try UnlabelledPool(dimensions: dimensions, rule: rule)
        labelled = Matrix(finite: [], rows: 0, columns: dimensions)
        self.seed = seed
    }

    /// Takes unlabelled rows in.
    public mutating func receive(_ rows: Matrix<Float>, ids: [Int]) throws(CoresetError) {
        try pool.insert(rows, ids: ids)
    }

    /// The rows whose label is wanted now, by their numbers, the most wanted first.
    public func query(_ strategy: some QueryStrategy, count: Int) throws(CoresetError) -> [Int] {
        let features = pool.features
        let context = QueryContext(
            candidates: model.embedding(of: features), weights: pool.weights,
            probabilities: rounds > 0 ? model.probabilities(of: features) : nil,
            labelled: model.embedding(of: labelled), classes: model.classes, threads: threads)
        var generator = SeededGenerator(seed: seed, stream: UInt64(rounds))
        let ids = pool.ids
        return try strategy.query(context, count: count, generator: &generator).map { ids[$0] }
    }

    /// Learns from labels of rows that the pool holds.
    ///
    /// - Throws: `CoresetError.dimensions`, `.outOfRange` for a row that the pool does not hold; the model's errors.
    public mutating func learn(_ ids: [Int], labels new: [Int]) throws(CoresetError) {
        guard ids.count == new.count else { throw .dimensions(expected: ids.count, found: new.count, what: "labels") }
        let places = Dictionary(uniqueKeysWithValues: pool.ids.enumerated().map { ($1, $0) })
        var rows: [Int] = []
        for id in ids {
            guard let place = places[id] else {
                throw .outOfRange(index: id, rows: pool.count, what: "the labelled row")
            }
            rows.append(place)
        }
        let found = pool.features.select(rows)
        labelled = Matrix(
            finite: labelled.storage + found.storage, rows: labelled.rows + rows.count, columns: labelled.columns)
        labelledIDs += ids
        labels += new
        pool.remove(ids)
        try model.fit(labelled, labels: labels, weights: nil)
        rounds += 1
    }

    /// One query and what is learnt from its answers.
    ///
    /// - Returns: the rows that were asked for.
    @discardableResult
    public mutating func round(
        _ strategy: some QueryStrategy, count: Int, oracle: ([Int]) throws -> [Int]
    ) throws -> [Int] {
        let wanted = try query(strategy, count: count)
        try learn(wanted, labels: try oracle(wanted))
        return wanted
    }
}

extension ActiveLoop: Codable where Model: Codable {}
extension ActiveLoop: Equatable where Model: Equatable {}

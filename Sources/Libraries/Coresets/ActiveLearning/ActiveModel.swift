/// A classifier that an active loop trains: it learns from few labelled rows, and says how sure it is of others.
public protocol ActiveModel: Sendable {
    /// Labels are 0 ..< classes.
    var classes: Int { get }

    /// Learns from labelled rows; what was learnt before may be the start.
    ///
    /// - Parameter weights: how often each row counts; once where nil.
    mutating func fit(_ features: Matrix<Float>, labels: [Int], weights: [Double]?) throws(CoresetError)
    /// The same, step by step while `goesOn`; for as long as it takes where a model does not know steps.
    mutating func fit(
        _ features: Matrix<Float>, labels: [Int], weights: [Double]?, while goesOn: () -> Bool
    ) throws(CoresetError)
    /// A row for each row of the features, a column for each class; rows sum to 1.
    func probabilities(of features: Matrix<Float>) -> Matrix<Float>
    /// What the last layer sees of each row. Distances between rows, and gradients, are those of this.
    func embedding(of features: Matrix<Float>) -> Matrix<Float>
}

extension ActiveModel {
    public func embedding(of features: Matrix<Float>) -> Matrix<Float> { features }

    public mutating func fit(
        _ features: Matrix<Float>, labels: [Int], weights: [Double]?, while goesOn: () -> Bool
    ) throws(CoresetError) { try fit(features, labels: labels, weights: weights) }

    /// The share of rows whose most likely class is their label.
    public func accuracy(_ features: Matrix<Float>, labels: [Int]) -> Double {
        let probabilities = probabilities(of: features)
        let right = labels.indices.count { row in
            let line = probabilities[row: row]
            guard let most = line.max() else { return false }
            return line.firstIndex(of: most).map { $0 - line.startIndex } == labels[row]
        }
        return Double(right) / Double(max(1, labels.count))
    }
}

/// The models before every 2ⁿ-th batch of a stream, n as small as the limit allows, so that a stream of any length keeps a
/// bounded number that is spread over all of it.
struct ModelHistory<Model> {
    /// Models that are kept at most.
    static var limit: Int { 256 }

    /// Ascending by batch.
    private(set) var models: [(batch: Int, model: Model)] = []
    private var count = 0
    private var stride = 1

    /// The model before the next batch; nil where there is none yet.
    mutating func add(_ model: Model?) {
        defer { count += 1 }
        guard let model, count % stride == 0 else { return }
        if models.count == Self.limit {
            stride *= 2
            models.removeAll { $0.batch % stride != 0 }
            guard count % stride == 0 else { return }
        }
        models.append((count, model))
    }
}

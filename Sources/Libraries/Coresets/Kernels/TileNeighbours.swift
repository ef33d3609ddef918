/// Which tiles of a sketch are near each other: of each one the nearest half, by their points' means.
///
/// Lists that are right are found there for most points, in half the time.
struct TileNeighbours: Sendable {
    private let count: Int
    private let near: [Bool]

    /// - Complexity: O(t²·(size + log t)) for t tiles.
    init(_ sketch: Sketch) {
        let count = (sketch.rows + Sketch.leaf - 1) / Sketch.leaf
        self.count = count
        let centres = (0..<count).map { sketch.centre($0 * Sketch.leaf..<min(sketch.rows, ($0 + 1) * Sketch.leaf)) }
        var near = [Bool](repeating: false, count: count * count)
        for tile in 0..<count {
            let distances = centres.map { other in
                zip(centres[tile], other).reduce(Float(0)) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
            }
            for other in (0..<count).sorted(by: { distances[$0] < distances[$1] }).prefix(max(8, count / 2)) {
                near[tile * count + other] = true
                near[other * count + tile] = true
            }
        }
        self.near = near
    }

    func areNear(_ one: Int, _ other: Int) -> Bool { near[one * count + other] }
}

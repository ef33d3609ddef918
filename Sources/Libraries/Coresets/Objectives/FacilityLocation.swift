/// Facility location: f(S) = Σ_u max(0, max_{j∈S} s(u, j)), how well the chosen represent every point.
///
/// Similarities are rounded to a common step before they are subtracted and summed, so that gains are exact: the same
/// bits for stored and computed similarities, any number of threads and any order; gains never rise as S grows, to the
/// last bit, so that lazy and naive greedy agree on ties too; and candidates whose gains are equal by symmetry tie, so
/// that the smallest wins. The step is 2⁻²⁴ of the greatest similarity for `Float`, whose own rounding is no finer
/// there, and 2⁻⁵¹·n of it for `Double`.
///
/// With features of up to 64 dimensions and a similarity of distance, points that a candidate cannot bring anything are
/// passed over (`RowFacility`).
///
/// - Source: Mirzasoleiman et al. 2020; the phantom element s₀ of theirs is the floor at 0.
public struct FacilityLocation: Objective {
    public let similarities: Similarities
    private var engine: any FacilityEngine
    public private(set) var value = 0.0

    public init(_ similarities: Similarities) {
        self.similarities = similarities
        engine =
            switch similarities.source {
            case .float(let rows): rows.stored == nil ? RowFacility(rows) : StoredFacility(rows)
            case .double(let rows): rows.stored == nil ? RowFacility(rows) : StoredFacility(rows)
            case .dense(let dense):
                StoredFacility(
                    values: dense.values, stride: similarities.represented, represented: similarities.represented,
                    greatest: dense.greatest, threads: similarities.threads)
            case .sparse(let matrix): SparseFacility(matrix)
            }
    }

    public var name: String { similarities.isSparse ? "facility-location (sparse)" : "facility-location" }
    public var count: Int { similarities.count }
    public var memory: Int { similarities.memory + similarities.represented * 8 }

    public mutating func gain(of element: Int) -> Double {
        var gains: [Double] = []
        engine.gains(of: [element], into: &gains)
        return gains[0]
    }

    public mutating func gains(of elements: [Int], into gains: inout [Double]) {
        engine.gains(of: elements, into: &gains)
    }

    public mutating func add(_ element: Int) {
        value += gain(of: element)
        engine.add(element)
    }

    public mutating func upperBounds() -> [Double]? { engine.upperBounds() }

    /// For each represented point the best similarity so far, at least 0.
    public var best: [Double] { engine.best }
}

/// The part of facility location that depends on how similarities are held.
protocol FacilityEngine: Sendable {
    mutating func gains(of elements: [Int], into gains: inout [Double])
    mutating func add(_ element: Int)
    func upperBounds() -> [Double]?
    var best: [Double] { get }
}

extension FacilityEngine {
    func upperBounds() -> [Double]? { nil }
}

extension KernelScalar {
    /// How values up to `greatest` are rounded so that `count` of them sum exactly; see `avk_gain_f32`.
    static func rounding(count: Int, greatest: Double) -> Double {
        if Self.self == Float.self {
            // They become whole numbers up to 2²⁴.
            let exponent = max(greatest, 1e-30).exponent + 1
            return Double(sign: .plus, exponent: 24 - exponent, significand: 1)
        }
        let total = max(Double(max(1, count)) * greatest, 1e-280)
        return 1.5 * Double(sign: .plus, exponent: total.exponent + 2, significand: 1)
    }
}

/// Similarities are stored, a row for each candidate.
struct StoredFacility<Scalar: KernelScalar>: FacilityEngine {
    private let values: AlignedBuffer<Scalar>
    private let stride: Int
    private let represented: Int
    private let rounding: Double
    private let threads: Int
    private var state: AlignedBuffer<Scalar>

    init(values: AlignedBuffer<Scalar>, stride: Int, represented: Int, greatest: Double, threads: Int) {
        self.values = values
        self.stride = stride
        self.represented = represented
        self.threads = threads
        rounding = Scalar.rounding(count: represented, greatest: greatest)
        state = AlignedBuffer(count: represented, repeating: 0)
    }

    init(_ rows: SimilarityRows<Scalar>) {
        self.init(
            values: rows.stored ?? AlignedBuffer(count: 0, repeating: 0), stride: rows.stride,
            represented: rows.represented, greatest: rows.greatest, threads: rows.threads)
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    mutating func gains(of elements: [Int], into gains: inout [Double]) {
        let result = AlignedBuffer<Double>(uninitialised: elements.count)
        Parallel.ranges(elements.count, threads: threads, grain: max(1, 200_000 / max(1, represented))) { range in
            for index in range {
                result.pointer[index] = Scalar._gain(
                    values.pointer + elements[index] * stride, state.pointer, count: represented, rounding: rounding)
            }
        }
        gains.removeAll(keepingCapacity: true)
        gains.append(contentsOf: UnsafeBufferPointer(start: result.pointer, count: elements.count))
    }

    @_specialize(where Scalar == Float)
    @_specialize(where Scalar == Double)
    mutating func add(_ element: Int) {
        if !isKnownUniquelyReferenced(&state) { state = state.copy() }
        _ = Scalar._raise(values.pointer + element * stride, state.pointer, count: represented)
    }

    var best: [Double] { (0..<represented).map { Double(state.pointer[$0]) } }
}

/// Most similarities are 0 and left out.
struct SparseFacility: FacilityEngine {
    private let matrix: SparseMatrix
    private let rounding: Double
    var best: [Double]

    init(_ matrix: SparseMatrix) {
        self.matrix = matrix
        rounding = Double.rounding(count: matrix.columnCount, greatest: matrix.values.max() ?? 0)
        best = [Double](repeating: 0, count: matrix.columnCount)
    }

    mutating func gains(of elements: [Int], into gains: inout [Double]) {
        gains.removeAll(keepingCapacity: true)
        best.withUnsafeBufferPointer { best in
            for element in elements {
                var sum = 0.0
                for entry in matrix.offsets[element]..<matrix.offsets[element + 1] {
                    let (value, now) = (matrix.values[entry], best[Int(matrix.columns[entry])])
                    if value > now { sum += (value + rounding) - (now + rounding) }
                }
                gains.append(sum)
            }
        }
    }

    mutating func add(_ element: Int) {
        for entry in matrix.offsets[element]..<matrix.offsets[element + 1] {
            let point = Int(matrix.columns[entry])
            best[point] = max(best[point], matrix.values[entry])
        }
    }
}

import CVectorKernels

/// How alike two rows of features are. No default: libraries mean different things by the same word, so each is named.
public enum Similarity: Sendable, Hashable, Codable {
    /// M − d², M the greatest squared distance of the set: apricot's `euclidean`.
    case maximumMinusSquaredDistance
    /// D − d, D the greatest distance of the set, or the one given: CRAIG's, and k-medoid's gain.
    case maximumMinusDistance(phantom: Double? = nil)
    /// exp(−d / dimensions): submodlib's `euclidean`.
    case exponentialDistance
    /// exp(−γ·d²).
    case gaussian(gamma: Double)
    /// The cosine of the angle; 0 for zero vectors.
    case cosine
    /// The cosine squared: apricot's `cosine`.
    case cosineSquared
    /// Pearson's correlation squared: apricot's `corr`.
    case correlationSquared
    /// The dot product.
    case dot
    /// 1 / (1 + d).
    case inverseDistance

    /// Names as the command line spells them; the first of a case is its own.
    static let names: [(name: String, value: Similarity)] = [
        ("max-squared-distance", .maximumMinusSquaredDistance), ("apricot-euclidean", .maximumMinusSquaredDistance),
        ("euclidean", .maximumMinusSquaredDistance),
        ("max-distance", .maximumMinusDistance()),
        ("exp-distance", .exponentialDistance), ("submodlib-euclidean", .exponentialDistance),
        ("cosine", .cosine), ("cosine-squared", .cosineSquared), ("apricot-cosine", .cosineSquared),
        ("correlation-squared", .correlationSquared), ("apricot-corr", .correlationSquared),
        ("dot", .dot), ("inverse-distance", .inverseDistance),
        ("euclidean(max d^2 - d^2)", .maximumMinusSquaredDistance), ("exp(-d/dim)", .exponentialDistance),
        ("cosine squared", .cosineSquared), ("correlation squared", .correlationSquared),
    ]

    /// The similarity that a name means: one of `knownNames`, or `gaussian:GAMMA`.
    ///
    /// - Throws: `CoresetError.unknownName`, `.invalidParameter`.
    public init(named spelling: String) throws(CoresetError) {
        let name = String(spelling.map { $0 == "_" ? "-" : $0 })
        if name.hasPrefix("gaussian:") || name.hasPrefix("rbf:") {
            let text = name.split(separator: ":", maxSplits: 1)[1]
            guard let gamma = Double(text), gamma > 0, gamma.isFinite else {
                throw .invalidParameter(name: "γ of \(name)", value: String(text), expected: "a positive number")
            }
            self = .gaussian(gamma: gamma)
            return
        }
        guard let found = Self.names.first(where: { $0.name == name }) else {
            throw .unknownName(what: "metric", name: name, known: Self.knownNames)
        }
        self = found.value
    }

    /// All names, aliases too.
    public static var knownNames: [String] { names.map(\.name) + ["gaussian:GAMMA"] }

    /// Its own name, with its parameter.
    public var name: String {
        switch self {
        case .gaussian(let gamma): "gaussian:\(gamma)"
        default: Self.names.first { $0.value == self }?.name ?? "max-distance"
        }
    }

    /// Whether it falls as the Euclidean distance grows (the others come from dot products).
    var isOfDistance: Bool {
        switch self {
        case .cosine, .cosineSquared, .correlationSquared, .dot: false
        default: true
        }
    }

    /// Whether the kernel matrix of any points has no negative eigenvalue, as log-determinants need.
    public var isPositiveSemidefinite: Bool {
        switch self {
        case .exponentialDistance, .gaussian, .cosine, .cosineSquared, .correlationSquared, .dot, .inverseDistance: true
        case .maximumMinusSquaredDistance, .maximumMinusDistance: false
        }
    }

    /// Whether the greatest distance of the set must be known.
    var needsMaximum: Bool {
        switch self {
        case .maximumMinusSquaredDistance, .maximumMinusDistance(phantom: nil): true
        default: false
        }
    }

    /// From squared distance, or dot product of the prepared rows, to similarity.
    func transform(dimensions: Int, maximum: Double) -> KernelTransform {
        switch self {
        case .maximumMinusSquaredDistance: Transforms.make(AVK_MINUS, maximum)
        case .maximumMinusDistance(let phantom): Transforms.make(AVK_MINUS_SQRT, phantom ?? maximum.squareRoot())
        case .exponentialDistance: Transforms.make(AVK_EXP_SQRT, 0, 1 / Double(max(1, dimensions)))
        case .gaussian(let gamma): Transforms.make(AVK_EXP, 0, gamma)
        case .cosine, .dot: Transforms.make(AVK_IDENTITY)
        case .cosineSquared, .correlationSquared: Transforms.make(AVK_SQUARE)
        case .inverseDistance: Transforms.make(AVK_INVERSE_SQRT, 0, 1)
        }
    }
}

enum Transforms {
    static func make(_ kind: avk_transform_kind, _ a: Double = 0, _ b: Double = 0) -> KernelTransform {
        avk_transform(kind: Int32(kind.rawValue), a: a, b: b)
    }

    static var squareRoot: KernelTransform { make(AVK_SQRT) }
}

import Files
import Glibc

/// Naive Bayes over byte n-grams that an automaton finds: for every language the logarithm of how likely each n-gram is.
///
/// Source: Lui and Baldwin 2012 ("langid.py"). The file is made by `Scripts/install-models` from the model of PyPI's
/// `py3langid`: magic `APUSNGM1`; classes, features, states, rows as 32-bit numbers; a 16-byte name and a `Float` prior
/// per class; per state its row and its feature (or -1); 256 next states per row; per feature a 16-bit number per class
/// (unit 1/2048), padded to a multiple of eight.
struct NgramModel: Sendable {
    /// What a state leads to: one load per byte of text instead of two.
    struct State: Sendable {
        var row: Int32
        var feature: Int32
    }

    let names: [String]
    let priors: [Float]
    let featureCount: Int
    private let states: [State]
    private let next: [UInt32]
    private let weights: [Int16]
    /// Classes rounded up to a multiple of eight.
    private let width: Int

    /// Buffers of one text at a time.
    struct Scratch {
        /// Times each feature was seen; zero between texts.
        fileprivate var counts: [UInt32] = []
        fileprivate var seen: [Int32] = []
        fileprivate var scores: [Float] = []
    }

    init(contentsOf path: String) throws(LanguageError) {
        let bytes: [UInt8]
        do { bytes = try FileReader.bytes(of: path, limit: 1 << 30) } catch { throw .file(error) }
        try self.init(bytes: bytes, name: path)
    }

    init(bytes: [UInt8], name: String) throws(LanguageError) {
        func damaged(_ reason: String) -> LanguageError { .damaged(file: name, reason: reason) }
        guard bytes.count >= 24, bytes.starts(with: "APUSNGM1".utf8) else { throw damaged("it begins otherwise") }
        let header = Self.array(of: UInt32.self, bytes, at: 8, count: 4).map { Int(UInt32(littleEndian: $0)) }
        let (classes, features, stateCount, rows) = (header[0], header[1], header[2], header[3])
        guard (1...4096).contains(classes), (1...1 << 24).contains(features), (1...1 << 24).contains(stateCount),
            (1...1 << 24).contains(rows)
        else { throw damaged("its sizes are out of bounds") }
        width = (classes + 7) / 8 * 8
        let sizes = [classes * 16, classes * 4, stateCount * 8, rows * 1024, features * width * 2]
        guard bytes.count == 24 + sizes.reduce(0, +) else { throw damaged("its length does not fit its sizes") }
        var starts: [Int] = [24]
        for size in sizes { starts.append(starts[starts.count - 1] + size) }

        names = (0..<classes).map { index in
            let start = starts[0] + index * 16
            return String(decoding: bytes[start..<start + 16].prefix { $0 != 0 }, as: UTF8.self)
        }
        priors = Self.array(of: Float.self, bytes, at: starts[1], count: classes)
        states = Self.array(of: State.self, bytes, at: starts[2], count: stateCount)
        next = Self.array(of: UInt32.self, bytes, at: starts[3], count: rows * 256)
        weights = Self.array(of: Int16.self, bytes, at: starts[4], count: features * width)
        featureCount = features

        // From here on every number is a valid place; the loops below rely on it.
        guard priors.allSatisfy(\.isFinite) else { throw damaged("a prior is no finite number") }
        guard states.allSatisfy({ $0.row >= 0 && $0.row < rows && $0.feature >= -1 && $0.feature < features }) else {
            throw damaged("a state leads out of its tables")
        }
        var highest: UInt32 = 0
        for state in next { highest = max(highest, state) }
        guard highest < stateCount else { throw damaged("a transition leads to no state") }
    }

    /// Little-endian values as they lie in the file; Apus runs on little-endian machines only.
    private static func array<T: BitwiseCopyable>(of type: T.Type, _ bytes: [UInt8], at start: Int, count: Int) -> [T] {
        [T](unsafeUninitializedCapacity: count) { buffer, initialized in
            bytes.withUnsafeBytes { all in
                // The caller has checked that `count` values lie after `start`; slicing would trap otherwise.
                UnsafeMutableRawBufferPointer(buffer).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: all[start..<start + count * MemoryLayout<T>.stride]))
            }
            initialized = count
        }
    }

    /// Probabilities of the classes, with the temperature √bytes that keeps them honest at every length.
    ///
    /// - Returns: false where the text holds no known n-gram; the probabilities are then meaningless.
    /// - Complexity: O(bytes + distinct n-grams · classes).
    func probabilities(
        of text: UnsafeBufferPointer<UInt8>, _ scratch: inout Scratch, into probabilities: inout [Float]
    ) -> Bool {
        if scratch.counts.isEmpty {
            scratch.counts = [UInt32](repeating: 0, count: featureCount)
            scratch.scores = [Float](repeating: 0, count: width)
        }
        scratch.seen.removeAll(keepingCapacity: true)
        walk(text, &scratch)
        guard !scratch.seen.isEmpty else { return false }
        addUp(&scratch)
        let factor = 1 / Float(max(text.count, 1)).squareRoot()
        probabilities.removeAll(keepingCapacity: true)
        var highest = -Float.infinity
        for index in names.indices {
            let score = (scratch.scores[index] + priors[index]) * factor
            highest = max(highest, score)
            probabilities.append(score)
        }
        var sum: Float = 0
        for index in names.indices {
            probabilities[index] = exp(probabilities[index] - highest)
            sum += probabilities[index]
        }
        for index in names.indices { probabilities[index] /= sum }
        return true
    }

    private func walk(_ text: UnsafeBufferPointer<UInt8>, _ scratch: inout Scratch) {
        states.withUnsafeBufferPointer { states in
            next.withUnsafeBufferPointer { next in
                var state = states[0]
                for byte in text {
                    state = states[Int(next[Int(state.row) << 8 | Int(byte)])]
                    let feature = Int(state.feature)
                    if feature >= 0 {
                        if scratch.counts[feature] == 0 { scratch.seen.append(state.feature) }
                        scratch.counts[feature] &+= 1
                    }
                }
            }
        }
    }

    /// Σ log(1 + count) · weight per class; leaves the counts zero.
    private func addUp(_ scratch: inout Scratch) {
        for index in scratch.scores.indices { scratch.scores[index] = 0 }
        let width = width
        weights.withUnsafeBytes { weights in
            scratch.scores.withUnsafeMutableBytes { scores in
                for feature in scratch.seen {
                    let count = scratch.counts[Int(feature)]
                    scratch.counts[Int(feature)] = 0
                    let factor = log1p(Float(count)) * (1.0 / 2048)
                    var place = Int(feature) * width * 2
                    var target = 0
                    while target < width * 4 {
                        let row = weights.loadUnaligned(fromByteOffset: place, as: SIMD8<Int16>.self)
                        let sum = scores.loadUnaligned(fromByteOffset: target, as: SIMD8<Float>.self)
                        scores.storeBytes(
                            of: sum + factor * SIMD8<Float>(row), toByteOffset: target, as: SIMD8<Float>.self)
                        place += 16
                        target += 32
                    }
                }
            }
        }
    }
}

/// Chooses the blocks of a page that are its main text.
struct MainTextSelection: Sendable {
    enum Size: Sendable { case fast, precise }

    private let model: BoostedTrees

    init(_ size: Size) { model = size == .fast ? .fast : .precise }

    /// The indices of the chosen blocks, in order. Complexity: O(blocks × (depth + trees)).
    func choose(_ page: PageBlocks) -> [Int] {
        guard !page.blocks.isEmpty else { return [] }
        let features = BlockFeatures(page)
        let width = BoostedTrees.width
        var likelihoods = [Float](repeating: 0, count: (page.blocks.count + width - 1) / width * width)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: width * BoostedTrees.stride) { rows in
            rows.initialize(repeating: 0)
            likelihoods.withUnsafeMutableBufferPointer { likelihoods in
                guard let rows = rows.baseAddress, let output = likelihoods.baseAddress else { return }
                for start in stride(from: 0, to: page.blocks.count, by: width) {
                    for index in start..<min(start + width, page.blocks.count) {
                        features.write(index, to: rows + (index - start) * BoostedTrees.stride)
                    }
                    model.likelihoods(rows, into: output + start)
                }
            }
        }
        return Self.best(page, likelihoods)
    }

    /// The blocks with the greatest expected F1 over words: for a set that is a prefix by falling likelihood,
    /// 2·Σ p·w over the set ÷ (Σ w over the set + Σ p·w over all). A page that is hard to judge is so taken with a lower
    /// threshold than an easy one (Lewis 1995; the optimum lies at half the F1 reached).
    static func best(_ page: PageBlocks, _ likelihoods: [Float]) -> [Int] {
        let order = page.blocks.indices.sorted { likelihoods[$0] > likelihoods[$1] }
        func weight(_ index: Int) -> Float { Float(page.blocks[index].wordWeight) }
        let expected = page.blocks.indices.reduce(Float(0)) { $0 + likelihoods[$1] * weight($1) }
        var best: Float = 0
        var threshold: Float = 2
        var (hits, size): (Float, Float) = (0, 0)
        for index in order {
            hits += likelihoods[index] * weight(index)
            size += weight(index)
            let quality = 2 * hits / (size + expected + 1e-6)
            if quality > best {
                best = quality
                threshold = likelihoods[index]
            }
        }
        return page.blocks.indices.filter { likelihoods[$0] >= threshold }
    }
}

extension Block {
    /// Words, with a character of Han, kana and Hangul as one.
    var wordWeight: UInt32 { counts.words &+ wideCharacters }

    /// Characters of scripts without spaces.
    private var wideCharacters: UInt32 {
        // Latin words are rarely longer than ten letters on average; what is beyond that has no spaces.
        let excess = counts.characters / max(counts.words, 1)
        return excess > 24 ? counts.characters / 3 : 0
    }
}

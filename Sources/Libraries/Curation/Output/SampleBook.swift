import JSON

/// A few dropped pages of each rule, chosen evenly by seed: those with the least hash of (seed, place). Books of chunks
/// merge into the same book in any order.
struct SampleBook: Sendable, Codable {
    struct Sample: Sendable, Hashable, Codable {
        var rank: UInt64
        var url: String?
        var text: String
        var value: Double?
        var limit: Double?
    }

    let seed: UInt64
    let limit: Int
    private(set) var samples: [String: [Sample]] = [:]
    private static let textLimit = 400

    init(seed: UInt64, limit: Int) {
        self.seed = seed
        self.limit = limit
    }

    mutating func add(_ page: Page, _ reason: DropReason, place: Int) {
        let rank = Self.mix(seed ^ Self.mix(UInt64(truncatingIfNeeded: place)))
        let held = samples[reason.rule] ?? []
        guard held.count < limit || rank < held[held.count - 1].rank else { return }
        let text = page.fields["text"].map { $0.stringValue ?? $0.text() } ?? ""
        insert(
            Sample(
                rank: rank, url: page.fields["url"]?.stringValue,
                text: String(String.UnicodeScalarView(text.unicodeScalars.prefix(Self.textLimit))), value: reason.value,
                limit: reason.limit), under: reason.rule)
    }

    mutating func merge(_ other: SampleBook) {
        for (rule, others) in other.samples { for sample in others { insert(sample, under: rule) } }
    }

    mutating func insert(_ sample: Sample, under rule: String) {
        var held = samples[rule] ?? []
        let index = held.firstIndex { $0.rank > sample.rank } ?? held.count
        held.insert(sample, at: index)
        if held.count > limit { held.removeLast() }
        samples[rule] = held
    }

    /// SplitMix64's finaliser.
    private static func mix(_ value: UInt64) -> UInt64 {
        var z = value &+ 0x9E37_79B9_7F4A_7C15
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

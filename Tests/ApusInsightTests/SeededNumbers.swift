import Foundation
import Testing

/// Random numbers that can be had again: `APUS_SEED=N swift test --filter ApusInsightTests`.
struct SeededNumbers: RandomNumberGenerator {
    let seed: UInt64
    private var state: UInt64

    init() {
        seed = ProcessInfo.processInfo.environment["APUS_SEED"].flatMap(UInt64.init) ?? .random(in: 0...(.max))
        state = seed
    }

    init(seed: UInt64) {
        self.seed = seed
        state = seed
    }

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ state >> 31
    }

    /// A number from 0 up to, and without, a limit.
    mutating func below(_ limit: UInt64) -> UInt64 { (next() >> 33) % limit }

    var replay: Comment { "replay with APUS_SEED=\(seed)" }
}

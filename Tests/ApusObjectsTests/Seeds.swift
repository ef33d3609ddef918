import Glibc
import Testing

/// What a randomised test found to be wrong.
struct Violation: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// Runs a test once for each seed, or for the one in the environment variable `APUS_SEED`. The first seed that fails is
/// named, with the command that replays it. `APUS_SEEDS` sets another number of seeds.
func forEachSeed(_ count: Int, test: String, _ body: (UInt64) throws -> Void) {
    let seeds: [UInt64]
    if let only = getenv("APUS_SEED").flatMap({ UInt64(String(cString: $0)) }) {
        seeds = [only]
    } else {
        let count = getenv("APUS_SEEDS").flatMap { Int(String(cString: $0)) } ?? count
        seeds = (0..<count).map(UInt64.init)
    }
    for seed in seeds {
        do {
            try body(seed)
        } catch {
            Issue.record(
                "seed \(seed): \(error). Replay: APUS_SEED=\(seed) swift test -c release --filter \(test)")
            return
        }
    }
}

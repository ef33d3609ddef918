import FastText
import Files
import Testing

@Suite("FastText and damaged files") struct HostileFileTests {
    static let files = ["words.bin", "triples-hs.bin", "both-ns.bin", "pairs-norm.ftz", "characters-ova-pruned.ftz"]

    /// A small generator, so that a failing seed can be run again.
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
    }

    @Test("every shorter file is an error that names the file", arguments: files)
    func truncated(_ name: String) throws {
        let bytes = try FileReader.bytes(of: Repository.golden(name))
        for end in stride(from: 0, to: bytes.count, by: bytes.count < 5000 ? 1 : 13) {
            let error = #expect(throws: FastTextError.self) {
                try FastTextModel(bytes: Array(bytes[..<end]), name: "short.bin")
            }
            #expect(error?.description.hasPrefix("short.bin: ") == true)
        }
    }

    @Test("mutated files are read or refused, and what is read predicts", arguments: files)
    func mutated(_ name: String) throws {
        let bytes = try FileReader.bytes(of: Repository.golden(name))
        var refused = 0
        for seed in 0..<1500 {
            var generator = Generator(state: UInt64(seed))
            var damaged = bytes
            for _ in 0...Int.random(in: 0..<4, using: &generator) {
                // Half of the changes go to the header, where the lengths are.
                let place = Int.random(
                    in: 0..<(Bool.random(using: &generator) ? 120 : damaged.count), using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 1: damaged[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &generator) ?? 0
                case 2: damaged.removeSubrange(place..<min(place + 4, damaged.count - 1))
                default: damaged.insert(contentsOf: [0xFF, 0xFF, 0xFF, 0x7F], at: place)
                }
            }
            do {
                let model = try FastTextModel(bytes: damaged)
                for text in ["the tide and the harbour", "", "Küste 波 море </s> wave", "unknown"] {
                    #expect(model.predict(text, count: 3).count <= 3)
                }
            } catch { refused += 1 }
        }
        print("FastText \(name): \(refused) of 1500 damaged files refused")
        #expect(refused > 100)
    }

    @Test("a file of another kind is refused by its mark")
    func otherFile() {
        #expect(throws: FastTextError.notAModel(file: "x")) {
            try FastTextModel(bytes: Array("PK\u{3}\u{4}....".utf8), name: "x")
        }
        #expect(throws: FastTextError.self) { try FastTextModel(contentsOf: "/nowhere/model.bin") }
    }
}

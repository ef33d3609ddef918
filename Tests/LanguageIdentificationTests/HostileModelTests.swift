import LanguageIdentification
import Testing

/// A small generator, so that a failing seed can be run again.
private struct Generator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}

private func bytes<T: FixedWidthInteger>(_ numbers: [T]) -> [UInt8] {
    numbers.flatMap { number in withUnsafeBytes(of: number.littleEndian) { Array($0) } }
}

/// Two languages told apart by one letter each, in the n-gram model's format.
private func ngramModel() -> [UInt8] {
    var next = [UInt32](repeating: 0, count: 256)
    next[97] = 1
    next[98] = 2
    let names = ["de", "fr"].flatMap { Array($0.utf8) + [UInt8](repeating: 0, count: 14) }
    let sizes = bytes([2, 2, 3, 1] as [UInt32])
    let states = bytes([0, -1, 0, 0, 0, 1] as [Int32])
    let weights = bytes([2048, -2048, 0, 0, 0, 0, 0, 0, -2048, 2048, 0, 0, 0, 0, 0, 0] as [Int16])
    return Array("APUSNGM1".utf8) + sizes + names + bytes([Float(-1), -1].map(\.bitPattern)) + states + bytes(next)
        + weights
}

/// Two languages told apart by one letter each, in the profiles' format.
private func profiles() -> [UInt8] {
    let counts = bytes([2, 2, 2, 1, 1] as [UInt32])
    let names = Array("\u{2}de\u{2}fr".utf8)
    let letters = bytes([0xE4, 97, 97, 0x308, 0xE4] as [UInt32])
    let shares = bytes([Double(0.1), 0.1].map(\.bitPattern))
    let head = Array("apuslang".utf8) + counts + names + letters
    return head + bytes([97, 98] as [UInt64]) + bytes([0, 1, 2] as [UInt32]) + [0, 1] + shares
}

private let texts = [
    "a a ab", "b", "", "Wir treffen uns morgen früh am Bahnhof.", "\u{0}\u{FFFF} ä a\u{308}", "ⵉⵎⴷⴰ 42",
]

@Suite("Damaged language models") struct HostileModelTests {
    @Test("the models made here work: each letter names its language")
    func whole() throws {
        let detector = try SeededLanguageDetector(seed: 0, profiles: profiles(), name: "p")
        #expect(detector.probabilities("a a a a a a").first?.language == "de")
        #expect(detector.probabilities("b b b b b b").first?.language == "fr")
        let identifier = try LanguageIdentifier(ngramModel: ngramModel(), name: "n")
        // CLD2 votes too, for others; between these two the model decides.
        for (text, code) in [("aaaaaaaa", "de"), ("bbbbbbbb", "fr")] {
            #expect(identifier.candidates(text, count: 9).first { ["de", "fr"].contains($0.code) }?.code == code)
        }
    }

    @Test("every shorter n-gram model is an error that names the file and the remedy")
    func shortModel() {
        let whole = ngramModel()
        for end in 0..<whole.count {
            let error = #expect(throws: LanguageError.self) {
                try LanguageIdentifier(ngramModel: Array(whole[..<end]), name: "short.bin")
            }
            #expect(
                error?.description.hasPrefix("short.bin: ") == true
                    && error?.description.contains("install-models") == true)
        }
    }

    @Test("every shorter file of profiles is an error that names the file and the remedy")
    func shortProfiles() {
        let whole = profiles()
        for end in 0..<whole.count {
            let error = #expect(throws: LanguageError.self) {
                try SeededLanguageDetector(seed: 0, profiles: Array(whole[..<end]), name: "short.bin")
            }
            #expect(
                error?.description.hasPrefix("short.bin: ") == true
                    && error?.description.contains("install-models") == true)
        }
    }

    @Test("mutated models are read or refused, and what is read answers", arguments: [true, false])
    func mutated(isNgramModel: Bool) throws {
        let whole = isNgramModel ? ngramModel() : profiles()
        var refused = 0
        for seed in 0..<4000 {
            var random = Generator(state: UInt64(seed))
            var damaged = whole
            for _ in 0...Int.random(in: 0..<3, using: &random) {
                let place = Int.random(in: 0..<(Bool.random(using: &random) ? 60 : damaged.count), using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: damaged[place] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
                case 2: damaged.removeSubrange(place..<min(place + 4, damaged.count - 1))
                default: damaged.insert(contentsOf: [0xFF, 0xFF, 0xFF, 0x7F], at: place)
                }
            }
            do {
                if isNgramModel {
                    let identifier = try LanguageIdentifier(ngramModel: damaged, name: "damaged")
                    for text in texts {
                        let found = identifier.candidates(text)
                        #expect(found.allSatisfy { (0...1.000_001).contains($0.confidence) }, "seed \(seed)")
                    }
                } else {
                    let detector = try SeededLanguageDetector(seed: 1, profiles: damaged, name: "damaged")
                    for text in texts {
                        let found = detector.probabilities(text)
                        #expect(found.allSatisfy { (0...1.000_001).contains($0.probability) }, "seed \(seed)")
                    }
                }
            } catch { refused += 1 }
        }
        print("languages: \(refused) of 4000 damaged \(isNgramModel ? "n-gram models" : "profiles") refused")
        #expect(refused > 500 && refused < 4000)
    }

    @Test("random text, valid or not, gets an answer from CLD2 alone")
    func randomText() throws {
        let identifier = try LanguageIdentifier(.compactOnly)
        var random = Generator(state: 9)
        for round in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<300, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            var scalars = String.UnicodeScalarView()
            for _ in 0..<(round % 90) {
                if let scalar = Unicode.Scalar(UInt32.random(in: 0..<0x11_0000, using: &random)) {
                    scalars.append(scalar)
                }
            }
            for answer in [identifier.identify(bytes.span), identifier.identify(String(scalars))] {
                #expect((0...1).contains(answer.confidence) && !answer.code.isEmpty, "round \(round)")
            }
        }
    }
}

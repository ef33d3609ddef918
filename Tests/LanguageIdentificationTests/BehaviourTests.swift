import Files
import LanguageIdentification
import Testing

@Suite("Language identifier") struct BehaviourTests {
    @Test("text without letters is und, in either mode", arguments: ["", " ", "12 345,67", "--- ++", "\n\t", "\0\0"])
    func noLetters(_ text: String) throws {
        #expect(try LanguageIdentifier(.compactOnly).identify(text) == .unknown)
        if Repository.hasModel { #expect(try Shared.full.get().identify(text) == .unknown) }
    }

    @Test("CLD2 alone names plain sentences")
    func compactOnly() throws {
        let identifier = try LanguageIdentifier(.compactOnly)
        #expect(identifier.identify("Die Katze sitzt auf dem warmen Ofen und schläft.").code == "de")
        #expect(identifier.identify("ང་ཚོ་བོད་པ་ཡིན།").code == "bo")
        #expect(identifier.identify("Le chat dort près de la fenêtre ouverte.").code == "fr")
    }

    @Test(
        "a script of one language names it",
        arguments: [("ⵉⵎⴷⴰⵏⴻⵏ ⴰⴽⴽⴻⵏ ⵎⴰ ⵍⵍⴰⵏ", "zgh"), ("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "chr"), ("ދިވެހިރާއްޖެ", "dv")])
    func scripts(_ text: String, _ code: String) throws {
        #expect(try LanguageIdentifier(.compactOnly).identify(text).code == code)
    }

    @Test(
        "capitals, control characters and damaged UTF-8 change nothing",
        .enabled(if: Repository.hasModel, "no n-gram model: run Scripts/install-models"))
    func disguises() throws {
        let identifier = try Shared.full.get()
        let text = "Wir treffen uns morgen früh am Bahnhof und fahren zusammen in die Berge."
        #expect(identifier.identify(text).code == "de")
        #expect(identifier.identify(text.uppercased()).code == "de")
        #expect(identifier.identify(text + "\u{1}\u{FFFE}\u{85}").code == "de")
        let damaged = Array(text.utf8) + [0xFF, 0xC3, 0x28, 0xED, 0xA0, 0x80]
        #expect(identifier.identify(damaged.span).code == "de")
    }

    @Test(
        "confidences fall and sum to at most 1",
        .enabled(if: Repository.hasModel, "no n-gram model: run Scripts/install-models"))
    func candidates() throws {
        let found = try Shared.full.get().candidates("Jeg vet ikke hva jeg skal si om dette.", count: 5)
        #expect(found.first?.code == "nb")
        #expect(found.map(\.confidence) == found.map(\.confidence).sorted(by: >))
        #expect(found.map(\.confidence).reduce(0, +) < 1.000_001)
        #expect(found.count == 5)
    }

    @Test(
        "long text is judged from the front, the middle and the end",
        .enabled(if: Repository.hasModel, "no n-gram model: run Scripts/install-models"))
    func longText() throws {
        let noise = String(repeating: "0 1 2 3 4 5 6 7 8 9 ", count: 2000)
        let text = String(repeating: "Den gamle fiskaren rodde heim då det mørkna over fjorden. ", count: 40_000)
        let found = try Shared.full.get().identify(noise + text)
        #expect(found.code == "nn")
    }

    @Test("random bytes never trap", .enabled(if: Repository.hasModel, "no n-gram model: run Scripts/install-models"))
    func randomBytes() throws {
        let identifier = try Shared.full.get()
        var state: UInt64 = 1
        for round in 0..<3000 {
            var bytes: [UInt8] = []
            for _ in 0..<(round % 97) {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let byte = UInt8(truncatingIfNeeded: state >> 33)
                bytes.append(round % 3 == 0 ? byte : byte & 0x7F)
            }
            let answer = identifier.identify(bytes.span)
            #expect(answer.confidence >= 0 && answer.confidence <= 1 && !answer.code.isEmpty)
        }
    }
}

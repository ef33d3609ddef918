import Curation
import FastText
import Files
import Foundation
import JSON
import LanguageIdentification
import Testing

@Suite("Language and quality steps", .enabled(if: ReferenceData.hasModels, "Scripts/install-models was not run"))
struct LanguageStepTests {
    private func apply(_ name: String, _ parameters: JSONObject, to page: Page, folder: String = ".") throws -> Page {
        let step = try StepRegistry.make(name, parameters: parameters, baseFolder: folder)
        var page = page
        #expect(try step.apply(to: &page) == .keep)
        return page
    }

    private let english = "This is a page about the weather.\nIt rained for a week."

    @Test("fastText sees the text with its line feeds deleted, not replaced")
    func lineFeeds() throws {
        let glued = english.replacing("\n", with: "")
        let model = try FastTextModel(contentsOf: InstalledModels.path(of: InstalledModels.fastTextLanguages))
        let expected = try #require(model.predict(glued).first)
        let page = try apply("detect_lang_whole_page_enricher", ["model": "fasttext"], to: Page(text: english))
        let found = try #require(page.fields["language_id_whole_page_fasttext"]?.objectValue)
        #expect(found["en"]?.doubleValue == Double(expected.probability))
        #expect(found.count == 1)
    }

    @Test("spaces and ASCII punctuation have no language", arguments: ["fasttext", "langdetect", "apus"])
    func nothing(model: String) throws {
        for text in ["", "   ", "... !?"] {
            let page = try apply("detect_lang_whole_page_enricher", ["model": .string(model)], to: Page(text: text))
            #expect(page.fields["language_id_whole_page_\(model)"] == [:])
        }
    }

    @Test("every identifier knows English and German", arguments: ["fasttext", "langdetect", "apus"])
    func known(model: String) throws {
        let texts = ["en": english, "de": "Das ist eine Seite über das Wetter. Es hat eine Woche lang geregnet."]
        for (language, text) in texts {
            let page = try apply(
                "detect_lang_whole_page_enricher", ["model": .string(model), "seed": 0], to: Page(text: text))
            #expect((page.fields["language_id_whole_page_\(model)"]?[language]?.doubleValue ?? 0) > 0.5)
        }
    }

    @Test("a field that exists is replaced only on request")
    func overwrite() throws {
        let page = Page(fields: ["text": .string(english), "language_id_whole_page_fasttext": 1])
        #expect(
            throws: CurationError.fieldExists(
                step: "detect_lang_whole_page_enricher", key: "language_id_whole_page_fasttext")
        ) {
            try apply("detect_lang_whole_page_enricher", ["model": "fasttext"], to: page)
        }
        _ = try apply("detect_lang_whole_page_enricher", ["model": "fasttext", "overwrite": true], to: page)
    }

    @Test("sentences are averaged by language")
    func paragraphs() throws {
        let text =
            "This is the first sentence of a page. Das ist ein deutscher Satz über das Wetter. Here the page ends now."
        let page = try apply("detect_lang_paragraph_enricher", ["model": "fasttext"], to: Page(text: text))
        let found = try #require(page.fields["language_id_paragraph_fasttext"])
        #expect(found["en"]?["number_of_sentences"]?.intValue == 2)
        #expect(found["de"]?["number_of_sentences"]?.intValue == 1)
        #expect((found["en"]?["average_probability"]?.doubleValue ?? 0) > 0.5)
    }

    @Test("a sentence of several lines fails the page, as in the reference, unless strict is off")
    func strict() throws {
        let page = Page(text: "This sentence goes\non over two lines. And this one does not.")
        #expect(throws: CurationError.self) {
            try apply("detect_lang_paragraph_enricher", ["model": "fasttext"], to: page)
        }
        _ = try apply("detect_lang_paragraph_enricher", ["model": "fasttext", "strict": false], to: page)
    }

    @Test("quality is the classifier's probability of anything but cc, of the text on one line")
    func quality() throws {
        var options = FastTextTrainingOptions.qualityClassifier
        options.epochs = 20
        options.buckets = 1000
        var trainer = try FastTextTrainer(options)
        for index in 0..<60 {
            try trainer.add("proof theorem lemma \(index) therefore", label: "hq")
            try trainer.add("buy cheap offer \(index) click", label: "cc")
        }
        let folder = FileManager.default.temporaryDirectory.appending(
            path: "apus-quality-\(ProcessInfo.processInfo.processIdentifier)"
        ).path()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let model = try trainer.train()
        try model.write(to: folder + "/q.bin")
        for text in ["  proof theorem\u{2028}lemma\ntherefore \n", "buy cheap\noffer click"] {
            let page = try apply(
                "classify_fasttext_hq_prob_enricher", ["model_filename": "q.bin"], to: Page(text: text), folder: folder)
            let line = text == "buy cheap\noffer click" ? "buy cheap offer click" : "proof theorem lemma therefore"
            let best = try #require(model.predict(line).first)
            let expected = best.label == "cc" ? 1 - Double(best.probability) : Double(best.probability)
            #expect(page.fields["fasttext_hq_prob"]?.doubleValue == expected)
        }
    }

    @Test("a model that is absent is named, with what to do")
    func absent() throws {
        for (name, parameters) in [
            ("classify_fasttext_hq_prob_enricher", ["model_filename": "absent.bin"]),
            ("detect_lang_whole_page_enricher", ["model": "fasttext", "model_file": "absent.bin"]),
        ] as [(String, JSONObject)] {
            do {
                _ = try StepRegistry.make(name, parameters: parameters)
                Issue.record("\(name) was made")
            } catch {
                #expect("\(error)".contains("absent.bin"))
            }
        }
    }
}

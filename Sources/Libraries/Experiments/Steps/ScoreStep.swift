import Apus
import Evaluation
import Files
import JSON
import LanguageModels
import Tokenization

/// Measures one model on the held-out text.
struct ScoreStep: ExperimentStep {
    /// By held-out document, in their order, so that models are compared pair by pair.
    struct Product: Codable, Sendable {
        var bits: [Double]
        var bytes: [Int]
        /// Whether each cloze question was answered.
        var isCorrect: [Bool]
        /// The held-out document of each question.
        var questionDocuments: [Int]
    }

    static let kind = "score 2"
    private static let documentsAtOnce = 32
    private static let questionsAtOnce = 32

    var site: StepSite
    var settings: ExperimentConfiguration.Evaluation
    var seed: UInt64
    @Input var heldOut: Finished<HeldOutStep.Product>
    @Input var tokenizer: Finished<TokenizerStep.Product>
    @Input var model: Finished<TrainingStep.Product>

    var inputDigests: [String] { [heldOut.digest, tokenizer.product.digest, model.digest] }

    func parameters() throws -> JSONValue {
        [
            "clozeQuestions": JSONValue(settings.clozeQuestions), "clozeChoices": JSONValue(settings.clozeChoices),
            "seed": .string("\(seed)"),
        ]
    }

    func perform(in folder: String) async throws -> Product {
        let texts = try HeldOutDocuments(heldOut).texts
        let tokenizer = try Tokenizer(contentsOf: tokenizer.folder + "/" + TokenizerStep.file)
        let scorer = try Scorer(model.folder + "/model")
        var product = Product(bits: [], bytes: [], isCorrect: [], questionDocuments: [])
        for batch in stride(from: 0, to: texts.count, by: Self.documentsAtOnce) {
            try Task.checkCancellation()
            let scores = try scorer.documentScores(
                Array(texts[batch..<min(texts.count, batch + Self.documentsAtOnce)]), tokenizer: tokenizer)
            product.bits += scores.map(\.bits)
            product.bytes += scores.map(\.bytes)
            site.post(product.bits.count, of: texts.count, "documents")
        }
        let task = ClozeTask(
            documents: texts, questions: settings.clozeQuestions, choices: settings.clozeChoices, seed: seed)
        let encoder = tokenizer.makeEncoder()
        encoder.ignoresSpecialTokens = true
        func ids(_ text: String) -> [Int32] {
            var ids: [UInt32] = []
            encoder.encode(text, into: &ids)
            return ids.map { Int32(bitPattern: $0) }
        }
        for batch in stride(from: 0, to: task.questions.count, by: Self.questionsAtOnce) {
            try Task.checkCancellation()
            let questions = task.questions[batch..<min(task.questions.count, batch + Self.questionsAtOnce)]
            let answers = try scorer.answers(
                questions.map { ChoiceQuestion(context: ids($0.context), choices: $0.choices.map(ids)) })
            for (question, answer) in zip(questions, answers) {
                product.isCorrect.append(answer.best == question.answer)
                product.questionDocuments.append(question.document)
            }
            site.post(product.isCorrect.count, of: task.questions.count, "questions")
        }
        return product
    }
}

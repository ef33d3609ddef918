import ApusCore
import Evaluation
import Testing

@Suite("Cloze task") struct ClozeTests {
    /// Documents of random words from a vocabulary of its own and a common one.
    private static func documents(_ count: Int) -> [String] {
        (0..<count).map { number in
            var generator = SeededGenerator(seed: 5, stream: UInt64(number))
            return (0..<200).map { _ in
                generator.below(3) == 0
                    ? "the"
                    : "word" + String((0..<4).map { _ in Character(UnicodeScalar(UInt8(97 + generator.below(6)))) })
            }.joined(separator: " ") + "."
        }
    }

    @Test("each question's answer is what the document says, and no other choice is in the document")
    func answers() {
        let documents = Self.documents(20)
        let task = ClozeTask(documents: documents, questions: 100, choices: 4, seed: 1)
        #expect(task.questions.count == 100)
        for question in task.questions {
            let document = documents[question.document]
            #expect(Set(question.choices).count == 4)
            #expect(document.contains(question.context + question.choices[question.answer]))
            for (place, choice) in question.choices.enumerated() where place != question.answer {
                #expect(!document.split(whereSeparator: { " .".contains($0) }).contains(choice.dropFirst()))
            }
        }
    }

    @Test("questions are spread over documents, and answers over places")
    func spread() {
        let task = ClozeTask(documents: Self.documents(20), questions: 400, choices: 4, seed: 1)
        for document in 0..<20 { #expect(task.questions.count { $0.document == document } == 20) }
        // Three standard deviations around 100.
        for place in 0..<4 { #expect((74...126).contains(task.questions.count { $0.answer == place })) }
    }

    @Test("the same seed gives the same questions; too little text gives fewer")
    func seeds() {
        let documents = Self.documents(10)
        let first = ClozeTask(documents: documents, questions: 50, choices: 3, seed: 1).questions
        #expect(first == ClozeTask(documents: documents, questions: 50, choices: 3, seed: 1).questions)
        #expect(first != ClozeTask(documents: documents, questions: 50, choices: 3, seed: 2).questions)
        #expect(ClozeTask(documents: ["short text", ""], questions: 50, choices: 3, seed: 1).questions.isEmpty)
    }
}

import Glibc
import Tokenization

/// How well a model predicts a document.
public struct DocumentScore: Hashable, Sendable {
    /// Σ −log₂ p over its tokens.
    public var bits: Double
    /// Bytes of its text in UTF-8.
    public var bytes: Int
    public var tokens: Int

    public init(bits: Double, bytes: Int, tokens: Int) {
        self.bits = bits
        self.bytes = bytes
        self.tokens = tokens
    }

    /// Bits a byte: comparable between tokenizers. Lower is better; 0 for an empty document.
    public var bitsPerByte: Double { bytes > 0 ? bits / Double(bytes) : 0 }
}

extension Scorer {
    /// Σ −log₂ p over the tokens of each document.
    ///
    /// The first token is scored behind the end-of-text token, as documents follow each other in training, so that every byte
    /// counts, and each counts once.
    ///
    /// - Parameters:
    ///   - documents: ids without an end-of-text token; an empty document has 0 bits.
    ///   - endOfText: the id that stands before each document.
    public func documentBits(_ documents: [[Int32]], endOfText: Int32) throws -> [Double] {
        let full = documents.indices.filter { !documents[$0].isEmpty }
        let scores = try tokenLogLikelihoods(full.map { [endOfText] + documents[$0] })
        var bits = [Double](repeating: 0, count: documents.count)
        for (index, likelihoods) in zip(full, scores) {
            bits[index] = likelihoods.reduce(0.0) { $0 - Double($1) } / M_LN2
        }
        return bits
    }

    /// Scores texts. Special tokens inside them are text.
    ///
    /// - Throws: `LanguageModelError.badData` where the tokenizer has no end-of-text token or more tokens than the model.
    public func documentScores(_ texts: [String], tokenizer: Tokenizer) throws -> [DocumentScore] {
        guard let end = tokenizer.endOfText else {
            throw LanguageModelError.badData(
                source: "tokenizer", reason: "it has no end-of-text token, behind which documents are scored")
        }
        guard tokenizer.vocabularySize <= configuration.vocabulary else {
            throw LanguageModelError.badData(
                source: "tokenizer",
                reason:
                    "its \(tokenizer.vocabularySize) tokens do not fit the model's vocabulary of \(configuration.vocabulary); give the one it was trained with"
            )
        }
        let encoder = tokenizer.makeEncoder()
        encoder.ignoresSpecialTokens = true
        var ids: [UInt32] = []
        let documents = texts.map { text in
            ids.removeAll(keepingCapacity: true)
            encoder.encode(text, into: &ids)
            return ids.map { Int32(bitPattern: $0) }
        }
        let bits = try documentBits(documents, endOfText: Int32(bitPattern: end))
        return texts.indices.map {
            DocumentScore(bits: bits[$0], bytes: texts[$0].utf8.count, tokens: documents[$0].count)
        }
    }
}

/// Why a tokenizer, its training or its shards failed, and what to do.
public enum TokenizationError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `tokenizer.json` is not JSON.
    case notJSON(file: String, reason: String)
    /// A part of `tokenizer.json` is absent or of the wrong kind.
    case malformed(file: String, key: String, expected: String)
    /// A part of `tokenizer.json` that asks for something Apus does not do.
    case unsupported(file: String, key: String, value: String)
    /// A merge that names a token outside the vocabulary.
    case unknownToken(file: String, key: String, token: String)
    /// An id outside the vocabulary, at a position of a list to decode.
    case unknownIdentifier(UInt32, position: Int, vocabularySize: Int)
    /// Training asked for a vocabulary that cannot hold the 256 bytes and the special tokens.
    case vocabularyTooSmall(asked: Int, least: Int)
    /// There was no text to train on or to cut into sequences.
    case emptyInput(String)
    /// A setting outside what makes sense.
    case badSetting(name: String, value: String, expected: String)
    /// A line of a pool that holds no page.
    case badLine(file: String, line: Int, reason: String)
    /// A file of a shard folder that does not fit the others.
    case badShard(file: String, reason: String)
    /// The system gave no thread to work on: `pthread_create`'s code.
    case noThread(code: Int32)

    public var description: String {
        switch self {
        case .notJSON(let file, let reason):
            "\(file): \(reason). A Hugging Face tokenizer.json is needed."
        case .malformed(let file, let key, let expected):
            "\(file): ‘\(key)’ must be \(expected)."
        case .unsupported(let file, let key, let value):
            "\(file): ‘\(key)’ is \(value), which is not supported; byte-level BPE tokenizers are."
        case .unknownToken(let file, let key, let token):
            "\(file): ‘\(key)’ names the token ‘\(token)’, which is not in the vocabulary."
        case .unknownIdentifier(let id, let position, let size):
            "id \(id) at position \(position) is not in the vocabulary of \(size) tokens. Decode with the tokenizer that encoded."
        case .vocabularyTooSmall(let asked, let least):
            "a vocabulary of \(asked) cannot hold the 256 bytes and the special tokens. Ask for at least \(least)."
        case .emptyInput(let what): "\(what): there is no text in it. Give at least one document."
        case .badSetting(let name, let value, let expected): "\(name) is \(value), but must be \(expected)."
        case .badLine(let file, let line, let reason): "\(file):\(line): \(reason)."
        case .noThread(let code): "no thread could be started (code \(code)). End other programs, or raise ulimit -u."
        case .badShard(let file, let reason): "\(file): \(reason). Write the shards again with `apus tokenize shards`."
        }
    }
}

import Files
import Tokenization

extension TokenShards: SequenceSource {
    package var count: Int { sequenceCount }
    package var tokensPerSequence: Int { contextLength }
    package var vocabulary: Int { vocabularySize }
    package var name: String { folder }

    /// The shards' digests and how they are cut.
    package var identity: String {
        SHA256.digest(Array((digests + ["\(contextLength)", "\(vocabularySize)"]).joined(separator: "\n").utf8))
    }

    package func read(_ index: Int, into tokens: UnsafeMutableBufferPointer<Int64>) { sequence(index, into: tokens) }
}

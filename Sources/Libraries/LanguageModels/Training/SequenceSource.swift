/// Training sequences that can be read in any order. A conformer may be used by one thread at a time.
package protocol SequenceSource: Sendable {
    /// Sequences.
    var count: Int { get }
    /// Tokens in each, the last one a target only: sequence length + 1.
    var tokensPerSequence: Int { get }
    /// Tokens that may occur: 0 ..< this.
    var vocabulary: Int { get }
    /// A digest of everything that decides what `read` gives.
    var identity: String { get }
    /// What messages call it.
    var name: String { get }

    /// Writes a sequence's tokens into a buffer of exactly their number.
    func read(_ index: Int, into tokens: UnsafeMutableBufferPointer<Int64>) throws
}

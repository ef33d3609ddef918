/// How documents become sequences, and sequences shards.
public struct ShardOptions: Sendable, Hashable {
    /// Tokens that a model predicts in a sequence; a sequence has one more.
    public var sequenceLength: Int
    /// Decides the order of the sequences.
    public var seed: UInt64
    public var format: ShardFormat
    /// The token after each document.
    public var endOfText: UInt32
    /// Every id is below this value; up to 65,536 flat shards take two bytes a token, beyond it four.
    public var vocabularySize: Int
    /// Fills what is left at the end of an input up to a whole sequence; nil drops what is left.
    public var padding: UInt32?
    /// True ends sequences with each input, as DataComp-LM's tools do; false lets them run on into the next input.
    public var endsWithInputs: Bool
    /// Sequences in a shard.
    public var shardSequences: Int
    /// Parts that sequences are first dealt to; one at a time is held in memory to be shuffled.
    public var cells: Int
    /// Bytes of sequences held in memory before they are written to temporary files.
    public var memoryLimit: Int

    public init(
        sequenceLength: Int, seed: UInt64, endOfText: UInt32, vocabularySize: Int, format: ShardFormat = .flat,
        padding: UInt32? = nil, endsWithInputs: Bool = false, shardSequences: Int = 8192, cells: Int = 128,
        memoryLimit: Int = 256 << 20
    ) {
        self.sequenceLength = sequenceLength
        self.seed = seed
        self.format = format
        self.endOfText = endOfText
        self.vocabularySize = vocabularySize
        self.padding = padding
        self.endsWithInputs = endsWithInputs
        self.shardSequences = shardSequences
        self.cells = cells
        self.memoryLimit = memoryLimit
    }

    /// Options that suit a tokenizer: its end-of-text token, and room for the padding token where that lies beyond it.
    ///
    /// - Throws: `TokenizationError.badSetting` where the tokenizer has no end-of-text token and none is given.
    public init(
        for tokenizer: Tokenizer, sequenceLength: Int, seed: UInt64, format: ShardFormat = .flat,
        padding: UInt32? = nil,
        endOfText: UInt32? = nil
    ) throws(TokenizationError) {
        guard let end = endOfText ?? tokenizer.endOfText else {
            throw .badSetting(name: "the end-of-text token", value: "absent", expected: "in the tokenizer, or given")
        }
        self.init(
            sequenceLength: sequenceLength, seed: seed, endOfText: end,
            vocabularySize: max(tokenizer.vocabularySize, Int(padding ?? 0) + 1, Int(end) + 1), format: format,
            padding: padding)
    }

    var contextLength: Int { sequenceLength + 1 }

    func check() throws(TokenizationError) {
        func need(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(TokenizationError) {
            guard range.contains(value) else {
                throw .badSetting(
                    name: name, value: "\(value)", expected: "from \(range.lowerBound) to \(range.upperBound)")
            }
        }
        try need("the sequence length", sequenceLength, 1...ShardManifest.sequenceLimit)
        try need("the vocabulary's size", vocabularySize, 1...Int(UInt32.max))
        try need("the end-of-text token", Int(endOfText), 0...vocabularySize - 1)
        if let padding { try need("the padding token", Int(padding), 0...vocabularySize - 1) }
        try need("the number of sequences in a shard", shardSequences, 1...1 << 30)
        try need("the number of cells", cells, 1...1 << 16)
        try need("the memory limit", memoryLimit, 0...Int.max)
    }
}

import ApusCore
import Files
import Glibc
import JSON

/// Cuts documents' tokens into sequences of one length, shuffles them, and writes shards.
///
/// Documents are joined in the order given, each followed by the end-of-text token. Sequences are then dealt at random
/// to cells; each cell is shuffled and cut into shards, and what does not fill a shard is dealt again to a sixteenth as
/// many cells, until one is left, whose last shard may be short. Memory is bounded by the largest cell, whatever the
/// amount of tokens.
///
/// The folder's old shards stay as they are until `finish`, which puts the new ones in their place; a writer that is
/// dropped before leaves nothing. The same documents, options and seed give the same bytes.
///
/// Not `Sendable`: one task uses one.
///
/// - Source: the shuffle is that of DataComp-LM's tokenize-shuffle tool.
public final class TokenShardWriter {
    public let folder: String
    public let options: ShardOptions
    private let tokenizerDigest: String?
    private let working: WorkingFolder
    private var cells: CellStore
    private var dealer: SeededGenerator
    /// Tokens of a sequence that is not full yet.
    private var pending: [UInt32] = []
    public private(set) var counts = ShardManifest.Counts()
    /// Sequences cut so far.
    public private(set) var sequences = 0

    /// - Parameters:
    ///   - folder: made where it is absent.
    ///   - options: how the documents' ids become sequences.
    ///   - tokenizerDigest: `Tokenizer.digest` of what made the ids, for the manifest.
    /// - Throws: `TokenizationError.badSetting`, `FileError`.
    public init(folder: String, options: ShardOptions, tokenizerDigest: String? = nil) throws {
        try options.check()
        self.folder = folder
        self.options = options
        self.tokenizerDigest = tokenizerDigest
        working = try WorkingFolder(in: folder)
        cells = CellStore(folder: working.path, cells: options.cells, memoryLimit: options.memoryLimit)
        dealer = SeededGenerator(seed: options.seed, stream: 0)
    }

    /// Adds a document's ids; the end-of-text token follows by itself.
    ///
    /// - Throws: `TokenizationError.unknownIdentifier` for an id outside the vocabulary, after which the writer is as it
    ///   was before; `FileError`.
    public func append(_ ids: [UInt32], textBytes: Int = 0) throws {
        let limit = UInt32(clamping: options.vocabularySize)
        if let position = ids.firstIndex(where: { $0 >= limit }) {
            throw TokenizationError.unknownIdentifier(
                ids[position], position: position, vocabularySize: options.vocabularySize)
        }
        counts.documents += 1
        counts.textBytes += textBytes
        counts.tokens += ids.count + 1
        pending.append(contentsOf: ids)
        pending.append(options.endOfText)
        let length = options.contextLength
        guard pending.count >= length else { return }
        var start = 0
        while pending.count - start >= length {
            try deal(pending[start..<start + length])
            start += length
        }
        pending.removeSubrange(..<start)
    }

    /// Says that an input (a file, usually) is through. Matters only where sequences end with inputs.
    public func endInput() throws {
        if options.endsWithInputs { try settleRemainder() }
    }

    /// Notes a record that holds no document.
    public func noteFailure(_ reason: String) { counts.failed[reason, default: 0] += 1 }

    /// Shuffles, writes the shards and the manifest, and puts them in the place of what the folder held.
    ///
    /// - Returns: the manifest written. The writer must not be used afterwards.
    /// - Throws: `TokenizationError.emptyInput` where the documents fill no sequence; `FileError`; `CancellationError`
    ///   where `isCancelled` turned true.
    public func finish(isCancelled: () -> Bool = { false }) throws -> ShardManifest {
        try settleRemainder()
        guard sequences > 0 else {
            throw TokenizationError.emptyInput(
                "\(folder): \(counts.tokens) tokens of \(counts.documents) documents fill no sequence of \(options.contextLength)"
            )
        }
        let sink: any ShardSink =
            switch options.format {
            case .flat: FlatShardSink(folder: working.path, isWide: isWide)
            case .tar: TarShardSink(folder: working.path, seed: options.seed)
            }
        var shards: [ShardManifest.Shard] = []
        var level = 0
        while true {
            level += 1
            let isLast = cells.count == 1
            var overflow = CellStore(
                folder: working.path, cells: (cells.count + 15) / 16, memoryLimit: options.memoryLimit)
            for cell in 0..<cells.count {
                if isCancelled() { throw CancellationError() }
                var generator = SeededGenerator(seed: options.seed, stream: UInt64(level) << 32 | UInt64(cell + 1))
                let tokens = try cells.take(cell)
                let length = options.contextLength
                var order = Array(0..<tokens.count / length)
                generator.shuffle(&order)
                var start = 0
                while order.count - start >= options.shardSequences || isLast && start < order.count {
                    let end = min(start + options.shardSequences, order.count)
                    shards.append(try sink.write(shards.count, tokens, order[start..<end], length: length))
                    start = end
                }
                for index in order[start...] {
                    try overflow.append(
                        tokens[index * length..<(index + 1) * length], to: generator.below(overflow.count))
                }
            }
            if isLast { break }
            cells = overflow
        }
        let manifest = ShardManifest(
            layout: options.format, sequenceLength: options.sequenceLength, tokenBytes: isWide ? 4 : 2,
            vocabularySize: options.vocabularySize, endOfText: options.endOfText, padding: options.padding,
            tokenizerDigest: tokenizerDigest, seed: options.seed, counts: counts, shards: shards)
        try publish(manifest)
        return manifest
    }

    private var isWide: Bool { options.vocabularySize > 1 << 16 }

    private func deal(_ sequence: ArraySlice<UInt32>) throws {
        try cells.append(sequence, to: dealer.below(cells.count))
        sequences += 1
    }

    private func settleRemainder() throws {
        guard !pending.isEmpty else { return }
        if let padding = options.padding {
            let missing = options.contextLength - pending.count
            counts.padded += missing
            pending.append(contentsOf: repeatElement(padding, count: missing))
            try deal(pending[...])
        } else {
            counts.dropped += pending.count
        }
        pending.removeAll(keepingCapacity: true)
    }

    /// Without its manifest a folder is no shards, so it goes first and comes last.
    private func publish(_ manifest: ShardManifest) throws {
        let path = Paths.join(folder, ShardManifest.fileName)
        let listPath = Paths.join(folder, TarShardSink.manifestName)
        for old in [path, listPath] where unlink(old) != 0 && errno != ENOENT {
            throw FileError.current("replace", old)
        }
        for shard in manifest.shards {
            let target = Paths.join(folder, shard.file)
            guard rename(Paths.join(working.path, shard.file), target) == 0 else {
                throw FileError.current("write", target)
            }
        }
        let current = Set(manifest.shards.map(\.file))
        for name in try Folder.entries(folder) where Self.isShardName(name) && !current.contains(name) {
            unlink(Paths.join(folder, name))
        }
        if manifest.layout == .tar { try AtomicFile.write(TarShardSink.list(manifest.shards), to: listPath) }
        try AtomicFile.write(manifest.json.text(.indented) + "\n", to: path)
    }

    /// `shard_` digits `.bin` or `.tar`: names that only shards have.
    private static func isShardName(_ name: String) -> Bool {
        guard name.hasPrefix("shard_"), name.hasSuffix(".bin") || name.hasSuffix(".tar") else { return false }
        let digits = name.dropFirst(6).dropLast(4)
        return digits.count >= 5 && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}

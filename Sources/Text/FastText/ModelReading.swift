import Files

extension FastTextModel {
    /// Reads a `.bin` or `.ftz` file.
    ///
    /// - Throws: `FastTextError`; a damaged file is an error, never a crash, and costs memory in proportion to its size.
    public convenience init(contentsOf path: String) throws(FastTextError) {
        let bytes: [UInt8]
        do { bytes = try FileReader.bytes(of: path, limit: 1 << 36) } catch { throw .file(error) }
        try self.init(bytes: bytes, name: path)
    }

    /// Reads a model from bytes; `name` stands in errors for the file.
    public convenience init(bytes: [UInt8], name: String = "model") throws(FastTextError) {
        var input = ModelBytes(bytes, file: name)
        let arguments = try input.arguments()
        var (vocabulary, pairs) = try input.vocabulary(arguments)
        let isQuantized = try input.flag("the quantisation mark")
        let matrix = try input.matrix(isQuantized: isQuantized, "the input matrix")
        let isOutputQuantized = try input.flag("the output's quantisation mark")
        let output = try input.matrix(isQuantized: isQuantized && isOutputQuantized, "the output matrix")

        guard matrix.columns == arguments.dimension, output.columns == arguments.dimension else {
            throw input.invalid("a matrix", "its width is not the dimension \(arguments.dimension)")
        }
        guard output.rows == vocabulary.labelCount else {
            throw input.invalid("the output matrix", "\(output.rows) rows for \(vocabulary.labelCount) labels")
        }
        let buckets: BucketRows
        if let pairs {
            let rows = matrix.rows - vocabulary.wordCount
            guard rows >= 0, pairs.allSatisfy({ $0.row >= 0 && Int($0.row) < rows }) else {
                throw input.invalid("the list of kept n-grams", "it names rows beyond the matrix")
            }
            buckets = pairs.isEmpty ? .none : .some(PrunedBuckets(pairs: pairs, buckets: arguments.buckets))
        } else {
            guard matrix.rows == vocabulary.wordCount + arguments.buckets else {
                throw input.invalid(
                    "the input matrix",
                    "\(matrix.rows) rows for \(vocabulary.wordCount) words and \(arguments.buckets) buckets")
            }
            buckets = arguments.buckets == 0 ? .none : .all
        }
        if vocabulary.tokenCount < 0 { vocabulary.tokenCount = 0 }
        self.init(
            arguments: arguments, vocabulary: vocabulary, buckets: buckets,
            input: matrix.expanded(limit: 1 << 26), output: output.expanded(limit: 1 << 26),
            isQuantized: isQuantized)
    }
}

extension ModelBytes {
    fileprivate mutating func arguments() throws(FastTextError) -> ModelArguments {
        guard remaining >= 4, try integer("the mark", as: Int32.self) == ModelArguments.magic else {
            throw .notAModel(file: file)
        }
        let version = try integer("the version", as: Int32.self)
        guard version == 12 || version == 11 else { throw .unsupportedVersion(file: file, version: Int(version)) }
        var arguments = ModelArguments()
        let anything = 0...Int(Int32.max)
        arguments.dimension = try number("the dimension", as: Int32.self, in: ModelArguments.dimensions)
        arguments.window = try number("the window", as: Int32.self, in: anything)
        arguments.epochs = try number("the epochs", as: Int32.self, in: anything)
        arguments.minimumCount = try number("the least count", as: Int32.self, in: anything)
        arguments.negatives = try number("the negatives", as: Int32.self, in: anything)
        arguments.wordNgrams = try number("the word n-grams", as: Int32.self, in: 0...ModelArguments.ngramLimit)
        let loss = try number("the loss", as: Int32.self, in: 1...4)
        arguments.loss = FastTextLoss(rawValue: Int32(loss)) ?? .softmax
        let kind = try number("the kind of model", as: Int32.self, in: 1...3)
        arguments.buckets = try number("the buckets", as: Int32.self, in: anything)
        arguments.shortestCharacters = try number(
            "the shortest n-gram", as: Int32.self, in: 0...ModelArguments.ngramLimit)
        arguments.longestCharacters = try number(
            "the longest n-gram", as: Int32.self, in: 0...ModelArguments.ngramLimit)
        arguments.rateUpdate = try number("the rate's update", as: Int32.self, in: anything)
        arguments.samplingThreshold = Double(bitPattern: try integer("the sampling threshold", as: UInt64.self))
        guard Int32(kind) == ModelArguments.classifier else { throw .notSupervised(file: file) }
        // Classifiers of version 11 were written with a length of character n-grams that was never used.
        if version == 11 { arguments.longestCharacters = 0 }
        return arguments
    }

    /// Words, labels, and for a pruned model which n-grams kept a row.
    fileprivate mutating func vocabulary(
        _ arguments: ModelArguments
    ) throws(FastTextError) -> (Vocabulary, [(bucket: UInt32, row: Int32)]?) {
        // An entry takes at least ten bytes.
        let entries = try number("the number of entries", as: Int32.self, in: 0...(remaining / 10))
        let words = try number("the number of words", as: Int32.self, in: 0...entries)
        let labels = try number("the number of labels", as: Int32.self, in: 0...entries)
        guard words + labels == entries, labels > 0 else {
            throw invalid("the vocabulary", "\(words) words and \(labels) labels are not \(entries) entries")
        }
        var vocabulary = Vocabulary()
        vocabulary.tokenCount = try integer("the number of tokens", as: Int64.self)
        let pruned = try number("the number of kept n-grams", as: Int64.self, in: -1...Int(Int32.max))
        for index in 0..<entries {
            let word = try text("entry \(index)")
            let count = try number("the count of entry \(index)", as: Int64.self, in: 0...(1 << 45))
            let isLabel = try flag("the kind of entry \(index)")
            guard isLabel == (index >= words) else { throw invalid("entry \(index)", "labels must follow the words") }
            vocabulary.append(word, count: Int64(count), isLabel: isLabel)
        }
        guard pruned >= 0 else { return (vocabulary, nil) }
        guard pruned <= remaining / 8 else {
            throw .truncated(file: file, offset: bytes.count, field: "the kept n-grams")
        }
        var pairs: [(bucket: UInt32, row: Int32)] = []
        pairs.reserveCapacity(pruned)
        for _ in 0..<pruned {
            let bucket = try number("a kept n-gram", as: Int32.self, in: 0...Int(Int32.max))
            pairs.append((UInt32(bucket), try integer("a kept n-gram's row", as: Int32.self)))
        }
        // The table has a bit per bucket.
        guard pruned == 0 || arguments.buckets <= 1 << 30 else { throw invalid("the buckets", "more than 2^30") }
        return (vocabulary, pairs)
    }

    fileprivate mutating func matrix(isQuantized: Bool, _ field: String) throws(FastTextError) -> ModelMatrix {
        isQuantized ? .quantized(try quantized(field)) : .dense(try dense(field))
    }

    private mutating func dense(_ field: String) throws(FastTextError) -> DenseMatrix {
        let rows = try number("the rows of \(field)", as: Int64.self, in: 0...Int(Int32.max))
        let columns = try number("the columns of \(field)", as: Int64.self, in: ModelArguments.dimensions)
        return DenseMatrix(rows: rows, columns: columns, values: try floats(rows * columns, field))
    }

    private mutating func quantized(_ field: String) throws(FastTextError) -> QuantizedMatrix {
        let hasNorms = try flag("the norms' mark of \(field)")
        let rows = try number("the rows of \(field)", as: Int64.self, in: 0...Int(Int32.max))
        let columns = try number("the columns of \(field)", as: Int64.self, in: ModelArguments.dimensions)
        let size = try number("the size of the codes of \(field)", as: Int32.self, in: 0...Int(Int32.max))
        let codes = try codes(size, "the codes of \(field)")
        let quantizer = try quantizer(field)
        guard quantizer.dimension == columns, codes.count == rows * quantizer.pieces else {
            throw invalid(field, "\(codes.count) codes for \(rows) rows of \(quantizer.pieces) pieces")
        }
        var norms: QuantizedMatrix.Norms?
        if hasNorms {
            let normCodes = try self.codes(rows, "the norms of \(field)")
            let normQuantizer = try self.quantizer("the norms of \(field)")
            guard normQuantizer.dimension == 1 else {
                throw invalid("the norms of \(field)", "they are not single values")
            }
            norms = .init(codes: normCodes, centroids: normQuantizer.centroids)
        }
        return QuantizedMatrix(rows: rows, columns: columns, quantizer: quantizer, codes: codes, norms: norms)
    }

    private mutating func quantizer(_ field: String) throws(FastTextError) -> ProductQuantizer {
        let dimension = try number("the dimension of \(field)", as: Int32.self, in: ModelArguments.dimensions)
        let pieces = try number("the pieces of \(field)", as: Int32.self, in: 1...dimension)
        let pieceSize = try number("the piece size of \(field)", as: Int32.self, in: 1...dimension)
        let lastPieceSize = try number("the last piece's size of \(field)", as: Int32.self, in: 1...pieceSize)
        guard (pieces - 1) * pieceSize + lastPieceSize == dimension else {
            throw invalid(field, "\(pieces) pieces of \(pieceSize) do not make \(dimension)")
        }
        return ProductQuantizer(
            dimension: dimension, pieces: pieces, pieceSize: pieceSize, lastPieceSize: lastPieceSize,
            centroids: try floats(dimension * ProductQuantizer.centroidCount, "the centroids of \(field)"))
    }
}

import Files

extension FastTextModel {
    /// Writes the model as fastText's `.bin`, format 12, which the reference loads.
    ///
    /// - Throws: `FastTextError.cannotWriteQuantized` for a model read from `.ftz`; `.file`.
    public func write(to path: String) throws(FastTextError) {
        guard !isQuantized, case .dense(let input) = input, case .dense(let output) = output else {
            throw .cannotWriteQuantized
        }
        do {
            let file = try AtomicFile(path)
            try file.write(header())
            try file.write(Self.matrixHeader(input, mark: 0))
            try Self.write(input.values, to: file)
            try file.write(Self.matrixHeader(output, mark: 0))
            try Self.write(output.values, to: file)
            try file.commit()
        } catch { throw .file(error) }
    }

    private func header() -> [UInt8] {
        var bytes: [UInt8] = []
        func append(_ value: some FixedWidthInteger) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        append(ModelArguments.magic)
        append(ModelArguments.version)
        for value in [
            arguments.dimension, arguments.window, arguments.epochs, arguments.minimumCount, arguments.negatives,
            arguments.wordNgrams, Int(arguments.loss.rawValue), Int(ModelArguments.classifier), arguments.buckets,
            arguments.shortestCharacters, arguments.longestCharacters, arguments.rateUpdate,
        ] { append(Int32(clamping: value)) }
        append(arguments.samplingThreshold.bitPattern)
        for value in [vocabulary.count, vocabulary.wordCount, vocabulary.labelCount] { append(Int32(clamping: value)) }
        append(vocabulary.tokenCount)
        append(Int64(-1))
        for index in 0..<vocabulary.count {
            bytes.append(contentsOf: vocabulary.entry(index))
            bytes.append(0)
            append(vocabulary.counts[index])
            append(UInt8(index < vocabulary.wordCount ? 0 : 1))
        }
        return bytes
    }

    /// "Not quantised", rows, columns.
    private static func matrixHeader(_ matrix: DenseMatrix, mark: UInt8) -> [UInt8] {
        var bytes = [mark]
        for value in [matrix.rows, matrix.columns] {
            withUnsafeBytes(of: Int64(value).littleEndian) { bytes.append(contentsOf: $0) }
        }
        return bytes
    }

    private static func write(_ values: [Float], to file: AtomicFile) throws(FileError) {
        var failure: FileError?
        values.withUnsafeBytes { bytes in
            do throws(FileError) { try file.write(bytes) } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

import Files

/// A packed file that appears under its name only when it is whole. The format follows from the name's ending.
///
/// Not `Sendable`: one task writes one file.
public final class CompressedFile {
    private let file: AtomicFile
    private let compressor: Compressor
    private var packed: [UInt8] = []
    private var digest: SHA256?
    /// Plain bytes written so far.
    public private(set) var plainCount = 0

    /// Packed bytes written so far.
    public private(set) var packedCount = 0

    /// Where the file will be.
    public var path: String { file.path }

    /// - Parameters:
    ///   - format: nil takes the one that the name ends in.
    ///   - level: the library's own scale; nil is its default.
    ///   - digests: whether `commit` tells the SHA-256 of the packed bytes.
    public init(_ path: String, format: CompressionFormat? = nil, level: Int? = nil, digests: Bool = false) throws {
        compressor = try Compressor(format ?? CompressionFormat(name: path), level: level)
        file = try AtomicFile(path)
        if digests { digest = SHA256() }
    }

    /// Appends bytes.
    public func write(_ bytes: [UInt8]) throws {
        packed.removeAll(keepingCapacity: true)
        try compressor.write(bytes, into: &packed)
        plainCount += bytes.count
        if !packed.isEmpty { try put() }
    }

    private func put() throws {
        packedCount += packed.count
        digest?.update(packed)
        try file.write(packed)
    }

    /// Ends the member or frame, so that a reader can start at the next one.
    public func endMember() throws {
        packed.removeAll(keepingCapacity: true)
        try compressor.end(into: &packed)
        try put()
    }

    /// Makes the file appear. With `endingMember` false the last member was ended already.
    ///
    /// - Parameter durably: as for `AtomicFile`.
    /// - Returns: the SHA-256 of the packed bytes, where it was asked for.
    @discardableResult
    public func commit(endingMember: Bool = true, durably: Bool = true) throws -> String? {
        if endingMember { try endMember() }
        try file.commit(durably: durably)
        return digest?.finish()
    }
}

import Files

/// How often languages use runs of one to three characters (langdetect's profiles).
///
/// The file (`Scripts/convert-language-profiles` writes it) is little-endian: `apuslang`; the numbers of languages, runs,
/// entries, mapped characters and marked letters in 32 bits each; the languages' names, each after its length in a byte;
/// mapped characters as pairs; marked letters as letter, mark and the letter with the mark; the runs, ascending, as
/// characters of 21 bits each, the first one lowest; where each run's entries start, and where the last one's end; the
/// entries' languages in a byte each; their shares as doubles.
struct LanguageProfiles: Sendable {
    let languages: [String]
    /// What stands for a character, where that is another one.
    let mapped: [UInt32: UInt32]
    /// Letters with marks, by letter << 21 | mark.
    let marked: [UInt64: UInt32]
    let starts: [UInt32]
    let entryLanguages: [UInt8]
    let entryShares: [Double]
    private let slots: [Int32]
    private let keys: [UInt64]

    /// - Throws: `LanguageError.file` or `.damaged`.
    init(contentsOf path: String) throws(LanguageError) {
        let bytes: [UInt8]
        do { bytes = try FileReader.bytes(of: path, limit: 1 << 30) } catch { throw .file(error) }
        try self.init(bytes: bytes, name: path)
    }

    /// - Throws: `LanguageError.damaged`; `path` is its file's name there.
    init(bytes: [UInt8], name path: String) throws(LanguageError) {
        guard bytes.starts(with: "apuslang".utf8) else { throw .damaged(file: path, reason: "its first bytes differ") }
        var offset = 8
        func take(_ size: Int) throws(LanguageError) -> Range<Int> {
            guard size <= bytes.count - offset else { throw .damaged(file: path, reason: "it ends early") }
            offset += size
            return offset - size..<offset
        }
        func numbers<T: FixedWidthInteger>(_ count: Int, as type: T.Type) throws(LanguageError) -> [T] {
            guard count <= bytes.count else { throw .damaged(file: path, reason: "it ends early") }
            let start = try take(count * MemoryLayout<T>.size).lowerBound
            return bytes.withUnsafeBytes { all in
                (0..<count).map {
                    T(littleEndian: all.loadUnaligned(fromByteOffset: start + $0 * MemoryLayout<T>.size, as: T.self))
                }
            }
        }
        let counts = try numbers(5, as: UInt32.self).map { Int($0) }
        var languages: [String] = []
        for _ in 0..<min(counts[0], 256) {
            let length = Int(try numbers(1, as: UInt8.self)[0])
            languages.append(String(decoding: bytes[try take(length)], as: UTF8.self))
        }
        let pairs = try numbers(counts[3] * 2, as: UInt32.self)
        let triples = try numbers(counts[4] * 3, as: UInt32.self)
        keys = try numbers(counts[1], as: UInt64.self)
        starts = try numbers(counts[1] + 1, as: UInt32.self)
        entryLanguages = try numbers(counts[2], as: UInt8.self)
        entryShares = try numbers(counts[2], as: UInt64.self).map { Double(bitPattern: $0) }
        guard languages.count == counts[0], !languages.isEmpty,
            entryLanguages.allSatisfy({ Int($0) < languages.count }),
            zip(starts, starts.dropFirst()).allSatisfy({ $0 <= $1 }), starts.last.map(Int.init) == counts[2],
            entryShares.allSatisfy({ $0.isFinite && $0 >= 0 })
        else { throw .damaged(file: path, reason: "its numbers contradict one another") }
        self.languages = languages
        var mapped: [UInt32: UInt32] = [:]
        for index in stride(from: 0, to: pairs.count, by: 2) { mapped[pairs[index]] = pairs[index + 1] }
        self.mapped = mapped
        var marked: [UInt64: UInt32] = [:]
        for index in stride(from: 0, to: triples.count, by: 3) {
            marked[UInt64(triples[index]) << 21 | UInt64(triples[index + 1])] = triples[index + 2]
        }
        self.marked = marked
        var size = 16
        while size < keys.count * 2 { size *= 2 }
        var slots = [Int32](repeating: -1, count: size)
        for (index, key) in keys.enumerated() {
            var slot = Self.slot(key) & (size - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (size - 1) }
            slots[slot] = Int32(truncatingIfNeeded: index)
        }
        self.slots = slots
    }

    private static func slot(_ key: UInt64) -> Int { Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 24) }

    /// The number of a run of characters; nil where no language has it.
    func find(_ key: UInt64) -> Int? {
        var slot = Self.slot(key) & (slots.count - 1)
        while slots[slot] >= 0 {
            if keys[Int(slots[slot])] == key { return Int(slots[slot]) }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }
}

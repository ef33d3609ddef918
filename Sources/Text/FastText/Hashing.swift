/// fastText's hash and its way to cut text into words.
///
/// Source: Bojanowski et al. 2017 and the published file format; 32-bit FNV-1a in which every byte counts as signed.
enum FastTextHash {
    static let start: UInt32 = 2_166_136_261

    /// One more byte: bytes above 0x7F also flip the upper 24 bits, since they are taken as signed.
    @inline(__always)
    static func step(_ hash: UInt32, _ byte: UInt8) -> UInt32 {
        (hash ^ UInt32(bitPattern: Int32(Int8(bitPattern: byte)))) &* 16_777_619
    }

    @inline(__always)
    static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt32 {
        var hash = start
        for byte in bytes { hash = step(hash, byte) }
        return hash
    }

    /// Space, `\t \n \v \f \r` and NUL separate words.
    @inline(__always)
    static func isSeparator(_ byte: UInt8) -> Bool {
        byte <= 32 && (byte == 32 || (byte >= 9 && byte <= 13) || byte == 0)
    }

    /// The factor that joins word hashes to the hash of an n-gram.
    static let join: UInt64 = 116_049_371

    /// A word's hash as it enters n-grams: the 32 bits count as signed.
    @inline(__always)
    static func widened(_ hash: UInt32) -> UInt64 { UInt64(bitPattern: Int64(Int32(bitPattern: hash))) }

    /// Calls `body` with the bucket of every character n-gram of `<word>`, in the order of the reference.
    ///
    /// An n-gram is `shortest` to `longest` UTF-8 characters; the lone `<` and `>` are left out. The hash grows with
    /// the n-gram, so that the cost is one step per byte instead of one per byte of every n-gram.
    @inline(__always)
    static func characterNgrams(
        of word: UnsafeBufferPointer<UInt8>, shortest: Int, longest: Int, buckets: UInt32, _ body: (UInt32) -> Void
    ) {
        guard longest > 0, buckets > 0 else { return }
        // Positions count in `<word>`: 0 is `<`, count + 1 is `>`.
        let end = word.count + 2
        @inline(__always) func byte(_ position: Int) -> UInt8 {
            position == 0 ? UInt8(ascii: "<") : position == end - 1 ? UInt8(ascii: ">") : word[position - 1]
        }
        var start = 0
        while start < end {
            defer { start += 1 }
            if byte(start) & 0xC0 == 0x80 { continue }
            var hash = Self.start
            var position = start
            var length = 1
            while position < end && length <= longest {
                hash = step(hash, byte(position))
                position += 1
                while position < end {
                    let next = byte(position)
                    guard next & 0xC0 == 0x80 else { break }
                    hash = step(hash, next)
                    position += 1
                }
                if length >= shortest && !(length == 1 && (start == 0 || position == end)) { body(hash % buckets) }
                length += 1
            }
        }
    }
}

import Compression
import Files
import Testing
import WebArchives

@Suite("Hostile archives", .enabled(if: SharedArchives.isThere, "needs ../shared/data/warc"))
struct ArchiveFuzzTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 31)
        }
    }

    @Test("no mutation of an archive crashes the reader or keeps it from ending")
    func mutations() throws {
        var random = Generator(state: 5)
        var runs = 0
        for entry in try SharedArchives.entries() {
            let bytes = try FileReader.bytes(of: entry.path)
            guard !bytes.isEmpty, bytes.count < 100_000 else { continue }
            for _ in 0..<20 {
                var mutated = bytes
                for _ in 0..<Int.random(in: 1...6, using: &random) {
                    mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8.random(
                        in: 0...255, using: &random)
                }
                if Bool.random(using: &random) { mutated.removeLast(Int.random(in: 0..<mutated.count, using: &random)) }
                guard let reader = try? ArchiveReader(MemorySource(mutated)) else { continue }
                var block: [UInt8] = []
                var recoveries = 0
                while recoveries < 10_000 {
                    do {
                        guard let record = try reader.next() else { break }
                        block.removeAll(keepingCapacity: true)
                        try reader.readBlock(into: &block, limit: 1 << 24)
                        _ = try HTTPMessage(block)?.body(of: block, limit: 1 << 22, file: "f", offset: record.offset)
                    } catch is ArchiveError {
                        recoveries += 1
                        _ = reader.resynchronise()
                    }
                }
                #expect(recoveries < 10_000, "\(entry.file)")
                runs += 1
            }
        }
        print("archives: \(runs) mutated files read")
    }
}

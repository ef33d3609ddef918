import Testing
import WebArchives

@Suite("Archives of other projects", .enabled(if: SharedArchives.isThere, "needs ../shared/data/warc"))
struct SharedArchiveTests {
    struct Reading {
        var records: [String: Int] = [:]
        var pages = 0
        var failures: [String] = []
        var digestsRight = 0
        var digestsWrong = 0
        var total: Int { records.values.reduce(0, +) }
    }

    static func read(_ path: String, skipsDamage: Bool) -> Reading {
        var reading = Reading()
        do {
            let reader = try ArchiveReader(path: path)
            var block: [UInt8] = []
            while true {
                do {
                    guard let record = try reader.next() else { break }
                    reading.records[record.typeName, default: 0] += 1
                    reading.failures += record.problems.map(\.rawValue)
                    block.removeAll(keepingCapacity: true)
                    let failure = Result { try reader.readBlock(into: &block) }
                    if record.kind == .response, record.isHTTP, HTTPMessage(block)?.isHTML ?? false {
                        reading.pages += 1
                    }
                    try failure.get()
                    let outcomes = [DigestCheck.block(of: record, block), DigestCheck.payload(of: record, block)]
                    if outcomes.contains(.wrong) {
                        reading.digestsWrong += 1
                    } else if outcomes.contains(.right) {
                        reading.digestsRight += 1
                    }
                } catch {
                    reading.failures.append("\(error)")
                    guard skipsDamage, reader.resynchronise() else { break }
                }
                reading.failures += reader.takePassedOver().map(\.description)
            }
            reading.failures += reader.takePassedOver().map(\.description)
        } catch { reading.failures.append("\(error)") }
        return reading
    }

    @Test("valid files have the records and pages that other readers count, and no failure")
    func valid() throws {
        var files = 0
        var digests = (0, 0, 0, 0)
        for entry in try SharedArchives.entries() where entry.verdict.hasPrefix("valid") {
            let reading = Self.read(entry.path, skipsDamage: false)
            #expect(reading.records == entry.warcio, "\(entry.file)")
            #expect(reading.pages == entry.pages, "\(entry.file)")
            #expect(reading.failures == [], "\(entry.file)")
            files += 1
            digests.0 += reading.digestsRight
            digests.1 += reading.digestsWrong
            digests.2 += entry.digestsRight
            digests.3 += entry.digestsWrong
        }
        print(
            "archives: \(files) valid files; digests right \(digests.0), wrong \(digests.1); warcio \(digests.2), \(digests.3)"
        )
    }

    @Test("files on which readers disagree are read at least as far as the better reader does")
    func disagreed() throws {
        var files = 0
        for entry in try SharedArchives.entries() where entry.verdict == "readers disagree" {
            let reading = Self.read(entry.path, skipsDamage: false)
            let best = max(entry.warcio.values.reduce(0, +), entry.fastWARC.values.reduce(0, +))
            #expect(reading.total >= best, "\(entry.file): \(reading)")
            files += 1
        }
        print("archives: \(files) files on which readers disagree")
    }

    /// warcio takes lines of garbage for ARC records in these; what it counts before that is the truth.
    private static let miscounted = [
        "ipwb/broken.warc": 6, "jwat/invalid-warcfile-fields-invalidformat.warc": 1,
        "jwat/invalid-warcfile-record-then-garbage.warc": 1,
    ]

    @Test("of broken files every record before the damage comes out, and going on loses none")
    func broken() throws {
        var files = 0
        var named = 0
        for entry in try SharedArchives.entries() where entry.verdict == "broken" {
            let reading = Self.read(entry.path, skipsDamage: false)
            let best = max(entry.warcio.values.reduce(0, +), entry.fastWARC.values.reduce(0, +))
            #expect(reading.total >= Self.miscounted[entry.file] ?? best, "\(entry.file): \(reading)")
            #expect(Self.read(entry.path, skipsDamage: true).total >= reading.total, "\(entry.file)")
            #expect(!entry.warcioFailed || entry.fastWARC.isEmpty || reading.total > 0, "\(entry.file)")
            files += 1
            named += reading.failures.isEmpty ? 0 : 1
        }
        print("archives: \(files) broken files, \(named) of them with damage that a reader can see")
    }
}

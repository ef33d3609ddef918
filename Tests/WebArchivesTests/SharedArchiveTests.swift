import Testing
import WebArchives

@Suite("Archives of other projects", .enabled(if: SharedArchives.isThere, "needs ../shared/data/warc"))
struct SharedArchiveTests {
    struct Reading {
        var records: [String: Int] = [:]
        var failures: [String] = []
        var problems: [String] = []
        var total: Int { records.values.reduce(0, +) }
    }

    static func read(_ path: String, skipsDamage: Bool) -> Reading {
        var reading = Reading()
        do {
            let reader = try ArchiveReader(path: path)
            while true {
                do {
                    guard let record = try reader.next() else { break }
                    reading.records[record.typeName, default: 0] += 1
                    reading.problems += record.problems.map(\.rawValue)
                } catch {
                    reading.failures.append("\(error)")
                    guard skipsDamage, reader.resynchronise() else { break }
                }
            }
        } catch { reading.failures.append("\(error)") }
        return reading
    }

    @Test("dump") func dump() throws {
        for entry in try SharedArchives.entries() {
            let stop = Self.read(entry.path, skipsDamage: false)
            let skip = Self.read(entry.path, skipsDamage: true)
            let best = max(entry.warcio.values.reduce(0, +), entry.fastWARC.values.reduce(0, +))
            let valid = entry.verdict.hasPrefix("valid")
            let isRight = valid ? stop.records == entry.warcio && stop.failures.isEmpty && stop.problems.isEmpty : stop.total >= best
            if !isRight || entry.verdict == "broken" || !stop.problems.isEmpty {
                print(isRight ? "  " : "X ", entry.file, entry.verdict, "w", entry.warcio.values.reduce(0, +), "f", entry.fastWARC.values.reduce(0, +), "ours", stop.total, skip.total, stop.failures, skip.failures.count, stop.problems, valid ? "\(stop.records) \(entry.warcio)" : "")
            }
        }
    }
}

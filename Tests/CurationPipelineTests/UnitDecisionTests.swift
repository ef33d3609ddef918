import Curation
import Files
import Foundation
import Testing

/// Decides in the obvious way, with everything in memory.
private func plainDecision(_ units: [ExactDedup.Unit], keepsLargest: Bool) -> [Bool] {
    struct Content: Hashable { var high, low: UInt64 }
    var best: [Content: Int] = [:]
    for (number, unit) in units.enumerated() {
        let content = Content(high: unit.high, low: unit.low)
        guard let held = best[content] else {
            best[content] = number
            continue
        }
        let isBetter =
            keepsLargest
            ? units[held].selection.lexicographicallyPrecedes(unit.selection)
            : unit.selection.lexicographicallyPrecedes(units[held].selection)
        if isBetter { best[content] = number }
    }
    let kept = Set(best.values)
    return units.indices.map { kept.contains($0) }
}

@Suite("Decisions of exact_dedup") struct UnitDecisionTests {
    @Test("do not depend on the memory that they get", arguments: [false, true], [0, 12])
    func budgets(keepsLargest: Bool, longestSelection: Int) throws {
        let scratch = try Scratch()
        var random = SystemRandomNumberGenerator()
        // A few contents are very common, most are not; digests spread over the whole range.
        let contents = (0..<20_000).map { _ in (random.next(), random.next()) }
        let units = (0..<60_000).map { _ -> ExactDedup.Unit in
            let isCommon = Int.random(in: 0..<4) == 0
            let (high, low) = contents[Int.random(in: isCommon ? 0..<3 : 0..<contents.count)]
            let length = Int.random(in: 0...longestSelection)
            return ExactDedup.Unit(high: high, low: low, selection: (0..<length).map { _ in UInt8.random(in: 97...99) })
        }
        var files: [String] = []
        for start in stride(from: 0, to: units.count, by: 13_700) {
            files.append(scratch.path + "/\(files.count).units")
            let bytes = units[start..<min(units.count, start + 13_700)].flatMap { UnitRecord.bytes($0) }
            try AtomicFile.write(bytes, to: files[files.count - 1])
        }
        let expected = plainDecision(units, keepsLargest: keepsLargest)
        // In one table; in some partitions; in more partitions than are made in one round, with sorted runs on disk.
        for memory in [1 << 30, 1 << 20, 1 << 14] {
            let path = scratch.path + "/dropped"
            let decision = UnitDecision(keepsLargest: keepsLargest, memory: memory, folder: scratch.path)
            try decision.write(to: path, units: units.count, from: files)
            #expect(try UnitDecision.kept(in: path, from: 0, count: units.count) == expected)
            #expect(try UnitDecision.kept(in: path, from: 13_703, count: 77) == Array(expected[13_703..<13_780]))
        }
        #expect(try Folder.entries(scratch.path).count == files.count + 1, "partitions and runs go away")
    }

    @Test("partitions are about equal")
    func partitions() {
        var counts = Array(repeating: 0, count: 11)
        for _ in 0..<11_000 { counts[UnitDecision.partition(of: .random(in: 0...UInt64.max), among: 11)] += 1 }
        // 1000 each, with a standard deviation of 30.
        #expect(counts.allSatisfy { 800...1200 ~= $0 })
    }

    @Test("without units there is nothing to decide")
    func empty() throws {
        let scratch = try Scratch()
        let decision = UnitDecision(keepsLargest: false, memory: 1 << 20, folder: scratch.path)
        try decision.write(to: scratch.path + "/dropped", units: 0, from: [])
        #expect(try UnitDecision.kept(in: scratch.path + "/dropped", from: 0, count: 0).isEmpty)
    }
}

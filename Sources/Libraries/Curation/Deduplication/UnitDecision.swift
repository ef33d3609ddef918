import Files
import Glibc

/// Decides which of a pool's units stay, in bounded memory.
///
/// Where the units do not fit in a table of the budget, they are split by their digests into partitions on disk, each of
/// which fits. The numbers of the units that lose are sorted, on disk where they must be, and become a bit for each unit.
///
/// - Complexity: O(n) reads and writes of 28 bytes and the selection value per unit; memory of the budget.
package struct UnitDecision {
    var keepsLargest: Bool
    /// Bytes for the table; the sorter takes an eighth of it beside.
    var memory: Int
    var folder: String

    package init(keepsLargest: Bool, memory: Int, folder: String) {
        self.keepsLargest = keepsLargest
        // Entries of a table are counted in 32 bits.
        self.memory = min(max(memory, 1 << 14), 64 << 30)
        self.folder = folder
    }

    private static let mostPartitions = 128

    /// Writes a file with a bit for each unit, lowest first: 1 where it is dropped.
    ///
    /// - Parameters:
    ///   - files: of units, in order.
    ///   - units: how many there are in all.
    package func write(to path: String, units: Int, from files: [String]) throws {
        let losers = NumberSorter(prefix: path, memory: max(1 << 13, memory / 8))
        var bytes = units * UnitTable.entryBytes
        // The selection values are in the files, each behind 20 bytes.
        for file in files { bytes += max(0, try FileReader(file).size) }
        bytes -= units * 20
        let partitions = max(1, (bytes + memory - 1) / memory)
        if partitions == 1 {
            var table = UnitTable(keepsLargest: keepsLargest)
            try forEach(files) { unit, number in try Self.add(unit, number, to: &table, losers) }
        } else {
            // More partitions than files that may be open at once are made in several rounds over the units.
            for first in stride(from: 0, to: partitions, by: Self.mostPartitions) {
                try decide(first..<min(partitions, first + Self.mostPartitions), of: partitions, files, losers)
            }
        }
        try writeBits(losers, units: units, to: path)
    }

    private static func add(
        _ unit: ExactDedup.Unit, _ number: UInt64, to table: inout UnitTable, _ losers: NumberSorter
    ) throws {
        if let loser = table.add(unit, number: number) { try losers.add(loser) }
    }

    private func forEach(_ files: [String], _ body: (ExactDedup.Unit, UInt64) throws -> Void) throws {
        var number: UInt64 = 0
        var unit = ExactDedup.Unit(high: 0, low: 0, selection: [])
        for file in files {
            try Task.checkCancellation()
            var reader = try NumberReader(file)
            while try reader.unit(into: &unit) {
                try body(unit, number)
                number += 1
            }
        }
    }

    /// Digests are uniform, so that partitions are about equal.
    package static func partition(of high: UInt64, among count: Int) -> Int {
        Int(high.multipliedFullWidth(by: UInt64(count)).high)
    }

    private func decide(_ range: Range<Int>, of partitions: Int, _ files: [String], _ losers: NumberSorter) throws {
        let paths = range.map { "\(folder)/partition-\($0)" }
        defer { for path in paths { unlink(path) } }
        let outputs = try paths.map { try AtomicFile($0, bufferSize: 1 << 15) }
        var record: [UInt8] = []
        try forEach(files) { unit, number in
            let partition = Self.partition(of: unit.high, among: partitions)
            guard range.contains(partition) else { return }
            record.removeAll(keepingCapacity: true)
            UnitRecord.append(number, to: &record)
            record.append(contentsOf: UnitRecord.bytes(unit))
            try outputs[partition - range.lowerBound].write(record)
        }
        for output in outputs { try output.commit(durably: false) }
        var unit = ExactDedup.Unit(high: 0, low: 0, selection: [])
        for path in paths {
            try Task.checkCancellation()
            var table = UnitTable(keepsLargest: keepsLargest)
            var reader = try NumberReader(path)
            while let number = try reader.next(UInt64.self), try reader.unit(into: &unit) {
                try Self.add(unit, number, to: &table, losers)
            }
        }
    }

    private func writeBits(_ losers: NumberSorter, units: Int, to path: String) throws {
        let file = try AtomicFile(path)
        var byte: UInt8 = 0
        var position: UInt64 = 0
        try losers.drain { loser in
            while position < loser / 8 {
                try file.write(CollectionOfOne(byte))
                byte = 0
                position += 1
            }
            byte |= 1 << UInt8(loser % 8)
        }
        while position < UInt64((units + 7) / 8) {
            try file.write(CollectionOfOne(byte))
            byte = 0
            position += 1
        }
        try file.commit(durably: false)
    }

    /// Which of some units stay.
    ///
    /// - Throws: `FileError` where the file is shorter than it must be.
    package static func kept(in path: String, from first: Int, count: Int) throws -> [Bool] {
        guard count > 0 else { return [] }
        let reader = try FileReader(path)
        var bytes: [UInt8] = []
        let firstByte = first / 8
        let needed = (first + count + 7) / 8 - firstByte
        guard try reader.seek(to: firstByte) else { throw FileError.current("read", path) }
        while bytes.count < needed {
            guard try reader.read(needed - bytes.count, into: &bytes) > 0 else {
                throw FileError.system(operation: "read the decisions in", path: path, code: EIO)
            }
        }
        return (first..<first + count).map { bytes[$0 / 8 - firstByte] >> UInt8($0 % 8) & 1 == 0 }
    }
}

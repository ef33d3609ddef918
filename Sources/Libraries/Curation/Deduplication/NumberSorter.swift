import Files
import Glibc

/// Sorts numbers that need not fit in memory: full buffers are sorted and written as runs, which are merged at the end.
///
/// - Complexity: O(n log n) time; memory of the buffer and, while merging, 32 KiB for each of at most 128 runs.
final class NumberSorter {
    private let prefix: String
    private let limit: Int
    private var buffer: [UInt64] = []
    private var runs: [String] = []
    private var made = 0
    private static let mostRuns = 128

    /// - Parameters:
    ///   - prefix: of the runs' names, with their folder.
    ///   - memory: bytes of the buffer.
    init(prefix: String, memory: Int) {
        self.prefix = prefix
        limit = max(1024, memory / MemoryLayout<UInt64>.stride)
    }

    deinit { for run in runs { unlink(run) } }

    func add(_ number: UInt64) throws {
        buffer.append(number)
        if buffer.count >= limit { try spill() }
    }

    /// Hands out the numbers in ascending order. The sorter is empty afterwards.
    func drain(_ body: (UInt64) throws -> Void) throws {
        buffer.sort()
        guard !runs.isEmpty else {
            for number in buffer { try body(number) }
            buffer.removeAll()
            return
        }
        try spill()
        try merge(runs, body)
        for run in runs { unlink(run) }
        runs = []
    }

    private func spill() throws {
        guard !buffer.isEmpty else { return }
        buffer.sort()
        let file = try newRun()
        try buffer.withUnsafeBytes { try file.write($0) }
        try file.commit(durably: false)
        runs.append(file.path)
        buffer.removeAll(keepingCapacity: true)
        guard runs.count >= Self.mostRuns else { return }
        let merged = try newRun()
        try merge(runs) { number in
            try withUnsafeBytes(of: number) { try merged.write($0) }
        }
        try merged.commit(durably: false)
        for run in runs { unlink(run) }
        runs = [merged.path]
    }

    private func newRun() throws(FileError) -> AtomicFile {
        made += 1
        return try AtomicFile("\(prefix).run\(made)")
    }

    private final class Run {
        var reader: NumberReader
        var head: UInt64
        init?(_ path: String) throws {
            reader = try NumberReader(path, bufferSize: 1 << 15)
            guard let first = try reader.next(UInt64.self) else { return nil }
            head = first
        }
    }

    /// Merges by a binary heap of the runs' heads.
    private func merge(_ paths: [String], _ body: (UInt64) throws -> Void) throws {
        var heap = try paths.compactMap { try Run($0) }.sorted { $0.head < $1.head }
        while let top = heap.first {
            try body(top.head)
            if let next = try top.reader.next(UInt64.self) {
                top.head = next
            } else {
                let last = heap.removeLast()
                guard !heap.isEmpty else { return }
                heap[0] = last
            }
            var parent = 0
            while true {
                var least = parent
                for child in [2 * parent + 1, 2 * parent + 2]
                where child < heap.count && heap[child].head < heap[least].head {
                    least = child
                }
                if least == parent { break }
                heap.swapAt(parent, least)
                parent = least
            }
        }
    }
}

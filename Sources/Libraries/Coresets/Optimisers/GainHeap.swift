/// A heap of elements under keys: the greatest key on top, of equal keys the smallest element.
struct GainHeap {
    private struct Entry {
        var key: Double
        var element: Int32

        @inline(__always)
        func isBefore(_ other: Entry) -> Bool {
            key > other.key || (key == other.key && element < other.element)
        }
    }

    private var entries: [Entry] = []

    init(capacity: Int) { entries.reserveCapacity(capacity) }

    var top: Int32? { entries.first?.element }
    var topKey: Double? { entries.first?.key }

    /// Adds an entry without order; `build` makes it.
    mutating func append(_ key: Double, _ element: Int32) { entries.append(Entry(key: key, element: element)) }

    /// Complexity: O(count).
    mutating func build() {
        for index in stride(from: entries.count / 2 - 1, through: 0, by: -1) { sink(index) }
    }

    /// Complexity: O(log count).
    mutating func push(_ key: Double, _ element: Int32) {
        entries.append(Entry(key: key, element: element))
        rise(entries.count - 1)
    }

    /// Complexity: O(log count).
    mutating func removeTop() {
        guard let last = entries.popLast(), !entries.isEmpty else { return }
        entries[0] = last
        sink(0)
    }

    /// Complexity: O(1) for the top, O(count) for others.
    mutating func remove(_ element: Int32) {
        guard entries.first?.element != element else { return removeTop() }
        guard let place = entries.firstIndex(where: { $0.element == element }) else { return }
        let last = entries.removeLast()
        guard place < entries.count else { return }
        entries[place] = last
        sink(place)
        rise(place)
    }

    /// Of the elements given that pass, the one with the greatest key.
    func best(where passes: (Int) -> Bool, among elements: [Int]) -> (element: Int, key: Double)? {
        let wanted = Set(elements.map { Int32($0) })
        var best: Entry?
        for entry in entries where wanted.contains(entry.element) && passes(Int(entry.element)) {
            if best.map({ entry.isBefore($0) }) ?? true { best = entry }
        }
        return best.map { (Int($0.element), $0.key) }
    }

    private mutating func sink(_ start: Int) {
        entries.withUnsafeMutableBufferPointer { entries in
            let entry = entries[start]
            var index = start
            while true {
                var child = 2 * index + 1
                guard child < entries.count else { break }
                if child + 1 < entries.count, entries[child + 1].isBefore(entries[child]) { child += 1 }
                guard entries[child].isBefore(entry) else { break }
                entries[index] = entries[child]
                index = child
            }
            entries[index] = entry
        }
    }

    private mutating func rise(_ start: Int) {
        entries.withUnsafeMutableBufferPointer { entries in
            let entry = entries[start]
            var index = start
            while index > 0, entry.isBefore(entries[(index - 1) / 2]) {
                entries[index] = entries[(index - 1) / 2]
                index = (index - 1) / 2
            }
            entries[index] = entry
        }
    }
}

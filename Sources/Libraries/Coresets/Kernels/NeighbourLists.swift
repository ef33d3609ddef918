/// Another point and how far it is.
struct Neighbour<Scalar: KernelScalar>: BitwiseCopyable {
    var distance: Scalar
    var row: Int32

    @inline(__always)
    func isBefore(_ other: Neighbour) -> Bool {
        distance < other.distance || (distance == other.distance && row < other.row)
    }
}

/// For each point its K nearest among those that were offered, in heaps with the worst on top.
///
/// Different points' lists may be written by different threads.
struct NeighbourLists<Scalar: KernelScalar>: @unchecked Sendable {
    // Unchecked: threads write to the lists of points of their own, by contract of `Parallel.ranges`.
    let count: Int
    let size: Int
    private let buffer: AlignedBuffer<Neighbour<Scalar>>

    init(count: Int, size: Int) {
        self.count = count
        self.size = size
        buffer = AlignedBuffer(count: count * size, repeating: Neighbour(distance: .infinity, row: .max))
    }

    private init(copying other: NeighbourLists) {
        count = other.count
        size = other.size
        buffer = other.buffer.copy()
    }

    func copy() -> NeighbourLists { NeighbourLists(copying: self) }

    @inline(__always)
    func list(_ point: Int) -> UnsafeMutablePointer<Neighbour<Scalar>> { buffer.pointer + point * size }

    /// Puts a neighbour, which must not be in the list, in the worst one's place if it is nearer.
    @inline(__always)
    func offer(_ neighbour: Neighbour<Scalar>, to point: Int) {
        let heap = list(point)
        guard neighbour.isBefore(heap[0]) else { return }
        heap[0] = neighbour
        sink(heap, 0, size)
    }

    /// As `offer`, for one that may be in the list.
    @inline(__always)
    func offerOnce(_ neighbour: Neighbour<Scalar>, to point: Int) {
        let heap = list(point)
        guard neighbour.isBefore(heap[0]) else { return }
        for slot in 0..<size where heap[slot].row == neighbour.row { return }
        heap[0] = neighbour
        sink(heap, 0, size)
    }

    private func sink(_ heap: UnsafeMutablePointer<Neighbour<Scalar>>, _ start: Int, _ size: Int) {
        var index = start
        let entry = heap[start]
        while true {
            var child = 2 * index + 1
            guard child < size else { break }
            if child + 1 < size, heap[child].isBefore(heap[child + 1]) { child += 1 }
            guard entry.isBefore(heap[child]) else { break }
            heap[index] = heap[child]
            index = child
        }
        heap[index] = entry
    }

    /// Nearest first. A list in that order is no heap until `restore`.
    func sort(_ point: Int) {
        var list = UnsafeMutableBufferPointer(start: list(point), count: size)
        list.sort { $0.isBefore($1) }
    }

    /// Makes a heap of a sorted list: the reverse is one.
    func restore(_ point: Int) {
        var list = UnsafeMutableBufferPointer(start: list(point), count: size)
        list.reverse()
    }
}

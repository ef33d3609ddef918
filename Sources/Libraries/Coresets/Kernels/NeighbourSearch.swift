import ApusCore

/// How the nearest points are looked for.
public enum NeighbourSearch: Sendable, Hashable, Codable {
    /// Every pair is measured at most once: O(n²·d/2).
    ///
    /// Where points of at least 192 numbers in single precision or less vary in few directions, most pairs are ruled out
    /// by a lower bound of their distance, of 64 or 96 numbers a point.
    case exact
    /// Points are cut into leaves by random hyperplanes, several times over, and neighbours are looked for in the own
    /// leaves and then, for some rounds, among the neighbours of neighbours: O(n·(trees·leaf + rounds·2·20²)·d). Most of
    /// the nearest are found, not all.
    ///
    /// - Sources: Dasgupta & Freund 2008 for trees of random projections; Dong, Charikar & Li 2011 for neighbours of
    ///   neighbours.
    case approximate(trees: Int = 8, leaf: Int = 128, rounds: Int = 2, seed: UInt64 = 0)

    /// Neighbours of each point that are followed to theirs.
    fileprivate static var followed: Int { 20 }

    /// Bytes that the search and its graph take at most, beside the points.
    ///
    /// - Parameter copied: bytes of a number, where the exact search prepares copies of the points; 0 where not.
    public func bytes(rows: Int, columns: Int, neighbours: Int, threads: Int, copied: Int) -> Int {
        // Lists, and the graph with its transpose: 8 and 4 + 8 bytes an entry, of which a union has twice as many.
        let graph = rows * neighbours * (8 + 8 + 2 * 12)
        switch self {
        case .exact:
            // Beside sketches there is one copy; without them there are two.
            let points = rows * max(Sketch.bytesPerPoint(columns: columns) + columns * copied, 2 * columns * copied)
            let lists = rows * neighbours * 8
            return graph + lists + points + rows * 8 + threads * 4 * (256 * 256 + (64 + 2 * 512) * columns) * 8
        case .approximate(let trees, let leaf, _, _):
            let reversed = rows * min(neighbours, Self.followed) * 4
            return graph + rows * neighbours * 8 + rows * trees * 4 + reversed
                + threads * 4 * (rows * 4 + leaf * (leaf + 2 * columns) * 4)
        }
    }
}

/// The search of `NeighbourSearch.approximate`. What it finds depends on the seed, never on threads: a thread writes
/// only lists of points that are its own, and reads others' as they were before the round.
struct ApproximateSearch<Rows: PointRows> {
    let rows: Rows
    let neighbours: Int
    let trees: Int
    let leaf: Int
    let rounds: Int
    let seed: UInt64
    let threads: Int

    func run() -> NeighbourLists<Float> {
        let lists = NeighbourLists<Float>(count: rows.rows, size: neighbours)
        for tree in plant() { search(leavesOf: tree, lists) }
        for _ in 0..<rounds { follow(lists) }
        // Leaves and rounds add up distances in different orders; what is kept is measured one way.
        Parallel.ranges(rows.rows, threads: threads, grain: 64) { range in
            for point in range {
                let list = lists.list(point)
                for slot in 0..<neighbours where list[slot].row != .max {
                    list[slot].distance = rows.squaredDistance(point, Int(list[slot].row))
                }
                lists.sort(point)
            }
        }
        return lists
    }

    // MARK: Trees

    private func plant() -> [ProjectionTree] {
        let planted = Shared(trees)
        Parallel.ranges(trees, threads: threads) { range in
            for tree in range {
                planted.set(tree, ProjectionTree(rows, leaf: leaf, seed: seed, stream: UInt64(tree)))
            }
        }
        return (0..<trees).compactMap { planted[$0] }
    }

    /// Offers the points of each leaf to each other.
    private func search(leavesOf tree: ProjectionTree, _ lists: NeighbourLists<Float>) {
        let columns = rows.columns
        Parallel.ranges(tree.bounds.count - 1, threads: threads, grain: 2) { leaves in
            let points = AlignedBuffer<Float>(uninitialised: leaf * columns)
            for index in leaves {
                let members = tree.order[tree.bounds[index]..<tree.bounds[index + 1]]
                guard !members.isEmpty else { continue }
                for (place, row) in members.enumerated() { rows.read(Int(row), into: points.pointer + place * columns) }
                let blocks = PointBlocks(UnsafePointer(points.pointer), count: members.count, dimensions: columns)
                let out = AlignedBuffer<Float>(uninitialised: members.count * blocks.places)
                Float._distances(
                    points.pointer, stride: columns, count: members.count, blocks: blocks.blocks.pointer,
                    blockCount: blocks.blockCount, dim: columns, into: out.pointer, outStride: blocks.places)
                for (place, row) in members.enumerated() {
                    let distances = out.pointer + place * blocks.places
                    for (other, column) in members.enumerated() {
                        lists.offerOnce(
                            Neighbour(distance: other == place ? -1 : distances[other], row: column), to: Int(row))
                    }
                }
            }
        }
    }

    // MARK: Neighbours of neighbours

    private func follow(_ lists: NeighbourLists<Float>) {
        let followed = min(neighbours, NeighbourSearch.followed)
        let count = rows.rows
        Parallel.ranges(count, threads: threads, grain: 256) { for point in $0 { lists.sort(point) } }
        // Whom a point is among the nearest of; the first few by number.
        let reversed = AlignedBuffer<Int32>(count: count * followed, repeating: -1)
        var filled = [Int32](repeating: 0, count: count)
        for point in 0..<count {
            for slot in 0..<followed {
                let other = Int(lists.list(point)[slot].row)
                guard other < count, other != point, filled[other] < followed else { continue }
                reversed.pointer[other * followed + Int(filled[other])] = Int32(truncatingIfNeeded: point)
                filled[other] += 1
            }
        }
        let before = lists.copy()
        Parallel.ranges(count, threads: threads, grain: 256) { range in
            // The last point that has seen each.
            let seen = AlignedBuffer<Int32>(count: count, repeating: -1)
            for point in range {
                let own = Int32(truncatingIfNeeded: point)
                lists.restore(point)
                let list = lists.list(point)
                for slot in 0..<neighbours where list[slot].row != .max { seen.pointer[Int(list[slot].row)] = own }
                func visit(_ other: Int32) {
                    guard other >= 0, other != .max, seen.pointer[Int(other)] != own else { return }
                    seen.pointer[Int(other)] = own
                    lists.offer(
                        Neighbour(distance: rows.squaredDistance(point, Int(other)), row: other), to: point)
                }
                func visitAround(_ middle: Int32) {
                    guard middle >= 0, middle != .max else { return }
                    for slot in 0..<followed {
                        visit(before.list(Int(middle))[slot].row)
                        visit(reversed.pointer[Int(middle) * followed + slot])
                    }
                }
                for slot in 0..<followed {
                    visitAround(before.list(point)[slot].row)
                    let other = reversed.pointer[point * followed + slot]
                    visit(other)
                    visitAround(other)
                }
            }
        }
    }

    /// One place for each tree, written by the thread that grows it.
    private final class Shared: @unchecked Sendable {
        // Unchecked: places are written once each, by one thread, and read after all have ended.
        private let pointer: UnsafeMutablePointer<ProjectionTree?>
        private let count: Int

        init(_ count: Int) {
            self.count = count
            pointer = .allocate(capacity: max(1, count))
            pointer.initialize(repeating: nil, count: count)
        }

        deinit {
            pointer.deinitialize(count: count)
            pointer.deallocate()
        }

        func set(_ index: Int, _ value: ProjectionTree) { pointer[index] = value }
        subscript(index: Int) -> ProjectionTree? { pointer[index] }
    }
}

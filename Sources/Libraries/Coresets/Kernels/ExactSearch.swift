/// The K nearest of each point by measuring each pair once: a distance is offered to the lists of both its ends.
///
/// A list holds the first K by distance and row of all that it was offered, in whatever order, so that neither tiles nor
/// threads change the result. Threads work on pairs of parts of the points that have no part in common, in rounds as of a
/// tournament, so that each list has one writer at a time. Tiles on the diagonal come first: where points stand beside
/// those near them, lists are nearly right before the rest is looked at.
struct ExactSearch<Tiles: DistanceTiles> {
    typealias Scalar = Tiles.Scalar

    private let tiles: Tiles
    private let lists: NeighbourLists<Scalar>
    /// What an offer to the list of the point at each place must not exceed; up to a multiple of 64.
    private let bounds: AlignedBuffer<Scalar>
    private let threads: Int

    /// - Parameter reach: for each place a distance within which K points are known to lie, itself among them.
    static func lists(
        _ tiles: Tiles, neighbours: Int, reach: AlignedBuffer<Scalar>? = nil, threads: Int
    ) -> NeighbourLists<Scalar> {
        let search = ExactSearch(tiles, neighbours: neighbours, reach: reach, threads: threads)
        search.run()
        return search.lists
    }

    private init(_ tiles: Tiles, neighbours: Int, reach: AlignedBuffer<Scalar>?, threads: Int) {
        self.tiles = tiles
        self.threads = threads
        lists = NeighbourLists(count: tiles.count, size: neighbours)
        bounds = reach ?? AlignedBuffer(count: (tiles.count + 63) / 64 * 64, repeating: .infinity)
    }

    private func run() {
        // Each point stays in its own list whatever the distances are.
        for place in 0..<tiles.count { offer(-1, of: tiles.row(place), to: place) }
        let groups = (tiles.count + Tiles.height - 1) / Tiles.height
        Parallel.ranges(groups, threads: threads) { range in
            var bench = Bench(tiles)
            for group in range {
                let places = group * Tiles.height..<min(tiles.count, (group + 1) * Tiles.height)
                bench.worker.take(places)
                measure(places, places, &bench)
            }
        }
        // Two pairs of parts a thread even out what else the machine does; an even number of parts, so that none waits.
        let parts = threads > 1 && groups >= 16 * threads ? 4 * threads : 1
        func part(_ index: Int) -> Range<Int> {
            let first = groups * index / parts * Tiles.height
            return first..<min(tiles.count, groups * (index + 1) / parts * Tiles.height)
        }
        Parallel.ranges(parts, threads: threads) { range in
            for index in range { measure(part(index), part(index)) }
        }
        for round in 0..<parts - 1 {
            Parallel.ranges(parts / 2, threads: threads) { range in
                for pair in range {
                    // The last part stays where it is, the others go round.
                    let one = pair == 0 ? parts - 1 : (round + pair) % (parts - 1)
                    let other = (round + parts - 1 - pair) % (parts - 1)
                    measure(part(min(one, other)), part(max(one, other)))
                }
            }
        }
    }

    /// What one thread measures with.
    private struct Bench {
        var worker: Tiles.Worker
        let pairs = PairList<Scalar>(height: Tiles.height, width: Tiles.width)

        init(_ tiles: Tiles) { worker = tiles.makeWorker() }
    }

    /// All pairs of a place of the first part and one of the second, which is the same or lies behind, but for those in
    /// tiles on the diagonal.
    private func measure(_ queries: Range<Int>, _ points: Range<Int>) {
        var bench = Bench(tiles)
        for top in stride(from: queries.lowerBound, to: queries.upperBound, by: Tiles.height) {
            let rows = top..<min(queries.upperBound, top + Tiles.height)
            bench.worker.take(rows)
            for left in stride(from: max(points.lowerBound, rows.upperBound), to: points.upperBound, by: Tiles.width) {
                let columns = left..<min(points.upperBound, left + Tiles.width)
                if tiles.areWanted(rows, columns) { measure(rows, columns, &bench) }
            }
        }
    }

    /// The pairs of a tile, of which only those of a place with a later one count.
    private func measure(_ queries: Range<Int>, _ points: Range<Int>, _ bench: inout Bench) {
        // Nearly all pairs are nobody's neighbours.
        let count = bench.worker.near(points, bounds: bounds.pointer, into: bench.pairs)
        for index in 0..<count {
            let pair = bench.pairs.places.pointer[index]
            let place = queries.lowerBound + Int(pair >> 16)
            let other = points.lowerBound + Int(pair & 0xFFFF)
            let listed = bench.pairs.distances.pointer[index]
            // Lists have got better since they were compared.
            guard place < other, other < points.upperBound,
                listed <= bounds.pointer[place] || listed <= bounds.pointer[other]
            else { continue }
            let distance = tiles.measured(listed, tiles.row(place), tiles.row(other))
            // Points whose distance is no number of this precision are nobody's neighbours.
            guard distance < .infinity else { continue }
            offer(distance, of: tiles.row(other), to: place)
            offer(distance, of: tiles.row(place), to: other)
        }
    }

    @inline(__always)
    private func offer(_ distance: Scalar, of row: Int32, to place: Int) {
        guard distance <= bounds.pointer[place] else { return }
        let own = Int(tiles.row(place))
        lists.offer(Neighbour(distance: distance, row: row), to: own)
        bounds.pointer[place] = min(bounds.pointer[place], lists.list(own)[0].distance)
    }
}

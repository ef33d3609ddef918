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
    /// What an offer to the list of the point at each place must not exceed.
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
        bounds = reach ?? AlignedBuffer(count: tiles.count, repeating: .infinity)
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
        let out = AlignedBuffer<Scalar>(uninitialised: Tiles.height * Tiles.width)
        let found = AlignedBuffer<Int32>(uninitialised: Tiles.width)

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
                measure(rows, left..<min(points.upperBound, left + Tiles.width), &bench)
            }
        }
    }

    /// The pairs of a tile, of which only those of a place with a later one count.
    private func measure(_ queries: Range<Int>, _ points: Range<Int>, _ bench: inout Bench) {
        bench.worker.measure(points, into: bench.out.pointer, stride: Tiles.width)
        for query in queries {
            let first = max(points.lowerBound, query + 1)
            guard first < points.upperBound else { continue }
            let row = bench.out.pointer + (query - queries.lowerBound) * Tiles.width
            offer(
                row + (first - points.lowerBound), of: query, to: first..<points.upperBound, bench.found.pointer)
        }
    }

    @inline(__always)
    private func offer(
        _ distances: UnsafePointer<Scalar>, of place: Int, to others: Range<Int>, _ found: UnsafeMutablePointer<Int32>
    ) {
        // Nearly all pairs are nobody's neighbours.
        let count = Scalar._within(
            distances, own: bounds.pointer[place], bounds: bounds.pointer + others.lowerBound, count: others.count,
            list: found)
        let row = tiles.row(place)
        for index in 0..<count {
            let other = others.lowerBound + Int(found[index])
            let otherRow = tiles.row(other)
            var distance = distances[Int(found[index])]
            if Tiles.areBounds {
                // Lists have got better since they were compared.
                guard distance <= bounds.pointer[place] || distance <= bounds.pointer[other] else { continue }
                distance = tiles.distance(Int(row), Int(otherRow))
            }
            // Points whose distance is no number of this precision are nobody's neighbours.
            guard distance < .infinity else { continue }
            offer(distance, of: otherRow, to: place)
            offer(distance, of: row, to: other)
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

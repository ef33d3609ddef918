/// Minimum spanning tree by Prim's algorithm. Complexity: O(k²).
struct SpanningTree {
    let weight: Double
    /// Each element's neighbour on the way to element 0.
    let parent: [Int]

    init(distances: [Double], count k: Int) {
        var near = [Double](repeating: .infinity, count: k)
        var parent = [Int](repeating: 0, count: k)
        var isIn = [Bool](repeating: false, count: k)
        var sum = 0.0
        near[0] = 0
        for _ in 0..<k {
            var next = -1
            for i in 0..<k where !isIn[i] && (next < 0 || near[i] < near[next]) { next = i }
            isIn[next] = true
            sum += near[next]
            for i in 0..<k where !isIn[i] && distances[next * k + i] < near[i] {
                near[i] = distances[next * k + i]
                parent[i] = next
            }
        }
        weight = sum
        self.parent = parent
    }
}

/// The least sum of distances across a split into ⌊k/2⌋ and ⌈k/2⌉.
enum Bipartition {
    static func exact(_ distances: [Double], _ k: Int) -> Double {
        let half = k / 2
        var best = Double.infinity
        for mask in 0..<(1 << k) where mask.nonzeroBitCount == half {
            best = min(best, cut(distances, k) { mask >> $0 & 1 == 1 })
        }
        return best
    }

    /// Swaps of one element from each side while the cut shrinks, from several starts.
    static func bySwaps(_ distances: [Double], _ k: Int) -> Double {
        var best = Double.infinity
        for start in 0..<min(k, 8) {
            var side = (0..<k).map { ($0 + start) % k < k / 2 }
            var value = cut(distances, k) { side[$0] }
            var improved = true
            while improved {
                improved = false
                for i in 0..<k where side[i] {
                    for j in 0..<k where !side[j] {
                        // Moving i and j over changes the cut by their distances to both sides.
                        var change = 0.0
                        for other in 0..<k where other != i && other != j {
                            change += (side[other] ? 1 : -1) * (distances[i * k + other] - distances[j * k + other])
                        }
                        if change < -1e-12 * value {
                            side[i] = false
                            side[j] = true
                            value += change
                            improved = true
                            break
                        }
                    }
                }
            }
            best = min(best, cut(distances, k) { side[$0] })
        }
        return best
    }

    private static func cut(_ distances: [Double], _ k: Int, _ isIn: (Int) -> Bool) -> Double {
        var sum = 0.0
        for i in 0..<k where isIn(i) { for j in 0..<k where !isIn(j) { sum += distances[i * k + j] } }
        return sum
    }
}

/// The shortest round trip.
enum Cycle {
    /// Held & Karp 1962.
    static func exact(_ distances: [Double], _ k: Int) -> Double {
        guard k > 2 else { return 2 * distances[1] }
        let others = k - 1
        // Shortest way from element k − 1 through the set to each of its members.
        var way = [Double](repeating: .infinity, count: (1 << others) * others)
        for i in 0..<others { way[(1 << i) * others + i] = distances[others * k + i] }
        for set in 1..<(1 << others) {
            for last in 0..<others where set >> last & 1 == 1 {
                let here = way[set * others + last]
                guard here < .infinity else { continue }
                for next in 0..<others where set >> next & 1 == 0 {
                    let grown = (set | 1 << next) * others + next
                    way[grown] = min(way[grown], here + distances[last * k + next])
                }
            }
        }
        var best = Double.infinity
        let all = ((1 << others) - 1) * others
        for last in 0..<others { best = min(best, way[all + last] + distances[last * k + others]) }
        return best
    }

    /// The doubled spanning tree, shortened by exchanging pairs of edges; at most twice the shortest.
    static func byExchange(_ distances: [Double], _ k: Int) -> Double {
        let tree = SpanningTree(distances: distances, count: k)
        var children = [[Int]](repeating: [], count: k)
        for i in 1..<k { children[tree.parent[i]].append(i) }
        var tour: [Int] = []
        var stack = [0]
        while let next = stack.popLast() {
            tour.append(next)
            stack.append(contentsOf: children[next].reversed())
        }
        var improved = true
        while improved {
            improved = false
            for i in 0..<(k - 1) {
                for j in (i + 2)..<max(i + 2, k) where !(i == 0 && j == k - 1) {
                    let (a, b, c, e) = (tour[i], tour[i + 1], tour[j], tour[(j + 1) % k])
                    let change =
                        distances[a * k + c] + distances[b * k + e] - distances[a * k + b] - distances[c * k + e]
                    if change < -1e-12 * (distances[a * k + b] + distances[c * k + e]) {
                        tour[(i + 1)...j].reverse()
                        improved = true
                    }
                }
            }
        }
        return (0..<k).reduce(0) { $0 + distances[tour[$1] * k + tour[($1 + 1) % k]] }
    }
}

/// The lightest perfect matching.
enum Matching {
    static func exact(_ distances: [Double], _ k: Int) -> Double {
        var best = [Double](repeating: .infinity, count: 1 << k)
        best[0] = 0
        for set in 0..<(1 << k) where best[set] < .infinity {
            // The first free element has to be matched sooner or later.
            guard let first = (0..<k).first(where: { set >> $0 & 1 == 0 }) else { continue }
            for other in (first + 1)..<max(first + 1, k) where set >> other & 1 == 0 {
                let grown = set | 1 << first | 1 << other
                best[grown] = min(best[grown], best[set] + distances[first * k + other])
            }
        }
        return best[(1 << k) - 1]
    }

    static func byExchange(_ distances: [Double], _ k: Int) -> Double {
        var free = Set(0..<k)
        var pairs: [(Int, Int)] = []
        for (i, j) in (0..<k).flatMap({ i in (0..<i).map { (i, $0) } }).sorted(by: {
            (distances[$0.0 * k + $0.1], $0.0, $0.1) < (distances[$1.0 * k + $1.1], $1.0, $1.1)
        }) where free.contains(i) && free.contains(j) {
            free.subtract([i, j])
            pairs.append((i, j))
        }
        var improved = true
        while improved {
            improved = false
            for x in pairs.indices {
                for y in pairs.indices where y > x {
                    let ((a, b), (c, e)) = (pairs[x], pairs[y])
                    let now = distances[a * k + b] + distances[c * k + e]
                    if distances[a * k + c] + distances[b * k + e] < now * (1 - 1e-12) {
                        (pairs[x], pairs[y]) = ((a, c), (b, e))
                        improved = true
                    } else if distances[a * k + e] + distances[b * k + c] < now * (1 - 1e-12) {
                        (pairs[x], pairs[y]) = ((a, e), (b, c))
                        improved = true
                    }
                }
            }
        }
        return pairs.reduce(0) { $0 + distances[$1.0 * k + $1.1] }
    }
}

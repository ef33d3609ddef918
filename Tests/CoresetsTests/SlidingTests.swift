import ApusCore
import Coresets
import Testing

@Suite("Streams that change") struct SlidingTests {
    @Test("what a sliding selector keeps is of the last window, and right of its latter half") func window() throws {
        var generator = SeededGenerator(seed: Replay.seed, stream: 95)
        for round in 0..<60 {
            let size = 2 + generator.below(40)
            let rows = 1 + generator.below(300)
            let points = try StreamTests.stream(&generator, rows: rows, columns: 2)
            // A reservoir larger than the window keeps every point: the union must be a run that ends now.
            var all = try SlidingSelector(
                ReservoirSelector(capacity: size, dimensions: 2, seed: 1), window: size)
            var centres = try SlidingSelector(DoublingCenters(capacity: 4, dimensions: 2), window: size)
            for row in 0..<rows {
                all.observe(Array(points[row: row]))
                centres.observe(Array(points[row: row]))
                let kept = all.kept
                #expect(kept == Array(kept[0]...row), Replay.note(round))
                #expect(kept.count <= size + 1 && kept.count >= min(row + 1, size / 2), Replay.note(round))
                #expect(all.points == points.select(kept), Replay.note(round))
                #expect(centres.kept.allSatisfy { $0 >= kept[0] && $0 <= row }, Replay.note(round))
                #expect(centres.points == points.select(centres.kept), Replay.note(round))
            }
            #expect(all.seen == rows && centres.seen == rows)
        }
        #expect(throws: CoresetError.self) {
            try SlidingSelector(DoublingCenters(capacity: 4, dimensions: 2), window: 1)
        }
    }

    @Test("drift is told soon after distances double, and not before") func drift() throws {
        var generator = SeededGenerator(seed: 11, stream: 96)
        var detector = try DriftDetector(window: 100, factor: 2)
        for step in 0..<5000 {
            let isDrift = detector.observe(distance: 0.5 + generator.unit())
            #expect(!isDrift, "step \(step)")
        }
        var told: Int?
        for step in 0..<200 where told == nil { if detector.observe(distance: 2.5 + generator.unit()) { told = step } }
        let step = try #require(told)
        #expect(step > 20 && step < 110)
        // After it the new distances are the usual ones.
        for _ in 0..<2000 {
            let isDrift = detector.observe(distance: 2.5 + generator.unit())
            #expect(!isDrift)
        }
    }
}

import ApusCore
import Testing

@Suite("Resources") struct ResourceTests {
    @Test("sums of fractions are exact")
    func exact() {
        var quantity = Quantity.zero
        for _ in 0..<10 { quantity = quantity + 0.1 }
        #expect(quantity == 1)
        #expect(Quantity(0.00001) == Quantity(0.0001))
        #expect(Quantity(-1.0) == 0)
        #expect(Quantity(Double.nan) == 0)
        #expect(Quantity(Double.infinity) == Quantity(1e12))
    }

    @Test("a total covers what does not exceed it in anything")
    func covers() {
        let total = Resources(cpus: 2, gpus: 1, memory: 100, custom: ["x": 1])
        #expect(total.covers(Resources(cpus: 2, gpus: 1, memory: 100, custom: ["x": 1])))
        #expect(!total.covers(Resources(cpus: 2.0001)))
        #expect(!total.covers(Resources(memory: 101)))
        #expect(!total.covers(Resources(custom: ["y": 0.5])))
        #expect(total.covers(Resources(custom: ["y": 0])))
    }

    @Test("time saturates at its end")
    func time() {
        #expect(Instant(nanoseconds: 5) + .nanoseconds(7) == Instant(nanoseconds: 12))
        #expect(Instant(nanoseconds: .max) + .seconds(1) == Instant(nanoseconds: .max))
        #expect(Instant(nanoseconds: 9) - Instant(nanoseconds: 4) == .nanoseconds(5))
        let clock = ManualTime()
        clock.advance(by: .seconds(2))
        #expect(clock.now() == Instant(nanoseconds: 2_000_000_000))
        #expect(MonotonicTime().now() <= MonotonicTime().now())
    }
}

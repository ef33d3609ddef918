/// A first-in, first-out queue in a ring. All operations O(1), amortised; storage never shrinks below 16 places.
struct Fifo<Element> {
    private var ring: [Element?] = Array(repeating: nil, count: 16)
    private var head = 0
    private(set) var count = 0

    var isEmpty: Bool { count == 0 }
    var first: Element? { count == 0 ? nil : ring[head] }

    mutating func append(_ element: Element) {
        if count == ring.count { resize(to: ring.count * 2) }
        ring[(head + count) & (ring.count - 1)] = element
        count += 1
    }

    mutating func prepend(_ element: Element) {
        if count == ring.count { resize(to: ring.count * 2) }
        head = (head - 1) & (ring.count - 1)
        ring[head] = element
        count += 1
    }

    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        var element: Element?
        swap(&element, &ring[head])
        head = (head + 1) & (ring.count - 1)
        count -= 1
        if ring.count > 1024, count < ring.count / 8 { resize(to: ring.count / 2) }
        return element
    }

    mutating func popLast() -> Element? {
        guard count > 0 else { return nil }
        var element: Element?
        swap(&element, &ring[(head + count - 1) & (ring.count - 1)])
        count -= 1
        return element
    }

    /// The element at a place counted from the front, which must be less than `count`.
    subscript(place: Int) -> Element {
        get {
            guard place >= 0, place < count, let element = ring[(head + place) & (ring.count - 1)] else {
                preconditionFailure("place \(place) of a queue of \(count)")
            }
            return element
        }
        set {
            precondition(place >= 0 && place < count)
            ring[(head + place) & (ring.count - 1)] = newValue
        }
    }

    private mutating func resize(to capacity: Int) {
        var next: [Element?] = []
        next.reserveCapacity(capacity)
        for place in 0..<count { next.append(ring[(head + place) & (ring.count - 1)]) }
        next.append(contentsOf: repeatElement(nil, count: capacity - count))
        ring = next
        head = 0
    }
}

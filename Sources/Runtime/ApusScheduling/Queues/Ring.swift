/// A first-in, first-out ring of elements that are moved in and out. Whoever holds it must call `deallocate` once, and use
/// no copy of it after any change: `TaskQueues`, which cannot be copied, does.
///
/// All operations are O(1), amortised, and none allocates unless the number of elements reaches a new height.
@usableFromInline
struct Ring<Element> {
    @usableFromInline var base: UnsafeMutablePointer<Element>
    /// Places, a power of two, less one.
    @usableFromInline var mask: Int
    @usableFromInline var head = 0
    @usableFromInline var count = 0

    @usableFromInline
    init(capacity: Int) {
        base = .allocate(capacity: capacity)
        mask = capacity - 1
    }

    @usableFromInline
    mutating func deallocate() {
        while popFirst() != nil {}
        base.deallocate()
    }

    @inlinable @inline(__always)
    mutating func append(_ element: consuming Element) {
        if count > mask { resize(to: (mask + 1) * 2) }
        (base + ((head + count) & mask)).initialize(to: element)
        count += 1
    }

    @inlinable
    mutating func prepend(_ element: consuming Element) {
        if count > mask { resize(to: (mask + 1) * 2) }
        head = (head - 1) & mask
        (base + head).initialize(to: element)
        count += 1
    }

    @inlinable @inline(__always)
    mutating func popFirst() -> Element? {
        guard count > 0 else { return nil }
        let element = (base + head).move()
        head = (head + 1) & mask
        count -= 1
        if mask >= 1024, count < mask / 8 { resize(to: (mask + 1) / 2) }
        return element
    }

    @inlinable
    mutating func popLast() -> Element? {
        guard count > 0 else { return nil }
        count -= 1
        return (base + ((head + count) & mask)).move()
    }

    /// The element at a place, counted from the oldest one.
    @inlinable @inline(__always)
    subscript(place: Int) -> Element {
        precondition(place >= 0 && place < count, "no such place")
        return base[(head + place) & mask]
    }

    /// Takes an element out of the middle. O(place).
    @usableFromInline
    mutating func remove(at place: Int) -> Element {
        precondition(place >= 0 && place < count, "no such place")
        let element = (base + ((head + place) & mask)).move()
        for later in stride(from: place, to: 0, by: -1) {
            (base + ((head + later) & mask)).initialize(to: (base + ((head + later - 1) & mask)).move())
        }
        head = (head + 1) & mask
        count -= 1
        return element
    }

    @usableFromInline
    mutating func resize(to capacity: Int) {
        let next = UnsafeMutablePointer<Element>.allocate(capacity: capacity)
        for place in 0..<count { (next + place).initialize(to: (base + ((head + place) & mask)).move()) }
        base.deallocate()
        base = next
        mask = capacity - 1
        head = 0
    }
}

/// Contiguous storage for plain values that grows by doubling and is freed with its owner.
///
/// The parser's hot loops write here: unlike `Array` there is no uniqueness check on a write. Indices are checked in
/// debug builds; every caller gets its indices from the buffer itself.
struct GrowingBuffer<Element: BitwiseCopyable>: ~Copyable {
    private(set) var base: UnsafeMutablePointer<Element>
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int) {
        self.capacity = max(capacity, 16)
        base = .allocate(capacity: self.capacity)
    }

    deinit { base.deallocate() }

    @inline(__always)
    subscript(index: Int) -> Element {
        get {
            assert(index >= 0 && index < count)
            return base[index]
        }
        set {
            assert(index >= 0 && index < count)
            base[index] = newValue
        }
    }

    /// Complexity: O(1), amortised.
    @inline(__always)
    mutating func append(_ element: Element) {
        if count == capacity { grow(to: count + 1) }
        (base + count).initialize(to: element)
        count += 1
    }

    /// Complexity: O(length), amortised. `pointer` must not lie in this buffer.
    mutating func append(_ pointer: UnsafePointer<Element>, count length: Int) {
        reserve(length)
        (base + count).initialize(from: pointer, count: length)
        count += length
    }

    /// Appends a copy of elements of this buffer.
    mutating func appendOwn(_ start: Int, count length: Int) {
        assert(start >= 0 && start + length <= count)
        reserve(length)
        (base + count).initialize(from: base + start, count: length)
        count += length
    }

    mutating func append(repeating element: Element, count length: Int) {
        reserve(length)
        (base + count).initialize(repeating: element, count: length)
        count += length
    }

    mutating func insert(_ element: Element, at index: Int) {
        assert(index >= 0 && index <= count)
        reserve(1)
        (base + index + 1).update(from: base + index, count: count - index)
        base[index] = element
        count += 1
    }

    mutating func remove(at index: Int) {
        assert(index >= 0 && index < count)
        (base + index).update(from: base + index + 1, count: count - index - 1)
        count -= 1
    }

    @inline(__always)
    mutating func removeLast() {
        assert(count > 0)
        count -= 1
    }

    @inline(__always)
    mutating func truncate(to length: Int) {
        assert(length >= 0 && length <= count)
        count = length
    }

    /// Makes room for so many more. What lies there isn't initialised; `advance` after writing it.
    @inline(__always)
    mutating func reserve(_ more: Int) {
        if capacity - count < more { grow(to: count + more) }
    }

    @inline(__always)
    mutating func advance(by length: Int) {
        assert(length >= 0 && count + length <= capacity)
        count += length
    }

    @inline(never)
    private mutating func grow(to needed: Int) {
        let larger = max(needed, capacity * 2)
        let moved = UnsafeMutablePointer<Element>.allocate(capacity: larger)
        moved.moveInitialize(from: base, count: count)
        base.deallocate()
        base = moved
        capacity = larger
    }
}

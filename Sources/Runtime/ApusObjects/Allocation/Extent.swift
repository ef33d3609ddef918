/// A range of bytes of a memory or file.
package struct Extent: Hashable, Sendable {
    package var offset: Int
    package var count: Int

    package init(offset: Int, count: Int) {
        self.offset = offset
        self.count = count
    }

    package var end: Int { offset + count }
    package var range: Range<Int> { offset..<end }
}

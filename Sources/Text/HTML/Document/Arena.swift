/// What a document is made of, in four contiguous buffers: nodes, attributes, bytes and names.
///
/// Safe to share between threads: the parser fills the buffers before it makes the arena, and nothing can write to them
/// afterwards.
final class Arena: @unchecked Sendable {
    let nodes: GrowingBuffer<NodeRecord>
    let attributes: GrowingBuffer<AttributeRecord>
    /// The input, cleaned (valid UTF-8, `\n` for line ends), and behind it what had to be written anew: text with
    /// character references, text gathered from several places.
    let bytes: GrowingBuffer<UInt8>
    let elementNames: NameTable
    let attributeNames: NameTable

    init(
        nodes: consuming GrowingBuffer<NodeRecord>, attributes: consuming GrowingBuffer<AttributeRecord>,
        bytes: consuming GrowingBuffer<UInt8>, elementNames: consuming NameTable, attributeNames: consuming NameTable
    ) {
        self.nodes = nodes
        self.attributes = attributes
        self.bytes = bytes
        self.elementNames = elementNames
        self.attributeNames = attributeNames
    }
}

import ApusCore

/// An array that never changes and is not copied when it is put, passed to a task or returned by one: processes of a node
/// read it in place, in the node's shared memory.
///
/// ```swift
/// let pixels = try await SharedArray<Float>(unsafeUninitializedCount: 1 << 20) { buffer in
///     buffer.initialize(repeating: 0)
/// }
/// let reference = try await cluster.put(pixels)
/// ```
///
/// The elements are the bytes that they lie in memory as: no pointers, and the same program on both sides. Copies of the
/// array share its memory, which is let go of with the last one.
public struct SharedArray<Element: BitwiseCopyable & Sendable>: @unchecked Sendable {
    // Immutable: the pointer is into `bytes`, which never change.
    @usableFromInline let start: UnsafePointer<Element>
    public let count: Int
    package let bytes: SharedBytes

    private init(_ bytes: SharedBytes, count: Int) {
        self.bytes = bytes
        self.count = count
        start = bytes.start.assumingMemoryBound(to: Element.self)
    }

    /// Makes an array in place: in the node's shared memory inside a cluster of processes, else in this process.
    ///
    /// - Parameters:
    ///   - count: elements, not negative.
    ///   - initialize: writes all of them; the memory's contents are undefined before.
    /// - Throws: what `initialize` throws; `SharedArrayError.tooLarge`; an error of the object store where it is full.
    public init(
        unsafeUninitializedCount count: Int,
        initializingWith initialize: (UnsafeMutableBufferPointer<Element>) throws -> Void
    ) async throws {
        try await self.init(
            unsafeUninitializedCount: count, in: Cluster.current?.backend.sharedMemory ?? HeapMemory(),
            initializingWith: initialize)
    }

    package init(
        unsafeUninitializedCount count: Int, in memory: any SharedMemory,
        initializingWith initialize: (UnsafeMutableBufferPointer<Element>) throws -> Void
    ) async throws {
        let size = try Self.size(count)
        let allocation = try await memory.allocate(size)
        do {
            try initialize(allocation.bytes.bindMemory(to: Element.self))
        } catch {
            allocation.abandon()
            throw error
        }
        self.init(try allocation.seal(), count: count)
    }

    /// Makes an array in place, element by element.
    ///
    /// - Throws: `SharedArrayError.incomplete` where `initialize` leaves the span with fewer than `count` elements, and
    ///   what the other initialiser does.
    public init(
        count: Int, initializingWith initialize: (inout OutputSpan<Element>) throws -> Void
    ) async throws {
        try await self.init(unsafeUninitializedCount: count) { buffer in
            var span = OutputSpan(buffer: buffer, initializedCount: 0)
            try initialize(&span)
            let written = span.finalize(for: buffer)
            guard written == count else { throw SharedArrayError.incomplete(written: written, count: count) }
        }
    }

    /// Copies elements into memory of this process. Putting the array copies them once more, into the node's; to avoid
    /// that, make it in place.
    public init(_ elements: some Collection<Element>) {
        let allocation = HeapAllocation(elements.count * MemoryLayout<Element>.stride)
        let buffer = allocation.bytes.bindMemory(to: Element.self)
        let end = buffer.initialize(fromContentsOf: elements)
        precondition(end == buffer.endIndex, "a collection has fewer elements than it counts")
        self.init(allocation.seal(), count: elements.count)
    }

    private static func size(_ count: Int) throws -> Int {
        precondition(count >= 0, "an array of \(count) elements")
        let (size, overflows) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard !overflows else {
            throw SharedArrayError.tooLarge(count: count, elementSize: MemoryLayout<Element>.stride)
        }
        return size
    }

    /// The elements, as long as the array is in use.
    public var span: Span<Element> {
        @_lifetime(borrow self)
        get { _overrideLifetime(UnsafeBufferPointer(start: start, count: count).span, borrowing: self) }
    }

    /// Calls with the elements in place. The pointer is valid during the call.
    public func withUnsafeBufferPointer<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(bytes) {} }
        return try body(UnsafeBufferPointer(start: start, count: count))
    }
}

extension SharedArray: RandomAccessCollection {
    @inlinable public var startIndex: Int { 0 }
    @inlinable public var endIndex: Int { count }

    /// Inlined: a loop over the elements costs what one over an array does.
    @inlinable
    public subscript(position: Int) -> Element {
        precondition(position >= 0 && position < count, "index out of range")
        return start[position]
    }

    public func withContiguousStorageIfAvailable<Result>(
        _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) rethrows -> Result? {
        defer { withExtendedLifetime(bytes) {} }
        return try body(UnsafeBufferPointer(start: start, count: count))
    }
}

extension SharedArray: Equatable where Element: Equatable {
    public static func == (left: SharedArray, right: SharedArray) -> Bool {
        left.count == right.count && (left.start == right.start || left.elementsEqual(right))
    }
}

extension SharedArray: Hashable where Element: Hashable {
    public func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        for element in self { hasher.combine(element) }
    }
}

extension SharedArray: CustomStringConvertible {
    public var description: String { "SharedArray<\(Element.self)> of \(count)" }
}

extension SharedArray: Codable {
    private enum CodingKeys: String, CodingKey { case element, count, attachment, bytes }

    private static var elementName: String { String(reflecting: Element.self) }

    /// In tasks, results and calls of Apus large arrays travel beside the value; elsewhere the bytes are encoded.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(Self.elementName, forKey: .element)
        try container.encode(count, forKey: .count)
        if bytes.count > SharedBytes.inlineLimit || bytes.place != .heap,
            let collector = encoder.userInfo[.attachments] as? AttachmentCollector
        {
            try container.encode(collector.add(bytes), forKey: .attachment)
        } else {
            try container.encode([UInt8](bytes.buffer), forKey: .bytes)
        }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        func reject(_ reason: String) -> CodingError { .rejected(path: "SharedArray", reason: reason) }
        let element = try container.decode(String.self, forKey: .element)
        guard element == Self.elementName else {
            throw reject("The array has elements of \(element), not of \(Self.elementName).")
        }
        let count = try container.decode(Int.self, forKey: .count)
        let (size, overflows) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
        guard count >= 0, !overflows else { throw reject("The array says that it has \(count) elements.") }
        let bytes: SharedBytes
        if let index = try container.decodeIfPresent(Int.self, forKey: .attachment) {
            guard let table = decoder.userInfo[.attachments] as? AttachmentTable, table.bytes.indices.contains(index)
            else { throw CodingError.missingReference(index: index) }
            bytes = table.bytes[index]
        } else {
            let inline = try container.decode([UInt8].self, forKey: .bytes)
            let allocation = HeapAllocation(inline.count)
            allocation.bytes.copyBytes(from: inline)
            bytes = allocation.seal()
        }
        guard bytes.count == size else {
            throw reject("\(count) elements came with \(bytes.count) bytes, not \(size).")
        }
        guard UInt(bitPattern: bytes.start) % UInt(MemoryLayout<Element>.alignment) == 0 else {
            throw reject("The bytes do not lie as the elements need it.")
        }
        self.init(bytes, count: count)
    }
}

/// Why an array was not made.
public enum SharedArrayError: Error, Hashable, Sendable, CustomStringConvertible {
    case tooLarge(count: Int, elementSize: Int)
    case incomplete(written: Int, count: Int)

    public var description: String {
        switch self {
        case .tooLarge(let count, let elementSize):
            "\(count) elements of \(elementSize) bytes are more than any memory holds."
        case .incomplete(let written, let count):
            "The closure wrote \(written) of \(count) elements. Write all of them, or ask for fewer."
        }
    }
}

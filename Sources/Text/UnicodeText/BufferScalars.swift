extension UnsafeBufferPointer where Element == UInt8 {
    /// The scalar that starts at a byte, as `Span.scalar(at:)` reads it; no byte beyond the buffer is read.
    @inlinable @inline(__always)
    public func scalar(at position: Int) -> DecodedScalar { Span(_unsafeElements: self).scalar(at: position) }
}

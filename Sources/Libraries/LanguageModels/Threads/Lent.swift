/// Something that several threads may look at because nothing changes it meanwhile, or because they take turns.
///
/// Unchecked: whoever makes one says at that place why no two threads meet in it.
struct Lent<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}

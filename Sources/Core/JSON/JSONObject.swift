/// The members of a JSON object, in order.
///
/// A flat array of pairs: pages and records have few keys, for which a scan is faster than hashing. Objects with more
/// than `indexThreshold` members (vocabularies) keep a hash index beside it.
public struct JSONObject: Sendable {
    /// Members from which an index pays for itself.
    private static let indexThreshold = 24

    private var members: [(key: String, value: JSONValue)] = []
    private var index: [String: Int]?

    public init() {}

    /// Members in the order given; of equal keys the last value counts, in the first one's place.
    public init(_ pairs: some Sequence<(String, JSONValue)>) {
        for (key, value) in pairs { self[key] = value }
    }

    public var count: Int { members.count }
    public var isEmpty: Bool { members.isEmpty }
    public var keys: [String] { members.map(\.key) }

    public mutating func reserveCapacity(_ capacity: Int) { members.reserveCapacity(capacity) }

    /// The value under a key. Setting nil removes the member; a new key goes last.
    ///
    /// - Complexity: O(1) beyond `indexThreshold` members, O(members) below it; removal O(members).
    public subscript(key: String) -> JSONValue? {
        get { position(of: key).map { members[$0].value } }
        set {
            switch (position(of: key), newValue) {
            case (let position?, let value?):
                members[position].value = value
            case (let position?, nil):
                members.remove(at: position)
                if index != nil { rebuildIndex() }
            case (nil, let value?):
                members.append((key, value))
                if index != nil {
                    index?[key] = members.count - 1
                } else if members.count > Self.indexThreshold {
                    rebuildIndex()
                }
            case (nil, nil):
                break
            }
        }
    }

    /// The value under a key, or a default one.
    public subscript(key: String, default fallback: JSONValue) -> JSONValue { self[key] ?? fallback }

    /// Renames a member in its place; nothing happens where `key` is absent. An existing `newKey` is replaced.
    public mutating func rename(_ key: String, to newKey: String) {
        guard key != newKey, let value = self[key] else { return }
        self[newKey] = nil
        guard let position = position(of: key) else { return }
        members[position] = (newKey, value)
        if index != nil { rebuildIndex() }
    }

    /// Takes a member's value out and leaves null in its place, so that it can be changed without a copy.
    public mutating func take(_ key: String) -> JSONValue? {
        guard let position = position(of: key) else { return nil }
        let value = members[position].value
        members[position].value = .null
        return value
    }

    private func position(of key: String) -> Int? {
        if let index { return index[key] }
        return members.firstIndex { $0.key == key }
    }

    private mutating func rebuildIndex() {
        guard members.count > Self.indexThreshold else {
            index = nil
            return
        }
        index = Dictionary(members.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

extension JSONObject: Sequence {
    public func makeIterator() -> IndexingIterator<[(key: String, value: JSONValue)]> { members.makeIterator() }
}

extension JSONObject: Hashable {
    /// Equal members, whatever their order, as RFC 8259 says of objects.
    public static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.count == right.count && left.members.allSatisfy { right[$0.key] == $0.value }
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(count) }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}

@_spi(Reflection) import Swift
import Synchronization

/// Tells which types' values travel between processes of one program as they lie in memory.
///
/// These are numbers, truth values, and structures of nothing else: no pointers, references or enumerations, whose bytes
/// mean nothing elsewhere or may not have every value.
package enum PlainTypes {
    private static let known = AnswerCache()

    /// Complexity: O(1) after the first time.
    package static func contain(_ type: Any.Type) -> Bool {
        // Metadata lies at even addresses, so that the lowest bit is free for the answer.
        let key = UInt(bitPattern: ObjectIdentifier(type))
        if let answer = known[key] { return answer }
        let answer = isPlain(type, depth: 0)
        known[key] = answer
        return answer
    }

    private static func isPlain(_ type: Any.Type, depth: Int) -> Bool {
        if type is any PackedNumber.Type || type == Bool.self { return true }
        // Structures alone have fields that can be visited here; that of an empty one are none, and it has no bytes.
        guard depth < 16, _isStructure(type), isBitwise(type) else { return false }
        var plain = true
        let complete = _forEachField(of: type, options: []) { _, _, field, _ in
            plain = isPlain(field, depth: depth + 1)
            return plain
        }
        return complete && plain && hasVisibleFields(type)
    }

    private static func _isStructure(_ type: Any.Type) -> Bool {
        // The metadata kind is the first word of every type's metadata; 0x200 is a structure.
        unsafeBitCast(type, to: UnsafePointer<Int>.self).pointee == 0x200
    }

    private static func isBitwise(_ type: Any.Type) -> Bool {
        func answer<Value>(_ type: Value.Type) -> Bool { _isPOD(type) }
        return _openExistential(type, do: answer)
    }

    /// A structure without a field record but with bytes is one that hides what it holds.
    private static func hasVisibleFields(_ type: Any.Type) -> Bool {
        func size<Value>(_ type: Value.Type) -> Int { MemoryLayout<Value>.size }
        if _openExistential(type, do: size) == 0 { return true }
        var count = 0
        _ = _forEachField(of: type, options: []) { _, _, _, _ in
            count += 1
            return true
        }
        return count > 0
    }
}

/// Answers by even keys. Asked for every task and value that travels, hence without a lock; a place holds the last answer of
/// all keys that share it.
private final class AnswerCache: @unchecked Sendable {
    // Each word is atomic and holds key and answer together.
    private static let size = 1024
    private let words: UnsafeMutablePointer<Atomic<UInt>>

    init() {
        words = .allocate(capacity: Self.size)
        for index in 0..<Self.size { (words + index).initialize(to: Atomic(0)) }
    }

    deinit { words.deallocate() }

    private func place(_ key: UInt) -> UnsafeMutablePointer<Atomic<UInt>> {
        words + Int(((key >> 3) &* 0x9E37_79B9_7F4A_7C15) >> 54)
    }

    subscript(key: UInt) -> Bool? {
        get {
            let word = place(key).pointee.load(ordering: .relaxed)
            return word & ~1 == key ? word & 1 == 1 : nil
        }
        set {
            place(key).pointee.store(newValue == true ? key | 1 : key, ordering: .relaxed)
        }
    }
}

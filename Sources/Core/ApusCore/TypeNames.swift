import Synchronization

/// Finds types by their mangled names, so that a task's type is its name on the wire.
///
/// A name from outside can only be letters, digits, `_` and `$`: the runtime's demangler takes lower bytes for pointers.
package enum TypeNames {
    /// Longer than any name a sensible program has.
    private static let lengthLimit = 4096
    private static let names = Mutex<[ObjectIdentifier: String]>([:])

    /// The name of a type.
    ///
    /// - Throws: `CodingError.unnamableType` for private and local types, which have none that can be looked up.
    package static func name(of type: Any.Type) throws(CodingError) -> String {
        let key = ObjectIdentifier(type)
        if let known = names.withLock({ $0[key] }) { return known }
        guard let name = _mangledTypeName(type), isSafe(name), let found = _typeByName(name),
            ObjectIdentifier(found) == key
        else { throw .unnamableType("\(type)") }
        names.withLock { $0[key] = name }
        return name
    }

    /// The type with a name that came from outside.
    package static func type(named name: String, expected: String) throws(CodingError) -> Any.Type {
        guard isSafe(name), let type = _typeByName(name) else {
            throw .unknownType(name: String(name.prefix(200)), expected: expected)
        }
        return type
    }

    private static func isSafe(_ name: String) -> Bool {
        let bytes = name.utf8
        return !bytes.isEmpty && bytes.count <= lengthLimit
            && bytes.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "$"):
                    true
                default: false
                }
            }
    }
}

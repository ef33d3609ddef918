/// The wire form of values.
///
/// Every value starts with a tag byte, so that a reader can skip what it does not know and tell a wrong type from
/// damage. Integers are variable-length (7 bits a byte, zigzag), floats little-endian. Lists and maps carry their length
/// in bytes (four, little-endian). A message begins with the keys of all its maps; the maps name them by number. Arrays of
/// fixed-width numbers are one block.
///
/// Both sides run the same program (a task's type is its name), so the form has no version of its own.
enum BinaryFormat {
    /// Nesting that no sensible value exceeds, and that a thread's stack bears.
    static let depthLimit = 200

    enum Tag {
        static let null: UInt8 = 0x00
        static let no: UInt8 = 0x01
        static let yes: UInt8 = 0x02
        static let signed: UInt8 = 0x03
        static let unsigned: UInt8 = 0x04
        static let float: UInt8 = 0x05
        static let double: UInt8 = 0x06
        static let string: UInt8 = 0x07
        static let packed: UInt8 = 0x08
        static let list: UInt8 = 0x09
        static let map: UInt8 = 0x0A
        static let wide: UInt8 = 0x0B
        /// 0x40 … 0xFF: the integers 0 … 191 in one byte.
        static let small: UInt8 = 0x40
    }

    /// What kind of value a tag starts, for messages.
    static func kind(_ tag: UInt8) -> String {
        switch tag {
        case Tag.null: "nothing"
        case Tag.no, Tag.yes: "a truth value"
        case Tag.signed, Tag.unsigned, Tag.wide, Tag.small...: "an integer"
        case Tag.float, Tag.double: "a floating-point number"
        case Tag.string: "a string"
        case Tag.packed: "an array of numbers"
        case Tag.list: "a list"
        case Tag.map: "a map"
        default: "tag \(tag)"
        }
    }

    /// The fixed-width element types whose arrays are one block.
    enum Element: UInt8 {
        case uint8, int8, uint16, int16, uint32, int32, uint64, int64, uint, int, float, double

        /// Bytes of one element on the wire; `Int` and `UInt` are eight.
        var width: Int {
            switch self {
            case .uint8, .int8: 1
            case .uint16, .int16: 2
            case .uint32, .int32, .float: 4
            case .uint64, .int64, .uint, .int, .double: 8
            }
        }
    }
}

/// Numbers whose arrays may be copied as they lie in memory: no padding, every bit pattern valid.
protocol PackedNumber: BitwiseCopyable {
    static var packedElement: BinaryFormat.Element { get }
}

extension UInt8: PackedNumber { static var packedElement: BinaryFormat.Element { .uint8 } }
extension Int8: PackedNumber { static var packedElement: BinaryFormat.Element { .int8 } }
extension UInt16: PackedNumber { static var packedElement: BinaryFormat.Element { .uint16 } }
extension Int16: PackedNumber { static var packedElement: BinaryFormat.Element { .int16 } }
extension UInt32: PackedNumber { static var packedElement: BinaryFormat.Element { .uint32 } }
extension Int32: PackedNumber { static var packedElement: BinaryFormat.Element { .int32 } }
extension UInt64: PackedNumber { static var packedElement: BinaryFormat.Element { .uint64 } }
extension Int64: PackedNumber { static var packedElement: BinaryFormat.Element { .int64 } }
extension UInt: PackedNumber { static var packedElement: BinaryFormat.Element { .uint } }
extension Int: PackedNumber { static var packedElement: BinaryFormat.Element { .int } }
extension Float: PackedNumber { static var packedElement: BinaryFormat.Element { .float } }
extension Double: PackedNumber { static var packedElement: BinaryFormat.Element { .double } }

/// A key by text or number, for containers without a coding key of their own.
struct PathKey: CodingKey {
    let stringValue: String
    let intValue: Int?
    init(stringValue: String) { (self.stringValue, intValue) = (stringValue, nil) }
    init(intValue: Int) { (stringValue, self.intValue) = (String(intValue), intValue) }
    static let parent = PathKey(stringValue: "super")
}

/// `a.b[3]`, for messages.
func describe(_ path: [any CodingKey]) -> String {
    var text = ""
    for key in path {
        if let index = key.intValue {
            text += "[\(index)]"
        } else {
            text += text.isEmpty ? key.stringValue : "." + key.stringValue
        }
    }
    return text.isEmpty ? "value" : text
}

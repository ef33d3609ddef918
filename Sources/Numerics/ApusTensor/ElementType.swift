/// The type of a tensor's elements. Raw values are the codes of `apus_tensor.h`.
public enum ElementType: Int32, Hashable, Sendable, Codable, CaseIterable, CustomStringConvertible {
    case float32 = 0
    case float16 = 1
    case bfloat16 = 2
    case int64 = 3
    case uint8 = 4
    case bool = 5
    case float64 = 6
    case int32 = 7

    /// Bytes of one element.
    public var size: Int {
        switch self {
        case .uint8, .bool: 1
        case .float16, .bfloat16: 2
        case .float32, .int32: 4
        case .int64, .float64: 8
        }
    }

    /// Whether gradients flow through tensors of this type.
    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64: true
        case .int64, .int32, .uint8, .bool: false
        }
    }

    /// The name in a safetensors header.
    public var safetensorsName: String {
        switch self {
        case .float32: "F32"
        case .float16: "F16"
        case .bfloat16: "BF16"
        case .int64: "I64"
        case .uint8: "U8"
        case .bool: "BOOL"
        case .float64: "F64"
        case .int32: "I32"
        }
    }

    public var description: String {
        switch self {
        case .float32: "float32"
        case .float16: "float16"
        case .bfloat16: "bfloat16"
        case .int64: "int64"
        case .uint8: "uint8"
        case .bool: "bool"
        case .float64: "float64"
        case .int32: "int32"
        }
    }
}

/// A Swift type whose memory is that of an element type.
public protocol TensorElement: BitwiseCopyable, Sendable {
    static var elementType: ElementType { get }
    /// The value of elements that are about to be overwritten.
    static var zero: Self { get }
}

extension Float: TensorElement { public static var elementType: ElementType { .float32 } }
extension Double: TensorElement { public static var elementType: ElementType { .float64 } }
extension Int64: TensorElement { public static var elementType: ElementType { .int64 } }
extension Int32: TensorElement { public static var elementType: ElementType { .int32 } }
extension UInt8: TensorElement { public static var elementType: ElementType { .uint8 } }

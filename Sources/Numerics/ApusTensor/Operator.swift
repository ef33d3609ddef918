import CApusTensor

/// A positional argument of an operator.
public enum Argument {
    /// An absent optional.
    case none
    /// What the operator itself takes where nothing is given.
    case standard
    case tensor(Tensor)
    case optional(Tensor?)
    case integer(Int)
    case number(Double)
    case boolean(Bool)
    case type(ElementType)
    case integers([Int])
    case tensors([Tensor])
    /// For indexing: nil takes the whole dimension.
    case optionalTensors([Tensor?])
    case text(String)
}

/// What must hold between the tensors of an operation. Looked at only when it has failed, to say why.
enum ShapeRule {
    case broadcast
    case matrixProduct
    case sameElements(as: [Int])
    case lastDimensions(of: [Int])
}

/// A result of an operator.
enum Output {
    case none
    case tensor(Tensor)
    case integer(Int)
    case number(Double)
    case boolean(Bool)
}

extension Tensor {
    /// Calls any operator of libtorch, `name` or `name.overload` as in its `native_functions.yaml`, that gives one tensor.
    ///
    /// Arguments are positional; those left out at the end take the operator's defaults. Gradients are recorded as for
    /// the named methods, which are all made of this call.
    ///
    /// - Throws: `TensorError.unknownOperator`, `.operation` with the library's message, `.memory`.
    public static func call(_ name: String, _ arguments: Argument...) throws(TensorError) -> Tensor {
        try single(name, arguments, rule: nil)
    }

    /// Calls an operator that gives several tensors; absent ones are nil.
    public static func callForMany(
        _ name: String, _ arguments: Argument..., limit: Int = 8
    ) throws(TensorError) -> [Tensor?] {
        try invoke(name, arguments, rule: nil, limit: limit).map {
            if case .tensor(let tensor) = $0 { tensor } else { nil }
        }
    }

    /// Calls an operator for its effect on its arguments.
    public static func run(_ name: String, _ arguments: Argument...) throws(TensorError) {
        _ = try invoke(name, arguments, rule: nil, limit: 8)
    }

    /// An operation on this tensor, which is its first argument.
    func apply(_ name: String, _ others: Argument..., rule: ShapeRule? = nil) throws(TensorError) -> Tensor {
        try Self.single(name, [.tensor(self)] + others, rule: rule)
    }

    static func single(_ name: String, _ arguments: [Argument], rule: ShapeRule?) throws(TensorError) -> Tensor {
        let results = try invoke(name, arguments, rule: rule, limit: 1)
        guard case .tensor(let tensor)? = results.first else {
            throw .operation(name: name, operands: describe(arguments), message: "the result is not a tensor")
        }
        return tensor
    }

    static func invoke(
        _ name: String, _ arguments: [Argument], rule: ShapeRule?, limit: Int
    ) throws(TensorError) -> [Output] {
        let library = try TensorLibrary.shared
        var results = [apus_value](repeating: apus_value(), count: limit)
        var produced = 0
        let status = withExtendedLifetime(arguments) {
            var packed = PackedArguments(arguments)
            return packed.withValues { values in
                library.table.functions.pointee.call(name, values.baseAddress, values.count, &results, limit, &produced)
            }
        }
        guard status == Int32(APUS_OK) else {
            let message = library.message
            if let error = diagnose(rule, name, arguments) { throw error }
            throw TensorLibrary.error(status, name, describe(arguments), message)
        }
        return results[..<produced].map { value in
            switch Int(value.kind) {
            case APUS_TENSOR: .tensor(Tensor(owning: value.payload.tensor, library))
            case APUS_INTEGER: .integer(Int(value.payload.integer))
            case APUS_NUMBER: .number(value.payload.number)
            case APUS_BOOLEAN: .boolean(value.payload.integer != 0)
            default: .none
            }
        }
    }

    private static func describe(_ arguments: [Argument]) -> [String] {
        arguments.map { argument in
            switch argument {
            case .none, .optional(nil): "none"
            case .standard: "default"
            case .tensor(let tensor), .optional(let tensor?): tensor.description
            case .integer(let value): "\(value)"
            case .number(let value): "\(value)"
            case .boolean(let value): "\(value)"
            case .type(let type): "\(type)"
            case .integers(let list): "\(list)"
            case .tensors(let list): "[" + list.map(\.description).joined(separator: ", ") + "]"
            case .optionalTensors(let list): "[" + list.map { $0?.description ?? "all" }.joined(separator: ", ") + "]"
            case .text(let text): text
            }
        }
    }

    /// The rule that a failed call broke, as a typed error.
    private static func diagnose(_ rule: ShapeRule?, _ name: String, _ arguments: [Argument]) -> TensorError? {
        guard let rule else { return nil }
        let tensors = arguments.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } }
        let shapes = tensors.map(\.shape)
        let types = tensors.compactMap(\.elementType)
        guard let reason = rule.violation(shapes) else {
            if Set(types).count > 1 {
                return .dtype(operation: name, found: types, reason: "they must be equal; convert with to(_:)")
            }
            return nil
        }
        return .shape(operation: name, shapes: shapes, reason: reason)
    }
}

extension ShapeRule {
    /// Why shapes break the rule, or nil.
    func violation(_ shapes: [[Int]]) -> String? {
        switch self {
        case .broadcast:
            guard shapes.count == 2 else { return nil }
            for (left, right) in zip(shapes[0].reversed(), shapes[1].reversed())
            where left != right && left != 1 && right != 1 {
                return "from the right, lengths must be equal or 1, and \(left) meets \(right)"
            }
        case .matrixProduct:
            guard shapes.count == 2, let inner = shapes[0].last, !shapes[1].isEmpty else {
                return "both need at least one dimension"
            }
            let outer = shapes[1].count == 1 ? shapes[1][0] : shapes[1][shapes[1].count - 2]
            if inner != outer { return "the left one has \(inner) columns, the right one \(outer) rows" }
        case .sameElements(let target):
            let known = target.filter { $0 != -1 }.reduce(1) { $0 &* $1 }
            let count = shapes.first?.reduce(1, *) ?? 0
            let fits = target.contains(-1) ? known != 0 && count % known == 0 : known == count
            if !fits { return "\(target) has another number of elements" }
        case .lastDimensions(let expected):
            if let shape = shapes.first, Array(shape.suffix(expected.count)) != expected {
                return "the last lengths must be \(expected)"
            }
        }
        return nil
    }
}

/// Arguments in the form of the C interface, with the arrays that they point into.
private struct PackedArguments {
    private var values: [apus_value] = []
    private var integers: [Int64] = []
    private var handles: [apus_tensor_ref?] = []
    private var texts: [CChar] = []

    init(_ arguments: [Argument]) {
        values.reserveCapacity(arguments.count)
        for argument in arguments { add(argument) }
    }

    /// Arrays are appended to one shared array each; until all are in, a value holds its start in place of a pointer.
    private mutating func add(_ argument: Argument) {
        var value = apus_value()
        func set(_ kind: Int, _ integer: Int) {
            value.kind = Int32(kind)
            value.payload.integer = Int64(integer)
        }
        switch argument {
        case .none, .optional(nil): set(APUS_NONE, 0)
        case .standard: set(APUS_DEFAULT, 0)
        case .tensor(let tensor), .optional(let tensor?):
            set(APUS_TENSOR, 0)
            value.payload.tensor = tensor.handle
        case .integer(let integer): set(APUS_INTEGER, integer)
        case .number(let number):
            set(APUS_NUMBER, 0)
            value.payload.number = number
        case .boolean(let boolean): set(APUS_BOOLEAN, boolean ? 1 : 0)
        case .type(let type): set(APUS_DTYPE, Int(type.rawValue))
        case .integers(let list):
            set(APUS_INTEGERS, integers.count)
            value.count = Int64(list.count)
            for element in list { integers.append(Int64(element)) }
        case .tensors(let list):
            set(APUS_TENSORS, handles.count)
            value.count = Int64(list.count)
            for element in list { handles.append(element.handle) }
        case .optionalTensors(let list):
            set(APUS_TENSORS, handles.count)
            value.count = Int64(list.count)
            for element in list { handles.append(element?.handle) }
        case .text(let text):
            set(APUS_STRING, texts.count)
            texts.append(contentsOf: text.utf8CString)
        }
        values.append(value)
    }

    /// Gives the values with their pointers, which are valid inside the body.
    mutating func withValues(_ body: (UnsafeBufferPointer<apus_value>) -> Int32) -> Int32 {
        integers.withUnsafeBufferPointer { integers in
            handles.withUnsafeBufferPointer { handles in
                texts.withUnsafeBufferPointer { texts in
                    values.withUnsafeMutableBufferPointer { values in
                        for position in values.indices {
                            let start = Int(values[position].payload.integer)
                            switch Int(values[position].kind) {
                            case APUS_INTEGERS:
                                values[position].payload.integers = integers.baseAddress.map { $0 + start }
                            case APUS_TENSORS:
                                values[position].payload.tensors = handles.baseAddress.map { $0 + start }
                            case APUS_STRING:
                                values[position].payload.string = texts.baseAddress.map { $0 + start }
                            default: break
                            }
                        }
                        return body(UnsafeBufferPointer(values))
                    }
                }
            }
        }
    }
}

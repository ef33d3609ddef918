import Files

/// Why a tensor operation, the tensor library or a file of tensors failed.
public enum TensorError: Error, Hashable, Sendable, CustomStringConvertible {
    /// `libapus_tensor.so` is at none of the places where it is looked for.
    case libraryMissing(searched: [String])
    /// The library is there but does not open.
    case libraryUnusable(path: String, reason: String)
    /// Shapes that do not go together.
    case shape(operation: String, shapes: [[Int]], reason: String)
    /// An element type that the operation does not take.
    case dtype(operation: String, found: [ElementType], reason: String)
    /// The library refused the operation for another reason.
    case operation(name: String, operands: [String], message: String)
    /// There is no operator of that name.
    case unknownOperator(name: String, message: String)
    /// The operation would write to a tensor that reads memory in place which never changes.
    case readOnly(operation: String, operands: [String])
    /// Memory ran out.
    case memory(operation: String, message: String)
    /// A file that is not valid safetensors.
    case invalidFile(path: String, reason: String)
    /// A checkpoint that does not fit the module it is loaded into.
    case mismatch(name: String, reason: String)
    /// The file system refused.
    case file(FileError)

    public var description: String {
        switch self {
        case .libraryMissing(let searched):
            "the tensor library is missing. Run Scripts/bootstrap, or name it in APUS_TENSOR_LIBRARY. Looked for "
                + searched.joined(separator: ", ") + "."
        case .libraryUnusable(let path, let reason):
            "\(path): cannot be used as the tensor library: \(reason). Run Scripts/bootstrap to build it anew."
        case .shape(let operation, let shapes, let reason):
            "\(operation): shapes \(shapes.map(Self.text).joined(separator: " and ")) do not fit: \(reason)."
        case .dtype(let operation, let found, let reason):
            "\(operation): element types \(found.map(\.description).joined(separator: " and ")): \(reason)."
        case .operation(let name, let operands, let message):
            "\(name)(\(operands.joined(separator: ", "))): \(message)"
        case .unknownOperator(let name, let message):
            "\(name): \(message). Check the name, or install the version of libtorch that Scripts/install-torch names."
        case .readOnly(let operation, let operands):
            "\(operation)(\(operands.joined(separator: ", "))) would write to a tensor that reads memory in place, which "
                + "others read too. Change a copy: cloned()."
        case .memory(let operation, let message):
            "\(operation): memory ran out: \(message). Use a smaller batch or model."
        case .invalidFile(let path, let reason):
            "\(path): not a valid safetensors file: \(reason). Write or fetch it again."
        case .mismatch(let name, let reason):
            "\(name): \(reason). Load a checkpoint of the same architecture."
        case .file(let error): error.description
        }
    }

    private static func text(_ shape: [Int]) -> String {
        "[" + shape.map(String.init).joined(separator: "×") + "]"
    }
}

import Files
import Glibc
import JSON

/// Files of named tensors in the safetensors format: the length of a JSON header (8 bytes, little-endian), the header, the elements.
///
/// - Source: the format's description in Hugging Face's safetensors README.
public enum Safetensors {
    /// A longer header is refused, as the reference does.
    static let headerLimit = 100_000_000
    private static let metadataKey = "__metadata__"

    /// Where a tensor lies in a file.
    package struct Entry: Equatable {
        let name: String
        let type: ElementType
        let shape: [Int]
        /// Bytes from the end of the header.
        let range: Range<Int>
    }

    /// What a header says.
    package struct Header {
        package let entries: [Entry]
        package let metadata: [String: String]
    }

    /// Writes tensors to a file that appears under its name when it is whole.
    ///
    /// - Throws: `TensorError.dtype` for an element type that the format lacks, `.mismatch` for a name given twice or
    ///   reserved, `.file`.
    public static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String] = [:], to path: String
    ) throws(TensorError) {
        var header = JSONObject()
        if !metadata.isEmpty {
            header[metadataKey] = .object(
                JSONObject(metadata.sorted { $0.key < $1.key }.map { ($0.key, JSONValue($0.value)) }))
        }
        // Wide elements first, as the reference writes them, so that each tensor is aligned to its element.
        var ordered: [(name: String, tensor: Tensor, type: ElementType)] = []
        for (name, tensor) in tensors {
            guard let type = tensor.elementType else {
                throw .dtype(operation: "Safetensors", found: [], reason: "\(name) has elements that the format lacks")
            }
            ordered.append((name, tensor, type))
        }
        ordered.sort { ($1.type.size, $0.name) < ($0.type.size, $1.name) }
        var offset = 0
        for (name, tensor, type) in ordered {
            guard name != metadataKey, header[name] == nil else {
                throw .mismatch(name: name, reason: "the name is reserved, or given to two tensors")
            }
            let end = offset + tensor.count * type.size
            header[name] = .object(
                JSONObject([
                    ("dtype", JSONValue(type.safetensorsName)),
                    ("shape", .array(tensor.shape.map { JSONValue($0) })),
                    ("data_offsets", .array([JSONValue(offset), JSONValue(end)])),
                ]))
            offset = end
        }
        var text = Array(JSONValue.object(header).text().utf8)
        text.append(contentsOf: repeatElement(UInt8(ascii: " "), count: (8 - text.count % 8) % 8))
        do {
            let file = try AtomicFile(path)
            try file.write(withUnsafeBytes(of: UInt64(text.count).littleEndian) { Array($0) })
            try file.write(text)
            for (_, tensor, type) in ordered {
                var bytes = [UInt8](repeating: 0, count: tensor.count * type.size)
                var failure: TensorError?
                bytes.withUnsafeMutableBytes { buffer in
                    do throws(TensorError) { try tensor.copyBytes(to: buffer) } catch { failure = error }
                }
                if let failure { throw failure }
                try file.write(bytes)
            }
            try file.commit()
        } catch let error as FileError {
            throw .file(error)
        } catch let error as TensorError {
            throw error
        } catch {
            throw .operation(name: "Safetensors", operands: [path], message: "\(error)")
        }
    }

    /// Reads the tensors of a file, or some of them.
    ///
    /// Every length, offset and type is checked before memory is taken, and the tensors' bytes must cover the file
    /// exactly.
    ///
    /// - Throws: `TensorError.invalidFile`, `.file`.
    public static func read(
        _ path: String, where isWanted: (String) -> Bool = { _ in true }
    ) throws(TensorError) -> (tensors: [String: Tensor], metadata: [String: String]) {
        do {
            let reader = try FileReader(path)
            var status = stat()
            guard stat(path, &status) == 0 else { throw FileError.current("read", path) }
            let size = Int(status.st_size)
            let start = try exactly(8, of: reader)
            let length = start.enumerated().reduce(UInt64(0)) { $0 | UInt64($1.element) << (8 * UInt64($1.offset)) }
            guard length <= UInt64(headerLimit), Int(length) <= size - 8 else {
                throw TensorError.invalidFile(path: path, reason: "the header's length is given as \(length) bytes")
            }
            let header = try parse(
                header: try exactly(Int(length), of: reader), dataSize: size - 8 - Int(length), path: path)
            var tensors: [String: Tensor] = [:]
            for entry in header.entries {
                let bytes = try exactly(entry.range.count, of: reader)
                guard isWanted(entry.name) else { continue }
                let result = bytes.withUnsafeBytes { buffer in
                    Result { () throws(TensorError) in
                        try Tensor(bytes: buffer, type: entry.type, shape: entry.shape)
                    }
                }
                tensors[entry.name] = try result.get()
            }
            return (tensors, header.metadata)
        } catch let error as FileError {
            throw .file(error)
        } catch let error as TensorError {
            throw error
        } catch {
            throw .invalidFile(path: path, reason: "\(error)")
        }
    }

    private static func exactly(_ count: Int, of reader: FileReader) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            guard try reader.read(count - bytes.count, into: &bytes) > 0 else {
                throw TensorError.invalidFile(path: reader.path, reason: "it ends early")
            }
        }
        return bytes
    }

    /// Checks a header. Entries come in the order of their bytes.
    package static func parse(header bytes: [UInt8], dataSize: Int, path: String) throws(TensorError) -> Header {
        func invalid(_ reason: String) -> TensorError { .invalidFile(path: path, reason: reason) }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(parsing: bytes)
        } catch {
            throw invalid("in the header, \(error)")
        }
        guard bytes.first == UInt8(ascii: "{"), let members = value.objectValue else {
            throw invalid("the header is \(value.kind), not an object")
        }
        var metadata: [String: String] = [:]
        var entries: [Entry] = []
        for (name, value) in members {
            if name == metadataKey {
                for (key, text) in value.objectValue ?? JSONObject() {
                    guard let text = text.stringValue else { throw invalid("\(metadataKey).\(key) is not a string") }
                    metadata[key] = text
                }
                continue
            }
            guard let typeName = value["dtype"]?.stringValue,
                let type = ElementType.allCases.first(where: { $0.safetensorsName == typeName })
            else { throw invalid("\(name) has no dtype that can be read here") }
            guard let lengths = value["shape"]?.arrayValue?.map(\.intValue), !lengths.contains(nil),
                let count = Tensor.elementCount(of: lengths.compactMap { $0 })
            else { throw invalid("\(name) has no valid shape") }
            guard let offsets = value["data_offsets"]?.arrayValue?.compactMap(\.intValue), offsets.count == 2,
                offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= dataSize
            else { throw invalid("\(name) has no valid data_offsets within \(dataSize) bytes") }
            let range = offsets[0]..<offsets[1]
            guard count.multipliedReportingOverflow(by: type.size) == (range.count, false) else {
                throw invalid("\(name) has \(range.count) bytes, which its shape and dtype do not need")
            }
            entries.append(Entry(name: name, type: type, shape: lengths.compactMap { $0 }, range: range))
        }
        entries.sort { ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound) }
        var position = 0
        for entry in entries {
            guard entry.range.lowerBound == position else {
                throw invalid("the bytes before \(entry.name) belong to no tensor or to two")
            }
            position = entry.range.upperBound
        }
        guard position == dataSize else { throw invalid("\(dataSize - position) bytes at the end belong to no tensor") }
        return Header(entries: entries, metadata: metadata)
    }
}

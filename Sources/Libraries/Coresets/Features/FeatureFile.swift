import Compression
import Files
import JSON

/// A file of features: NPY, CSV, JSON lines or safetensors, by its name; packed ones are unpacked.
public struct FeatureFile: Sendable {
    public enum Format: String, Sendable, CaseIterable {
        case npy
        case csv
        case jsonl
        case safetensors
    }

    public let path: String
    public let format: Format

    /// - Throws: `CoresetError.unknownName` where the name's ending tells no format.
    public init(_ path: String) throws(CoresetError) {
        self.path = path
        var parts = path.lowercased().split(separator: "/").last.map { $0.split(separator: ".") } ?? []
        if let last = parts.last, ["gz", "zst", "lz4"].contains(last) { parts.removeLast() }
        switch parts.last.map(String.init) {
        case "npy": format = .npy
        case "csv", "tsv": format = .csv
        case "jsonl", "ndjson", "json": format = .jsonl
        case "safetensors": format = .safetensors
        default:
            throw .unknownName(
                what: "feature format for", name: path, known: [".npy", ".csv", ".tsv", ".jsonl", ".safetensors"])
        }
    }

    /// Features and, where the file holds them, the names of its rows.
    public struct Contents<Scalar: KernelScalar>: Sendable {
        public var features: Matrix<Scalar>
        /// Column names of a CSV file.
        public var columns: [String] = []
        /// Whether numbers were 64-bit in the file.
        public var isDouble = false
    }

    /// - Parameters:
    ///   - key: the member of JSON lines, or the tensor of a safetensors file, that holds the features.
    ///   - skipping: columns of a CSV file to leave out, by name or number from 0.
    /// - Throws: `FileError`, `CompressionError`; `CoresetError.malformed` with line and column.
    public func read<Scalar: KernelScalar>(
        as type: Scalar.Type = Scalar.self, key: String? = nil, skipping: [String] = []
    ) throws -> Contents<Scalar> {
        switch format {
        case .npy:
            let file = try NumPyFile(contentsOf: path)
            return Contents(features: try file.matrix(), isDouble: file.element == .float64)
        case .csv: return try CSVFeatures(path: path, skipping: skipping).read()
        case .jsonl: return try JSONLinesFeatures(path: path, key: key).read()
        case .safetensors: return try SafetensorsFeatures(path: path, key: key).read()
        }
    }

    /// Features of half precision or bytes as they are, in a half or a quarter of the memory.
    ///
    /// - Throws: as `read`; `CoresetError.unsupported` for other types of numbers.
    public func readPacked(key: String? = nil) throws -> PackedMatrix {
        switch format {
        case .npy: return try NumPyFile(contentsOf: path).packed()
        case .safetensors: return try SafetensorsFeatures(path: path, key: key).array().packed()
        case .csv, .jsonl:
            throw CoresetError.unsupported(
                what: "\(path) holds numbers as text", remedy: "Read it as a matrix and pack that.")
        }
    }
}

/// Numbers in columns, apart by commas, semicolons or tabs; a first line that is no numbers is a header.
struct CSVFeatures {
    let path: String
    let skipping: [String]

    func read<Scalar: KernelScalar>() throws -> FeatureFile.Contents<Scalar> {
        let reader = try LineReader(path: path)
        var line: [UInt8] = []
        var separator = UInt8(ascii: ",")
        var header: [String] = []
        var keeps: [Bool] = []
        var storage: [Scalar] = []
        var rows = 0
        while try reader.next(into: &line) {
            if line.isEmpty { continue }
            let place = "line \(reader.lineNumber)"
            if keeps.isEmpty {
                separator = Self.separator(of: line)
                let fields = Self.fields(line, separator)
                let names = fields.map { String(decoding: $0, as: UTF8.self).trimmed(" \"") }
                let isHeader =
                    names.contains { Double($0) == nil && !$0.isEmpty } && names.allSatisfy { Double($0) == nil }
                header = isHeader ? names : (0..<fields.count).map(String.init)
                keeps = header.enumerated().map { index, name in
                    !skipping.contains(name) && !skipping.contains(String(index))
                }
                for name in skipping
                where !header.contains(name) && Int(name).map({ $0 >= 0 && $0 < header.count }) != true {
                    throw CoresetError.unknownName(what: "column", name: name, known: header)
                }
                if isHeader { continue }
            }
            guard line.count(where: { $0 == UInt8(ascii: "\"") }) % 2 == 0 else {
                throw CoresetError.malformed(
                    file: path, place: place, reason: "a quotation mark is not closed; repair or drop the line")
            }
            let fields = Self.fields(line, separator)
            guard fields.count == keeps.count else {
                throw CoresetError.malformed(
                    file: path, place: place,
                    reason: "\(fields.count) fields where \(keeps.count) were expected; repair or drop the line")
            }
            for (index, field) in fields.enumerated() where keeps[index] {
                let text = String(decoding: field, as: UTF8.self).trimmed(" \"")
                guard let value = Double(text) else {
                    throw CoresetError.malformed(
                        file: path, place: "\(place), column \(header[index])",
                        reason:
                            "‘\(text)’ is not a number; repair it, or leave the column out with --skip \(header[index])"
                    )
                }
                guard Scalar(value).isFinite else {
                    throw CoresetError.malformed(
                        file: path, place: "\(place), column \(header[index])",
                        reason: "‘\(text)’ is not finite; repair or drop the line")
                }
                storage.append(Scalar(value))
            }
            rows += 1
        }
        let columns = keeps.reduce(0) { $0 + ($1 ? 1 : 0) }
        return FeatureFile.Contents(
            features: try Matrix(rows: rows, columns: columns, storage: storage),
            columns: zip(header, keeps).filter(\.1).map(\.0), isDouble: true)
    }

    private static func separator(of line: [UInt8]) -> UInt8 {
        [UInt8(ascii: ","), UInt8(ascii: "\t"), UInt8(ascii: ";")].max { left, right in
            line.reduce(0) { $0 + ($1 == left ? 1 : 0) } < line.reduce(0) { $0 + ($1 == right ? 1 : 0) }
        } ?? UInt8(ascii: ",")
    }

    private static func fields(_ line: [UInt8], _ separator: UInt8) -> [ArraySlice<UInt8>] {
        var result: [ArraySlice<UInt8>] = []
        var start = 0
        var isQuoted = false
        for index in line.indices {
            if line[index] == UInt8(ascii: "\"") { isQuoted.toggle() }
            if line[index] == separator, !isQuoted {
                result.append(line[start..<index])
                start = index + 1
            }
        }
        result.append(line[start...])
        return result
    }
}

/// Arrays of numbers, one a line, alone or as a member of an object.
struct JSONLinesFeatures {
    let path: String
    let key: String?

    private static let usualKeys = ["embedding", "features", "vector", "x"]

    func read<Scalar: KernelScalar>() throws -> FeatureFile.Contents<Scalar> {
        let reader = try LineReader(path: path)
        var line: [UInt8] = []
        var storage: [Scalar] = []
        var columns: Int?
        var rows = 0
        while try reader.next(into: &line) {
            if line.isEmpty { continue }
            func fail(_ reason: String) -> CoresetError {
                .malformed(file: path, place: "line \(reader.lineNumber)", reason: reason)
            }
            let value: JSONValue
            do {
                value = try JSONValue(parsing: line)
            } catch {
                throw fail("\(error)")
            }
            let numbers: [JSONValue]
            switch value {
            case .array(let elements): numbers = elements
            case .object(let object):
                let names = key.map { [$0] } ?? Self.usualKeys
                guard let found = names.lazy.compactMap({ object[$0]?.arrayValue }).first else {
                    throw fail("no array of numbers under \(names.joined(separator: ", ")); name the member with --key")
                }
                numbers = found
            default: throw fail("\(value.kind) where an array of numbers, or an object with one, was expected")
            }
            guard columns == nil || columns == numbers.count else {
                throw fail("\(numbers.count) numbers where \(columns ?? 0) were expected; repair or drop the line")
            }
            columns = numbers.count
            for (index, number) in numbers.enumerated() {
                guard let x = number.doubleValue else { throw fail("element \(index) is \(number.kind), no number") }
                guard Scalar(x).isFinite else { throw fail("element \(index) is not finite") }
                storage.append(Scalar(x))
            }
            rows += 1
        }
        return FeatureFile.Contents(
            features: try Matrix(rows: rows, columns: columns ?? 0, storage: storage), isDouble: true)
    }
}

/// One matrix of a safetensors file.
struct SafetensorsFeatures {
    let path: String
    let key: String?

    func read<Scalar: KernelScalar>() throws -> FeatureFile.Contents<Scalar> {
        let file = try array()
        return FeatureFile.Contents(features: try file.matrix(), isDouble: file.element == .float64)
    }

    func array() throws -> NumPyFile {
        let bytes = try FileReader.bytes(of: path)
        func fail(_ place: String, _ reason: String) -> CoresetError {
            .malformed(file: path, place: place, reason: reason)
        }
        guard bytes.count >= 8 else { throw fail("byte 0", "the file is too short for a safetensors header") }
        let length = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * min($1, 6)) }
        guard length > 0, length <= bytes.count - 8, length < 100_000_000 else {
            throw fail("byte 0", "a header of \(length) bytes was announced, and there are \(bytes.count - 8)")
        }
        let header: JSONValue
        do { header = try JSONValue(parsing: Array(bytes[8..<8 + length])) } catch {
            throw fail("the header", "\(error)")
        }
        let tensors = (header.objectValue ?? [:]).filter { $0.key != "__metadata__" }
        let matrices = tensors.filter { $0.value["shape"]?.arrayValue?.count == 2 }
        guard
            let chosen = key.map({ key in tensors.filter { $0.key == key } }) ?? (matrices.count == 1 ? matrices : nil),
            let tensor = chosen.first
        else {
            let names = matrices.map(\.key).joined(separator: ", ")
            throw fail(
                "the header",
                matrices.isEmpty
                    ? "it has no matrix, a tensor of two dimensions"
                    : key.map { "it has no tensor \($0); name one of \(names) with --key" }
                        ?? "it has several matrices; name one of \(names) with --key")
        }
        let shape = (tensor.value["shape"]?.arrayValue ?? []).compactMap(\.intValue)
        let range = (tensor.value["data_offsets"]?.arrayValue ?? []).compactMap(\.intValue)
        let types = [
            "F16": "<f2", "BF16": "<f4", "F32": "<f4", "F64": "<f8", "U8": "|u1", "I8": "|i1", "I32": "<i4",
            "I64": "<i8",
        ]
        guard shape.count == 2, range.count == 2, let type = types[tensor.value["dtype"]?.stringValue ?? ""] else {
            throw fail("tensor \(tensor.key)", "only matrices of F16, BF16, F32, F64, U8, I8, I32 or I64 are read")
        }
        let start = 8 + length
        guard range[0] >= 0, range[0] <= range[1], range[1] <= bytes.count - start else {
            throw fail("tensor \(tensor.key)", "its bytes lie outside the file, which ends early; fetch it again")
        }
        var numbers = bytes[start + range[0]..<start + range[1]]
        if tensor.value["dtype"]?.stringValue == "BF16" {
            // The upper half of a float.
            guard numbers.count % 2 == 0 else { throw fail("tensor \(tensor.key)", "its bytes are odd in number") }
            var wide: [UInt8] = []
            wide.reserveCapacity(numbers.count * 2)
            for index in stride(from: numbers.startIndex, to: numbers.endIndex, by: 2) {
                wide.append(contentsOf: [0, 0, numbers[index], numbers[index + 1]])
            }
            numbers = wide[...]
        }
        // The same numbers with another header in front.
        let text = "{'descr': '\(type)', 'fortran_order': False, 'shape': (\(shape[0]), \(shape[1])), }"
        let head = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(text.utf8.count & 255), UInt8(text.utf8.count >> 8)]
        return try NumPyFile(path: path, bytes: head + Array(text.utf8) + numbers)
    }
}

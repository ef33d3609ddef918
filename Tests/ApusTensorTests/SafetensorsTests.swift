import ApusTensor
import Files
import Glibc
import Testing

@Suite("Safetensors", .enabled(if: TensorLibrary.isAvailable, "run Scripts/bootstrap: the tensor library is missing"))
struct SafetensorsTests {
    static func withFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/apus-safetensors-XXXXXX".utf8CString)
        let made = try #require(mkdtemp(&template))
        let folder = String(cString: made)
        defer {
            for name in (try? Folder.entries(folder)) ?? [] { unlink(Paths.join(folder, name)) }
            rmdir(folder)
        }
        try body(folder)
    }

    static func sample() throws -> [(name: String, tensor: Tensor)] {
        [
            ("weight", try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])),
            ("half", try Tensor([1, 2, 3] as [Float]).to(.float16)),
            ("brain", try Tensor([1, 2, 3] as [Float]).to(.bfloat16)),
            ("ids", try Tensor([-1, 1 << 40] as [Int64])),
            ("bytes", try Tensor([0, 255, 7] as [UInt8])),
            ("flags", try Tensor([0, 1, 1] as [UInt8]).to(.bool)),
            ("nothing", try Tensor([] as [Float], shape: [0, 4])),
            ("number", try Tensor([42] as [Double], shape: [])),
        ]
    }

    @Test("tensors and metadata come back as they were written")
    func roundTrip() throws {
        try Self.withFolder { folder in
            let path = Paths.join(folder, "a.safetensors")
            let sample = try Self.sample()
            try Safetensors.write(sample, metadata: ["step": "7", "é": "ß"], to: path)
            let (tensors, metadata) = try Safetensors.read(path)
            #expect(metadata == ["step": "7", "é": "ß"])
            #expect(tensors.count == sample.count)
            for (name, tensor) in sample {
                let found = try #require(tensors[name])
                #expect(found.shape == tensor.shape && found.elementType == tensor.elementType)
                #expect(
                    try found.to(.float64).elements(as: Double.self) == tensor.to(.float64).elements(as: Double.self))
            }
            let some = try Safetensors.read(path) { $0 == "ids" }.tensors
            #expect(Array(some.keys) == ["ids"])
        }
    }

    @Test("a file that the reference package wrote is read, and its tensors come back from a copy")
    func reference() throws {
        let hex = try #require(try Golden.json("tensor.json")["safetensors"]?.stringValue).utf8
        let digits = hex.map { $0 >= 0x61 ? $0 - 0x61 + 10 : $0 - 0x30 }
        let bytes = stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
        try Self.withFolder { folder in
            let path = Paths.join(folder, "a"), copy = Paths.join(folder, "b")
            try AtomicFile.write(bytes, to: path)
            let (tensors, metadata) = try Safetensors.read(path)
            #expect(metadata == ["step": "7"])
            try Safetensors.write(tensors.map { ($0.key, $0.value) }, metadata: metadata, to: copy)
            #expect(try FileReader.bytes(of: copy).count == bytes.count)
            for tensors in [tensors, try Safetensors.read(copy).tensors] {
                #expect(tensors.count == 5)
                #expect(try tensors["zeta"]?.elements(as: Float.self) == [1, 2, 3, 4])
                #expect(tensors["zeta"]?.shape == [2, 2])
                #expect(try tensors["ids"]?.elements(as: Int64.self) == [5, -6])
                #expect(try tensors["alpha"]?.item() == 0.5)
                #expect(try tensors["flags"]?.to(.uint8).elements(as: UInt8.self) == [1, 0, 1])
                #expect(tensors["brain"]?.elementType == .bfloat16)
                #expect(try tensors["brain"]?.to(.float32).elements(as: Float.self) == [1, -2])
            }
        }
    }

    @Test(
        "headers that lie are refused",
        arguments: [
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#,
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0]}}"#,
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            #"{"a":{"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]}}"#,
            #"{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,8]}}"#,
            #"{"a":{"dtype":"F32","shape":[2]}}"#,
            #"{"a":7}"#, "[]", " {}", "{", "",
            #"{"__metadata__":{"a":1}}"#,
        ])
    func lies(header: String) throws {
        #expect(throws: TensorError.self) {
            try Safetensors.parse(header: Array(header.utf8), dataSize: 8, path: "x")
        }
    }

    @Test("mutated and truncated files give tensors or a typed error, never a crash")
    func fuzz() throws {
        try Self.withFolder { folder in
            let path = Paths.join(folder, "a.safetensors"), damaged = Paths.join(folder, "damaged")
            try Safetensors.write(try Self.sample(), metadata: ["step": "7"], to: path)
            let original = try FileReader.bytes(of: path)
            var generator = SplitMix(state: 20)
            var refused = 0
            for round in 0..<600 {
                var bytes = original
                switch round % 3 {
                case 0: bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
                case 1:
                    for _ in 0..<Int.random(in: 1...4, using: &generator) {
                        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(
                            in: 0...255, using: &generator)
                    }
                default:
                    // Digits decide about lengths and offsets.
                    let digits = bytes.indices.filter { (0x30...0x39).contains(bytes[$0]) }
                    for _ in 0..<3 {
                        let place = digits[Int.random(in: 0..<digits.count, using: &generator)]
                        bytes[place] = UInt8.random(in: 0x30...0x39, using: &generator)
                    }
                }
                try AtomicFile.write(bytes, to: damaged)
                do throws(TensorError) { _ = try Safetensors.read(damaged) } catch { refused += 1 }
            }
            print("safetensors: \(refused) of 600 damaged files were refused, the others still hold together")
            #expect(refused >= 200)
        }
    }

    @Test("a missing file and a folder are file errors")
    func files() throws {
        #expect(throws: TensorError.self) { try Safetensors.read("/nowhere/at/all") }
        #expect(throws: TensorError.self) { try Safetensors.read("/tmp") }
    }
}

/// A small seeded generator for the tests.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

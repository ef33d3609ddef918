import ApusCore
import Testing

@Suite("Binary coding") struct BinaryCodingTests {
    enum Shape: Codable, Equatable {
        case point
        case circle(radius: Double)
        indirect case group([Shape], name: String?)
    }

    struct Everything: Codable, Equatable {
        var flag = true
        var small: Int8 = -5
        var wide: UInt64 = .max
        var huge: Int128 = .min
        var float: Float = -0.0
        var double = Double.pi
        var text = "größer 日本 \u{0}"
        var none: Int?
        var some: String? = ""
        var bytes: [UInt8] = [0, 255, 7]
        var ints: [Int] = [.min, -1, 0, 191, 192, .max]
        var floats: [Float] = [1.5, .infinity]
        var words: [String] = ["a", "", "a"]
        var nested: [[Int?]] = [[1, nil], []]
        var table: [String: [UInt16]] = ["x": [1, 65535], "y": []]
        var byNumber: [Int: Bool] = [-3: true]
        var shape = Shape.group([.point, .circle(radius: 2), .group([], name: nil)], name: "g")
        var set: Set<Int> = [3]
        var time = Duration.milliseconds(1500)
    }

    private func roundTrip<Value: Codable>(_ value: Value) throws -> Value {
        try BinaryDecoder().decode(Value.self, from: BinaryEncoder().encode(value))
    }

    @Test("values of every kind survive")
    func everything() throws {
        #expect(try roundTrip(Everything()) == Everything())
        #expect(try roundTrip(Everything()).float.sign == .minus)
        #expect(try roundTrip(Double.nan).isNaN)
        #expect(try roundTrip([Int].init()) == [])
        for number in [0, 1, 63, 64, 127, 128, 191, 192, 16383, 16384, Int.max, -1, -64, -65, Int.min] {
            #expect(try roundTrip(number) == number)
            #expect(try roundTrip([Optional(number)]) == [number])
        }
    }

    /// Asks for its keys in another order than it wrote them, through nested containers, and for ones that are absent.
    struct Unordered: Codable, Equatable {
        var a = 1
        var b = [2, 3]
        var c = "c"
        enum Keys: String, CodingKey { case a, b, c, d, outer }
        init() {}
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            var inner = container.nestedContainer(keyedBy: Keys.self, forKey: .outer)
            try container.encode(c, forKey: .c)
            try inner.encode(a, forKey: .a)
            var list = inner.nestedUnkeyedContainer(forKey: .b)
            for number in b { try list.encode(number) }
        }
        init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: Keys.self)
            c = try container.decode(String.self, forKey: .c)
            let inner = try container.nestedContainer(keyedBy: Keys.self, forKey: .outer)
            var list = try inner.nestedUnkeyedContainer(forKey: .b)
            b = []
            while !list.isAtEnd { b.append(try list.decode(Int.self)) }
            a = try inner.decode(Int.self, forKey: .a)
            guard !container.contains(.d), try container.decodeIfPresent(Int.self, forKey: .d) == nil,
                Set(container.allKeys) == [.c, .outer]
            else { throw CodingError.endOfList(path: "keys") }
        }
    }

    @Test("keys may be read in any order, and nested containers filled in any")
    func unordered() throws {
        #expect(try roundTrip([Unordered(), Unordered()]) == [Unordered(), Unordered()])
    }

    @Test("arrays of numbers take little more than their memory")
    func compact() throws {
        #expect(try BinaryEncoder().encode([UInt8](repeating: 1, count: 1000)).count <= 1006)
        #expect(try BinaryEncoder().encode([Float](repeating: 1, count: 1000)).count <= 4006)
        #expect(try BinaryEncoder().encode(Everything()).count < 600)
    }

    @Test("wrong types, absent keys and numbers out of range are named")
    func mismatches() throws {
        struct A: Codable { var x = 300 }
        struct B: Codable { var x: UInt8 }
        struct C: Codable { var y: Int }
        struct D: Codable { var x: String }
        let bytes = try BinaryEncoder().encode(A())
        #expect(throws: CodingError.numberOutOfRange(path: "x", type: "UInt8")) {
            try BinaryDecoder().decode(B.self, from: bytes)
        }
        #expect(throws: CodingError.keyNotFound(path: "value", key: "y")) {
            try BinaryDecoder().decode(C.self, from: bytes)
        }
        #expect(throws: CodingError.typeMismatch(path: "x", expected: "a string", found: "an integer")) {
            try BinaryDecoder().decode(D.self, from: bytes)
        }
        #expect(throws: CodingError.trailingBytes(offset: bytes.count, count: 1)) {
            try BinaryDecoder().decode(A.self, from: bytes + [0])
        }
        #expect(throws: CodingError.self) {
            try BinaryDecoder().decode([Int].self, from: BinaryEncoder().encode([1.5]))
        }
    }

    @Test("a length beyond the bytes allocates nothing")
    func lengths() {
        let longest: [UInt8] = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01]
        for head: [UInt8] in [[], [0, 0x07], [0, 0x08, 0], [0, 0x08, 9]] {
            #expect(throws: CodingError.self) { try BinaryDecoder().decode([Int].self, from: head + longest) }
            #expect(throws: CodingError.self) { try BinaryDecoder().decode(String.self, from: head + longest) }
        }
    }

    @Test("every cut of a message is an error")
    func truncated() throws {
        let bytes = try BinaryEncoder().encode(Everything())
        for count in 0..<bytes.count {
            #expect(throws: CodingError.self) {
                try BinaryDecoder().decode(Everything.self, from: Array(bytes[..<count]))
            }
        }
    }

    @Test("nesting is limited, whichever side builds it")
    func depth() throws {
        var shape = Shape.point
        for _ in 0..<500 { shape = .group([shape], name: nil) }
        #expect(throws: CodingError.tooDeep(limit: 200)) { try BinaryEncoder().encode(shape) }
    }

    @Test("damaged bytes are an error or a value, never a crash")
    func fuzz() throws {
        var state: UInt64 = 42
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        let good = try BinaryEncoder().encode([Everything(), Everything()])
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = good
            for _ in 0...random(4) {
                switch random(4) {
                case 0: bytes[random(bytes.count)] = UInt8(random(256))
                case 1: bytes.insert(UInt8(random(256)), at: random(bytes.count))
                case 2: bytes.remove(at: random(bytes.count - 1))
                default: bytes[random(bytes.count)] = 0xFF
                }
            }
            do throws(CodingError) {
                _ = try BinaryDecoder().decode([Everything].self, from: bytes)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 5_000)
    }
}

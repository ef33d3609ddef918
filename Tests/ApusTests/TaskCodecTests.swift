import Apus
import ApusCore
import Testing

struct CodecTask: RemoteTask {
    @Input var numbers: [Int]
    var label: String
    var part: ObjectRef<Int>?
    func run() async throws -> String { label + "\(numbers.reduce(0, &+))" }
}

/// Found by its name as any type is, but no task.
struct NotATask: Codable {
    var numbers: [Int] = []
}

@Suite("Tasks as bytes") struct TaskCodecTests {
    private func payload() throws -> Payload {
        try TaskCodec.encode(CodecTask(numbers: .value([1, 2, 3]), label: "sum ", part: ObjectRef(stored: 4)))
    }

    @Test("a task runs from its bytes, its references beside them")
    func roundTrip() async throws {
        let payload = try payload()
        #expect(payload.references.count == 1)
        #expect(try await TaskCodec.run(payload).decode(String.self) == "sum 6")
    }

    @Test("names of types that are no tasks, and names that are none, are refused")
    func hostileNames() throws {
        struct Envelope: Codable { var type: String; var body: [Int] = [] }
        for name in [
            try TypeNames.name(of: NotATask.self), "", "Si", "$sSi", "9ApusTests", "\u{1}\u{2}\u{3}\u{4}\u{5}", "ü",
            String(repeating: "1a", count: 5000), "SaySaySaySiGGG", "y",
        ] {
            #expect(throws: CodingError.self) { try TaskCodec.decode(Payload(encoding: Envelope(type: name))) }
        }
    }

    @Test("damaged bytes are an error, not a crash")
    func fuzz() throws {
        var random = SeededGenerator(seed: 1)
        let payload = try payload()
        var refused = 0
        for _ in 0..<20_000 {
            var bytes = payload.bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                switch Int.random(in: 0..<3, using: &random) {
                case 0 where !bytes.isEmpty: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random))
                case 1 where !bytes.isEmpty:
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
                default:
                    bytes.insert(.random(in: 0...255, using: &random), at: .random(in: 0...bytes.count, using: &random))
                }
            }
            do throws(CodingError) {
                _ = try TaskCodec.decode(Payload(bytes: bytes, references: payload.references))
            } catch {
                refused += 1
            }
        }
        #expect(refused > 10_000)
    }
}

import Synchronization
import Testing
import Threads

@Suite("Threads of one's own", .timeLimit(.minutes(5))) struct OwnThreadTests {
    struct Failure: Error {}

    @Test("a body's value and error come back")
    func outcome() async throws {
        #expect(try await OwnThread.run { 7 } == 7)
        await #expect(throws: Failure.self) { try await OwnThread.run { () throws -> Int in throw Failure() } }
    }

    @Test("joined threads have ended")
    func joining() throws {
        let sum = Atomic(0)
        let threads = try (1...8).map { number in
            try OwnThread { sum.wrappingAdd(number, ordering: .relaxed) }
        }
        for thread in threads { thread.join() }
        #expect(sum.load(ordering: .relaxed) == 36)
    }
}

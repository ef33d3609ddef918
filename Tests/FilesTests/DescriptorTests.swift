import Files
import Foundation
import Glibc
import Synchronization
import Testing

/// What is refused after it was opened is closed once: a second time would close what another thread has opened meanwhile.
@Suite("Descriptors", .timeLimit(.minutes(5))) struct DescriptorTests {
    /// Runs `body` again and again beside threads that open and close a file of their own.
    ///
    /// - Returns: how often a descriptor of theirs was closed by somebody else.
    private func foreignCloses(beside body: () throws -> Void) rethrows -> Int {
        let isOver = Atomic(false)
        let stolen = Atomic(0)
        let threads = (0..<2).map { _ in
            let thread = Thread {
                while !isOver.load(ordering: .relaxed) {
                    let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
                    if close(descriptor) != 0 { stolen.add(1, ordering: .relaxed) }
                }
            }
            thread.start()
            return thread
        }
        defer {
            isOver.store(true, ordering: .relaxed)
            while threads.contains(where: { !$0.isFinished }) { usleep(100) }
        }
        let end = ContinuousClock.now + .seconds(1)
        while ContinuousClock.now < end { try body() }
        return stolen.load(ordering: .relaxed)
    }

    @Test("a folder that is read as a file")
    func folder() {
        let stolen = foreignCloses { #expect(throws: FileError.self) { try FileReader("/tmp") } }
        #expect(stolen == 0)
    }

    @Test("a lock that another run has")
    func lock() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/apus-lock-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let held = try FolderLock(folder)
        #expect(held != nil)
        try withExtendedLifetime(held) {
            let stolen = try foreignCloses {
                let second = try FolderLock(folder)
                #expect(second == nil)
            }
            #expect(stolen == 0)
            // The attempts have not taken it from the one that has it.
            let third = try FolderLock(folder)
            #expect(third == nil)
        }
    }
}

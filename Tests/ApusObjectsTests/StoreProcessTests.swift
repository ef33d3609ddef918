import ApusObjects
import CApusSystem
import Glibc
import Testing

/// Other processes at a node's memory: Python ones, since they need nothing of ours but the descriptor.
@Suite("Store and processes") struct StoreProcessTests {
    private static let candidates: [String] = ["/usr/bin/python3", "/usr/local/bin/python3"]
    private static let python: String? = candidates.first { access($0, X_OK) == 0 }

    /// Runs a program that gets the segment as descriptor 3, and gives what it printed and how it ended.
    private func run(_ program: String, _ segment: SharedSegment) throws -> (output: String, status: Int32) {
        let python = try #require(Self.python)
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        let nothing = open("/dev/null", O_RDWR)
        defer { close(nothing) }
        let words: [String] = [python, "-c", program]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { word in strdup(word) }
        arguments.append(nil)
        var environment: [UnsafeMutablePointer<CChar>?] = [nil]
        defer { for argument in arguments { free(argument) } }
        let process = apus_process_start(
            python, &arguments, &environment, nil, nothing, ends[1], nothing, [segment.descriptor], 1, false)
        close(ends[1])
        try #require(process > 0)
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(ends[0], &buffer, buffer.count)
            if count <= 0 { break }
            output += buffer[..<count]
        }
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return (String(decoding: output, as: UTF8.self), status)
    }

    @Test("another process reads in place what was put", .enabled(if: python != nil, "python3 is not installed"))
    func reading() throws {
        let segment = try SharedSegment(capacity: 12 << 20)
        let bytes = (0..<9_000_000).map { UInt8(truncatingIfNeeded: ($0 &* $0) >> 3) }
        try bytes.withUnsafeBytes { try segment.write($0, to: Extent(offset: 4096, count: bytes.count)) }
        let (output, _) = try run(
            """
            import mmap, zlib
            memory = mmap.mmap(3, \(segment.capacity), prot=mmap.PROT_READ)
            print(zlib.crc32(memory[4096:4096 + \(bytes.count)]),
                  zlib.crc32(bytes((i * i >> 3) & 255 for i in range(\(bytes.count)))))
            """, segment)
        let sums = output.split(whereSeparator: { $0 == " " || $0 == "\n" })
        #expect(sums.count == 2 && sums.first == sums.last, "\(output)")
    }

    @Test(
        "a process that is killed while it writes takes nothing with it and leaves no name",
        .enabled(if: python != nil, "python3 is not installed"))
    func killed() throws {
        let segment = try SharedSegment(capacity: 1 << 20)
        let kept = [UInt8](repeating: 5, count: 4096)
        try kept.withUnsafeBytes { try segment.write($0, to: Extent(offset: 0, count: 4096)) }
        let (_, status) = try run(
            """
            import mmap, os, signal
            memory = mmap.mmap(3, \(segment.capacity))
            memory[8192:12288] = bytes([9]) * 4096
            try:
                os.ftruncate(3, 0)
            except OSError:
                memory[8192] = 7
            os.kill(os.getpid(), signal.SIGKILL)
            """, segment)
        var signal: Int32 = 0
        #expect(apus_status_signalled(status, &signal) && signal == SIGKILL)
        let found = try segment.bytes(Extent(offset: 0, count: segment.capacity))
        #expect(found[..<4096].allSatisfy { $0 == 5 })
        // What it wrote is there; that it could not cut the memory off, too.
        #expect(found[8192] == 7 && found[8193..<12_288].allSatisfy { $0 == 9 })
        // No folder knows the memory.
        var status2 = stat()
        #expect(fstat(segment.descriptor, &status2) == 0 && status2.st_nlink == 0)
    }
}

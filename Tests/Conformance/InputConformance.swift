import Apus
import ApusCore
import Distributed
import Foundation
import Testing

/// What cannot be passed on, and what the system has too little of.
@Suite("Bad input", .timeLimit(.minutes(5))) struct InputConformance {
    @Test("arguments that do not decode fail the task with their path", arguments: TestedBackend.withProcesses)
    func arguments(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let error = try #require(await taskError { _ = try await cluster.result(Picky(number: Picky.Odd(2))) })
            guard case .coding(let coding) = error.cause else {
                Issue.record("\(error)")
                return
            }
            #expect("\(coding)".contains("odd"))
            #expect(try await cluster.result(Picky(number: Picky.Odd(3))) == 3)
            try await eventually { cluster.availableResources == cluster.resources }
        }
    }

    @Test("results and arguments that do not encode are errors of the task", arguments: TestedBackend.withProcesses)
    func encoding(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            let error = try #require(await taskError { _ = try await cluster.result(Unspeakable()) })
            #expect("\(error)".contains("never encoded"))
            let argument = try #require(
                await taskError { _ = try await cluster.result(Swallow(value: Unspeakable.Value())) })
            #expect("\(argument)".contains("never encoded"))
            #expect(try await cluster.result(Constant(value: 1)) == 1)
        }
    }

    @Test("large arguments and results pass whole", arguments: TestedBackend.allCases)
    func large(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            var bytes = [UInt8](repeating: 3, count: 8 << 20)
            for place in stride(from: 0, to: bytes.count, by: 4099) { bytes[place] = UInt8(truncatingIfNeeded: place) }
            #expect(try await cluster.result(Extend(bytes: bytes, by: 9)) == bytes + [9])
        }
    }

    @Test("a type that has no name elsewhere is an error that says so", arguments: TestedBackend.withProcesses)
    func unnamable(backend: TestedBackend) async throws {
        struct Hidden: RemoteTask {
            func run() async throws -> Int { 1 }
        }
        try await backend.run { cluster async throws in
            let error = try #require(await taskError { _ = try await cluster.result(Hidden()) })
            guard case .coding = error.cause else {
                Issue.record("\(error)")
                return
            }
            #expect("\(error)".contains("Hidden"))
        }
    }

    @Test("what may still come is waited for, and a warning says what for")
    func stalled() async throws {
        let program = try DriverProgram("stalled")
        let line = try #require(try await program.line())
        #expect(line.contains("no task has ended, and 1 wait"), "\(line)")
        let reason = try #require(try await program.line())
        #expect(reason.contains("`AddUp`") && reason.contains("In use by `actor Seen`"), "\(reason)")
        program.tell("go on")
        while let next = try await program.line(), next != "sum: 1" {
            #expect(next.hasPrefix("  ") || next.hasPrefix("apus:"))
        }
        #expect(try await program.wait() == 0)
    }

    @Test("too few descriptors to start are an error that says so")
    func descriptors() async throws {
        let program = try DriverProgram("descriptors")
        let line = try #require(try await program.line())
        #expect(line.hasPrefix("error: "))
        #expect(line.contains("open files"))
        #expect(try await program.wait() == 1)
        #expect(program.processes() == [])
    }

    @Test(
        "a task whose type the program's file lacks since it was built anew fails with what to do",
        .enabled(if: FileManager.default.fileExists(atPath: DriverProgram.built("apus").path), "apus was not built"))
    func otherProgram() async throws {
        let program = try DriverProgram("replaced", isCopied: true)
        #expect(try await program.line() == "ready")
        let file = program.folder.appending(path: "program")
        try FileManager.default.removeItem(at: file)
        try DriverProgram.copy(DriverProgram.built("apus"), to: file)
        program.tell("go on")
        let line = try #require(try await program.line())
        #expect(line.contains("Linger"), "\(line)")
        #expect(line.contains("built anew"), "\(line)")
        #expect(try await program.wait() == 0)
    }

    @Test("workers of a program whose file is gone, or is none of Apus, cannot start, and the error says so")
    func noProgram() async throws {
        for replacement in [nil, "/bin/true"] {
            let program = try DriverProgram("replaced", isCopied: true)
            #expect(try await program.line() == "ready")
            let file = program.folder.appending(path: "program")
            try FileManager.default.removeItem(at: file)
            if let replacement { try DriverProgram.copy(URL(filePath: replacement), to: file) }
            program.tell("go on")
            let line = try #require(try await program.line())
            #expect(line.contains("no worker could be started"), "\(line)")
            #expect(line.contains(replacement == nil ? file.path : "it exited with code 0"), "\(line)")
            #expect(try await program.wait() == 0)
            #expect(program.processes() == [])
        }
    }

    @Test(
        "a small /dev/shm does not matter: objects need none of it",
        .enabled(if: DriverProgram.namespace != nil, "mount namespaces are not allowed here"))
    func smallSharedMemory() async throws {
        let program = try DriverProgram("largeValues", mounts: "mount -t tmpfs -o size=64k none /dev/shm")
        #expect(try await program.line() == "sum: 80")
        #expect(try await program.wait() == 0)
    }

    @Test(
        "a disk without room for what the store spills is an error that says so, and what is kept stays",
        .enabled(if: DriverProgram.namespace != nil, "mount namespaces are not allowed here"))
    func smallDisk() async throws {
        let program = try DriverProgram("smallDisk", mounts: "mount -t tmpfs -o size=4m none \"$TMPDIR\"")
        let line = try #require(try await program.line())
        #expect(line.hasPrefix("error: "), "\(line)")
        #expect(line.contains("the disk of \(program.folder.path) is full"), "\(line)")
        #expect(try await program.line() == "last: 2097152")
        #expect(try await program.line() == "again: 2")
        #expect(try await program.wait() == 0)
    }

    @Test(
        "what was spilled is read although neither the store nor the disk has room",
        .enabled(if: DriverProgram.namespace != nil, "mount namespaces are not allowed here"))
    func fullDisk() async throws {
        let program = try DriverProgram("fullDisk", mounts: "mount -t tmpfs -o size=5m none \"$TMPDIR\"")
        #expect(try await program.line() == "states: true")
        #expect(try await program.line() == "values: [2000000, 4000000, 6000000]")
        #expect(try await program.line() == "sum: 2000000")
        #expect(try await program.wait() == 0)
    }

    @Test(
        "a creation that is too long to be sent is refused, and the cluster goes on",
        arguments: TestedBackend.withProcesses)
    func longMessage(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            await #expect {
                _ = try await cluster.create(NewHeavy(bytes: [UInt8](repeating: 1, count: 300 << 20)))
            } throws: { error in
                guard case .tooLarge(let subject, _, _)? = error as? ClusterError else { return false }
                return subject.contains("Heavy") && "\(error)".contains("put")
            }
            // What fits goes through.
            let heavy = try await cluster.create(NewHeavy(bytes: [UInt8](repeating: 1, count: 20 << 20)))
            #expect(try await heavy.size() == 20 << 20)
        }
    }

    @Test(
        "an environment that the system does not take is an error that says so", arguments: TestedBackend.withProcesses)
    func longEnvironment(backend: TestedBackend) async throws {
        try await backend.run { cluster async throws in
            func refused(_ variables: [String: String], naming variable: String?) -> Bool {
                do {
                    _ = try cluster.submit(Constant(value: 1), .init(environment: variables))
                    return false
                } catch let error as ClusterError {
                    guard case .environmentTooLarge("Constant", variable, let bytes, let limit) = error else {
                        return false
                    }
                    let message = "\(error)"
                    return bytes > limit && message.contains("\(limit)") && message.contains("@Input")
                        && message.utf8.count < 600
                } catch {
                    return false
                }
            }
            // The longest that Linux takes, by its manual (execve), and one byte more.
            let longest = 32 * Int(getpagesize()) - "LONG=".utf8.count - 1
            let text = String(repeating: "x", count: longest)
            #expect(
                try await cluster.result(LengthOfVariable(name: "LONG"), .init(environment: ["LONG": text])) == longest)
            #expect(refused(["LONG": text + "x"], naming: "LONG"))
            let huge = String(decoding: [UInt8](repeating: 120, count: 300 << 20), as: UTF8.self)
            #expect(refused(["HUGE": huge], naming: "HUGE"))
            let many = Dictionary(
                uniqueKeysWithValues: (0..<100).map { ("MANY\($0)", String(repeating: "x", count: 100_000)) })
            #expect(refused(many, naming: nil))
            for variables in [["": "x"], ["A=B": "x"], ["A": "x\0y"], ["A\0": "x"]] {
                #expect {
                    try cluster.submit(Constant(value: 1), .init(environment: variables))
                } throws: { error in
                    if case .invalidEnvironment? = error as? ClusterError { true } else { false }
                }
            }
            #expect(try await cluster.result(Constant(value: 1)) == 1)
        }
    }

    @Test("too few descriptors for further workers fail their tasks, and nothing hangs")
    func fewWorkers() async throws {
        let program = try DriverProgram("fewWorkers")
        let line = try #require(try await program.line())
        #expect(line.contains("no worker could be started") || line.contains("no more connections"))
        #expect(try await program.wait() == 0)
        #expect(program.processes() == [])
    }
}

struct LengthOfVariable: RemoteTask {
    let name: String
    func run() async throws -> Int { ProcessInfo.processInfo.environment[name]?.utf8.count ?? 0 }
}

/// Takes odd numbers only, and looks when it is decoded. It has a text, since values that are plain memory travel as such.
struct Picky: RemoteTask {
    struct Odd: Codable, Sendable {
        var text: String
        var value: Int { Int(text) ?? 0 }
        init(_ value: Int) { text = "\(value)" }
        init(from decoder: any Decoder) throws {
            text = try decoder.singleValueContainer().decode(String.self)
            guard value % 2 == 1 else {
                throw DecodingError.dataCorrupted(
                    DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "\(value) is not odd"))
            }
        }
        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
    }

    var number: Odd
    func run() async throws -> Int { number.value }
}

distributed actor Heavy {
    typealias ActorSystem = ApusActorSystem
    private let bytes: [UInt8]
    init(bytes: [UInt8], actorSystem: ApusActorSystem) {
        self.bytes = bytes
        self.actorSystem = actorSystem
    }
    distributed func size() -> Int { bytes.count }
}

struct NewHeavy: ActorBlueprint {
    var bytes: [UInt8]
    func make(in system: ApusActorSystem) async throws -> Heavy { Heavy(bytes: bytes, actorSystem: system) }
}

struct Unspeakable: RemoteTask {
    struct Value: Codable, Sendable {
        var text = ""
        init() {}
        init(from decoder: any Decoder) throws {}
        func encode(to encoder: any Encoder) throws {
            throw EncodingError.invalidValue(
                self, EncodingError.Context(codingPath: encoder.codingPath, debugDescription: "never encoded"))
        }
    }

    func run() async throws -> Value { Value() }
}

struct Swallow: RemoteTask {
    var value: Unspeakable.Value
    func run() async throws -> Int { 1 }
}

struct Extend: RemoteTask {
    var bytes: [UInt8]
    var by: UInt8
    func run() async throws -> [UInt8] { bytes + [by] }
}

import Apus
import ApusCore
import Foundation
import Testing

/// What cannot be passed on, and what the system has too little of.
@Suite("Bad input", .timeLimit(.minutes(2))) struct InputConformance {
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

    @Test("too few descriptors to start are an error that says so")
    func descriptors() async throws {
        let program = try DriverProgram("descriptors")
        let line = try #require(try await program.line())
        #expect(line.hasPrefix("error: "))
        #expect(line.contains("open files"))
        #expect(try await program.wait() == 1)
        #expect(program.processes() == [])
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

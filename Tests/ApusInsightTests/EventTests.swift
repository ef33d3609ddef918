import ApusInsight
import ApusTransport
import CApusSystem
import Foundation
import Testing

@Suite("Events") struct EventTests {
    private func memory(capacity: Int) throws -> (EventRecorder, EventReader) {
        let descriptor = try EventRecorder.prepare(capacity: capacity)
        defer { close(descriptor) }
        let mapping = try SharedMapping(descriptor: descriptor, length: EventMemory.length(capacity: capacity))
        return (try EventRecorder(mapping: mapping), try EventReader(descriptor: descriptor, capacity: capacity))
    }

    @Test("what is recorded is read, oldest first")
    func roundTrip() throws {
        let (recorder, reader) = try memory(capacity: 64)
        let name = recorder.name("Count")
        for n in 1...10 {
            recorder.record(
                .sent, name: name, task: UInt32(n), other: 7, flight: EventRecord.flight(slot: n, generation: 3))
        }
        let events = reader.events()
        #expect(events.map(\.task) == Array(1...10))
        #expect(events.allSatisfy { $0.kind == .sent && $0.other == 7 && $0.name == name })
        #expect(events[4].flight == 5 << 32 | 3)
        #expect(zip(events, events.dropFirst()).allSatisfy { $0.ticks <= $1.ticks })
        #expect(reader.names()[Int(name)] == "Count")
    }

    @Test("a full ring keeps the newest events, and counts stay exact")
    func overflow() throws {
        let (recorder, reader) = try memory(capacity: 64)
        let name = recorder.name("Many")
        for n in 1...1000 { recorder.record(.submitted, name: name, task: UInt32(n)) }
        #expect(reader.events().map(\.task) == Array(937...1000))
        #expect(reader.events(limit: 3).map(\.task) == [998, 999, 1000])
        #expect(reader.total == 1000)
        #expect(reader.counts()[Int(name)][.submitted] == 1000)
    }

    @Test("events that are switched off are counted still")
    func off() throws {
        let (recorder, reader) = try memory(capacity: 0)
        let name = recorder.name("Quiet")
        for _ in 0..<50 { recorder.record(.started, name: name) }
        #expect(reader.events().isEmpty)
        #expect(reader.counts()[Int(name)][.started] == 50)
    }

    @Test("threads record at once without losing a count, while another reads whole events only")
    func threads() throws {
        let (recorder, reader) = try memory(capacity: 256)
        let name = recorder.name("Shared")
        let count = 20_000
        DispatchQueue.concurrentPerform(iterations: 5) { thread in
            if thread == 4 {
                for _ in 0..<200 {
                    // Each writer gives all fields the same number: a mixed event would show.
                    for event in reader.events() {
                        #expect(UInt64(event.task) == event.flight && event.task == event.other)
                    }
                }
                return
            }
            for n in 0..<count {
                let value = thread * count + n + 1
                recorder.record(.sent, name: name, task: UInt32(value), other: UInt64(value), flight: UInt64(value))
            }
        }
        #expect(reader.counts()[Int(name)][.sent] == UInt64(4 * count))
        #expect(Set(reader.events().map(\.task)).count == 256)
    }

    @Test("more names than the table holds are counted together, long ones are cut")
    func names() throws {
        let (recorder, reader) = try memory(capacity: 0)
        for n in 0..<(EventMemory.nameLimit + 100) { recorder.record(.submitted, name: recorder.name("name \(n)")) }
        let counts = reader.counts()
        #expect(counts.count == EventMemory.nameLimit)
        #expect(counts.reduce(0) { $0 + $1[.submitted] } == UInt64(EventMemory.nameLimit + 100))
        #expect(counts[0][.submitted] == 101)
        let (other, otherReader) = try memory(capacity: 0)
        let number = other.name(String(repeating: "ä", count: 500))
        #expect(otherReader.names()[Int(number)].utf8.count <= EventMemory.nameBytes)
    }

    @Test("a type's name is made once")
    func cache() throws {
        let (recorder, _) = try memory(capacity: 0)
        var made = 0
        let key = UInt(bitPattern: ObjectIdentifier(EventTests.self).hashValue) & 0xFFFF_FFFF_FFF0
        let first = recorder.name(of: key) {
            made += 1; return "Type"
        }
        let second = recorder.name(of: key) {
            made += 1; return "Type"
        }
        #expect(first == second && made == 1)
    }

    @Test("memory that another process filled with anything is read without harm")
    func hostile() throws {
        var numbers = SeededNumbers()
        for _ in 0..<20 {
            let descriptor = try EventRecorder.prepare(capacity: 64)
            defer { close(descriptor) }
            let length = EventMemory.length(capacity: 64)
            let mapping = try SharedMapping(descriptor: descriptor, length: length)
            for offset in stride(from: 0, to: length - 8, by: 8) where numbers.next() % 3 > 0 {
                mapping.base.storeBytes(of: numbers.next(), toByteOffset: offset, as: UInt64.self)
            }
            let reader = try EventReader(descriptor: descriptor, capacity: 64)
            #expect(reader.events().count <= 64, numbers.replay)
            #expect(reader.counts().count <= EventMemory.nameLimit, numbers.replay)
            _ = reader.current
            #expect(throws: TransportError.self) { try EventReader(descriptor: descriptor, capacity: 1 << 20) }
        }
    }

    @Test("events travel packed")
    func packed() throws {
        let events = (1...100).map {
            EventRecord(
                kind: EventKind.allCases[$0 % EventKind.allCases.count], ticks: UInt64($0) << 40, task: UInt32($0),
                other: UInt32($0 * 3), name: UInt16($0), flight: UInt64($0) << 33)
        }
        let process = ProcessEvents(process: 2, pid: 9, role: .worker, names: [], lost: 4, events: events)
        #expect(process.events == events)
        #expect(process.count == 100)
    }
}

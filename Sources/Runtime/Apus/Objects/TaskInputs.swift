@_spi(Reflection) import Swift
import Synchronization

/// Something stored in a task that must exist before the task runs.
protocol TaskInput: SendableMetatype {
    func collect(into cells: inout [ObjectCell])
}

extension ObjectRef: TaskInput {
    func collect(into cells: inout [ObjectCell]) { cells.append(cell) }
}

extension Inputs: TaskInput {
    func collect(into cells: inout [ObjectCell]) {
        for reference in projectedValue { cells.append(reference.cell) }
    }
}

/// Finds the inputs among a task's stored properties.
///
/// The places are worked out once per type from the type's field records, so that a submission reads its inputs where
/// they lie: `Mirror` costs about a microsecond per property each time.
enum TaskInputs {
    private struct Place: Sendable {
        let offset: Int
        let type: any TaskInput.Type
    }

    private static let places = Mutex<[ObjectIdentifier: [Place]]>([:])

    /// The objects that a task depends on, in the order of its properties.
    static func of<Job>(_ task: Job) -> [ObjectCell] {
        guard MemoryLayout<Job>.size > 0 else { return [] }
        let places = places(in: Job.self)
        guard !places.isEmpty else { return [] }
        var cells: [ObjectCell] = []
        withUnsafeBytes(of: task) { bytes in
            guard let base = bytes.baseAddress else { return }
            for place in places { collect(place.type, at: base + place.offset, into: &cells) }
        }
        return cells
    }

    private static func places(in type: Any.Type) -> [Place] {
        let key = ObjectIdentifier(type)
        if let known = places.withLock({ $0[key] }) { return known }
        var found: [Place] = []
        // Fields of structures only: what an enumeration's case or a class holds is passed as a reference.
        _ = _forEachField(of: type, options: []) { _, offset, field, _ in
            if let input = field as? any TaskInput.Type { found.append(Place(offset: offset, type: input)) }
            return true
        }
        let result = found
        places.withLock { $0[key] = result }
        return result
    }

    private static func collect<Field: TaskInput>(
        _ type: Field.Type, at address: UnsafeRawPointer, into cells: inout [ObjectCell]
    ) {
        // The address is that of a stored property of exactly this type, as the field record says.
        address.assumingMemoryBound(to: type).pointee.collect(into: &cells)
    }
}

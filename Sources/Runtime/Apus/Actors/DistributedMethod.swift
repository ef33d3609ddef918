import ApusCore
import Distributed
import Synchronization

/// A distributed method as it is called: what its types are is worked out once.
///
/// `executeDistributedTarget` demangles the method's parameter and result types at each call, which takes about as long as
/// all the rest of a small call. Methods without generic parameters, of actors without them, are called by the runtime's
/// own entry point with the types found before; others take the usual way.
final class DistributedMethod: @unchecked Sendable {
    // Immutable but for the reference in `methods`, which has a lock; the buffers live as long as the instance, which is
    // as long as the process.
    private let name: UnsafeBufferPointer<UInt8>
    private let parameters: UnsafeBufferPointer<any Any.Type>
    private let result: any Any.Type
    /// The size and alignment of a result that travels as it lies in memory.
    private let plain: (size: Int, alignment: Int)?

    private static let methods = Mutex<[String: DistributedMethod?]>([:])

    /// The method with a mangled name; nil where its types cannot be told without those of its generic parameters.
    static func named(_ name: String) -> DistributedMethod? {
        if let known = methods.withLock({ $0[name] }) { return known }
        let found = DistributedMethod(name)
        return methods.withLock { methods in
            if let other = methods[name] { return other }
            methods[name] = .some(found)
            return found
        }
    }

    private init?(_ text: String) {
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
        _ = bytes.initialize(from: text.utf8)
        guard let start = bytes.baseAddress else {
            bytes.deallocate()
            return nil
        }
        let name = UnsafePointer(start)
        let length = UInt(bytes.count)
        let count = parameterCount(name, length)
        guard count >= 0, genericEnvironment(name, length) == nil,
            let result = resultType(name, length, nil, nil)
        else {
            bytes.deallocate()
            return nil
        }
        let types = UnsafeMutableBufferPointer<any Any.Type>.allocate(capacity: Int(count))
        guard
            count == 0
                || parameterTypes(name, length, nil, nil, UnsafeMutableRawPointer(types.baseAddress), Int(count))
                    == count
        else {
            bytes.deallocate()
            types.deallocate()
            return nil
        }
        self.name = UnsafeBufferPointer(bytes)
        parameters = UnsafeBufferPointer(types)
        self.result = result
        func layout<Result>(_ type: Result.Type) -> (size: Int, alignment: Int) {
            (MemoryLayout<Result>.size, MemoryLayout<Result>.alignment)
        }
        plain = result != Void.self && PlainTypes.contain(result) ? _openExistential(result, do: layout) : nil
    }

    /// Calls the method, as `executeDistributedTarget` does.
    ///
    /// - Returns: its result, encoded.
    /// - Throws: what the method throws; `CodingError` where the result cannot be passed on.
    func call(on body: any DistributedActor, decoder: inout ApusInvocationDecoder) async throws -> ActorCall.Reply {
        if let plain {
            // Such a value owns nothing: its memory is all there is of it.
            let buffer = UnsafeMutableRawPointer.allocate(byteCount: plain.size, alignment: plain.alignment)
            defer { buffer.deallocate() }
            try await execute(on: body, decoder: &decoder, into: buffer)
            return .plain(PlainBytes(UnsafeRawBufferPointer(start: buffer, count: plain.size)))
        }
        let system = decoder.system
        func allocate<Result>(_ type: Result.Type) -> UnsafeMutableRawPointer {
            UnsafeMutableRawPointer(UnsafeMutablePointer<Result>.allocate(capacity: 1))
        }
        let buffer = _openExistential(result, do: allocate)
        var hasResult = false
        defer {
            func end<Result>(_ type: Result.Type) {
                let typed = buffer.assumingMemoryBound(to: type)
                if hasResult { typed.deinitialize(count: 1) }
                typed.deallocate()
            }
            _openExistential(result, do: end)
        }
        try await execute(on: body, decoder: &decoder, into: buffer)
        hasResult = true
        if result == Void.self { return .void }
        func pass<Result>(_ type: Result.Type) throws(CodingError) -> ActorCall.Reply {
            try .encoded(buffer.assumingMemoryBound(to: type).pointee, in: system)
        }
        return try _openExistential(result, do: pass)
    }

    private func execute(
        on body: any DistributedActor, decoder: inout ApusInvocationDecoder, into buffer: UnsafeMutableRawPointer
    ) async throws {
        guard let start = name.baseAddress else { return }
        // Nobody else knows the memory, and its owner awaits this call.
        nonisolated(unsafe) let buffer = buffer
        try await executeTarget(
            on: body, start, UInt(name.count), argumentDecoder: &decoder,
            argumentTypes: UnsafeRawPointer(parameters.baseAddress),
            resultBuffer: buffer, substitutions: nil, witnessTables: nil, numWitnessTables: 0)
    }
}

// The runtime's own functions, which the `Distributed` library calls by these declarations.

@_silgen_name("swift_func_getParameterCount")
private func parameterCount(_ name: UnsafePointer<UInt8>, _ length: UInt) -> Int32

@_silgen_name("swift_func_getParameterTypeInfo")
private func parameterTypes(
    _ name: UnsafePointer<UInt8>, _ length: UInt, _ environment: UnsafeRawPointer?, _ arguments: UnsafeRawPointer?,
    _ types: UnsafeMutableRawPointer?, _ count: Int
) -> Int32

@_silgen_name("swift_func_getReturnTypeInfo")
private func resultType(
    _ name: UnsafePointer<UInt8>, _ length: UInt, _ environment: UnsafeRawPointer?, _ arguments: UnsafeRawPointer?
) -> (any Any.Type)?

@_silgen_name("swift_distributed_getGenericEnvironment")
private func genericEnvironment(_ name: UnsafePointer<UInt8>, _ length: UInt) -> UnsafeRawPointer?

@_silgen_name("swift_distributed_execute_target")
@concurrent
private func executeTarget<Decoder: DistributedTargetInvocationDecoder>(
    on actor: AnyObject, _ name: UnsafePointer<UInt8>, _ length: UInt, argumentDecoder: inout Decoder,
    argumentTypes: UnsafeRawPointer?, resultBuffer: UnsafeMutableRawPointer,
    substitutions: UnsafeRawPointer?, witnessTables: UnsafeRawPointer?, numWitnessTables: UInt
) async throws

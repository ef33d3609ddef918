import Coresets
import Files
import Foundation
import JSON
import Testing

/// The reference data beside the repository, or where `APUS_SHARED` says.
enum Shared {
    static let root: String = {
        if let path = ProcessInfo.processInfo.environment["APUS_SHARED"] { return path + "/data/coresets/" }
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return repository.deletingLastPathComponent().appendingPathComponent("shared/data/coresets").path + "/"
    }()
    static var isThere: Bool { FileReader.exists(root + "golden_library.jsonl") }
    static let absent: Comment = "../shared/data/coresets is absent (set APUS_SHARED)"

    static func lines(_ name: String) throws -> [JSONValue] {
        try FileReader.text(of: root + name).split(separator: "\n").map { try JSONValue(parsing: String($0)) }
    }

    static func matrix<Scalar: KernelScalar>(_ name: String) throws -> Matrix<Scalar> {
        try NumPyFile(contentsOf: root + name).matrix()
    }

    static func column<Scalar: KernelScalar>(_ name: String) throws -> [Scalar] {
        let matrix: Matrix<Scalar> = try matrix(name)
        return matrix.storage
    }
}

extension JSONValue {
    var ints: [Int] { (arrayValue ?? []).compactMap(\.intValue) }
    var doubles: [Double] { (arrayValue ?? []).compactMap(\.doubleValue) }
}

/// Generators whose failures can be replayed: `APUS_SEED=N swift test --filter CoresetsTests`.
enum Replay {
    static let seed: UInt64 = ProcessInfo.processInfo.environment["APUS_SEED"].flatMap(UInt64.init) ?? 1
    static func note(_ round: Int) -> Comment { "APUS_SEED=\(seed), round \(round)" }
}

func gaussian(_ exponent: Double) -> Double { exp(exponent) }

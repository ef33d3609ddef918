import ApusTensor
import Files

/// The type of the numbers in the products of a forward and backward pass. Parameters, residual stream, loss and
/// optimiser are float32 always.
public enum Precision: String, Sendable, CaseIterable {
    case float32
    /// Products of bfloat16 numbers, as the published scales use. Twice as fast where the processor has instructions for
    /// them, much slower elsewhere.
    case bfloat16

    /// The faster one on this machine.
    public static let fastest: Precision = {
        guard let text = try? FileReader.text(of: "/proc/cpuinfo", limit: 1 << 26) else { return .float32 }
        let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") } ?? ""
        let hasProducts = flags.split(separator: " ").contains { $0 == "avx512_bf16" || $0 == "amx_bf16" }
        return hasProducts ? .bfloat16 : .float32
    }()

    var elementType: ElementType {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }
}

import CVectorKernels

/// How measured values become similarities, as the kernels know it.
public typealias KernelTransform = avk_transform

/// A number type that the vector kernels work on: `Float` or `Double`.
///
/// The underscored requirements are the kernels, described in `CVectorKernels.h`; they are no interface for programs.
public protocol KernelScalar: BinaryFloatingPoint, SIMDScalar, Sendable, Codable {
    /// Points in a block.
    static var _lanes: Int { get }
    static func _distances(
        _ queries: UnsafePointer<Self>, stride: Int, count: Int, blocks: UnsafePointer<Self>, blockCount: Int, dim: Int,
        into: UnsafeMutablePointer<Self>, outStride: Int)
    static func _dots(
        _ queries: UnsafePointer<Self>, stride: Int, count: Int, blocks: UnsafePointer<Self>, blockCount: Int, dim: Int,
        into: UnsafeMutablePointer<Self>, outStride: Int)
    static func _expand(
        _ values: UnsafeMutablePointer<Self>, norms: UnsafePointer<Self>, norm: Self, limit: Self, count: Int
    ) -> Int
    static func _transform(_ transform: KernelTransform, _ values: UnsafeMutablePointer<Self>, count: Int)
    static func _gain(_ values: UnsafePointer<Self>, _ best: UnsafePointer<Self>, count: Int, rounding: Double)
        -> Double
    static func _raise(_ values: UnsafePointer<Self>, _ best: UnsafeMutablePointer<Self>, count: Int) -> Self
    static func _lower(_ values: UnsafePointer<Self>, _ best: UnsafeMutablePointer<Self>, count: Int)
    static func _maximum(_ values: UnsafePointer<Self>, count: Int) -> Self
    static func _minimum(_ values: UnsafePointer<Self>, count: Int) -> Self
    static func _allGains(
        _ queries: UnsafePointer<Self>, stride: Int, count: Int, blocks: UnsafePointer<Self>, blockCount: Int, dim: Int,
        transform: KernelTransform, best: UnsafePointer<Self>, rounding: Double, into: UnsafeMutablePointer<Double>)
    static func _listGain(
        _ query: UnsafePointer<Self>, blocks: UnsafePointer<Self>, list: UnsafePointer<Int32>, listed: Int, dim: Int,
        transform: KernelTransform, best: UnsafePointer<Self>, rounding: Double
    ) -> Double
    static func _listRaise(
        _ query: UnsafePointer<Self>, blocks: UnsafePointer<Self>, list: UnsafePointer<Int32>, listed: Int, dim: Int,
        transform: KernelTransform, best: UnsafeMutablePointer<Self>, blockLeast: UnsafeMutablePointer<Self>)
    static func _farthest(
        _ queries: UnsafePointer<Self>, count: Int, blocks: UnsafePointer<Self>, blockCount: Int, dim: Int,
        seen: UnsafeMutablePointer<Int32>, near: UnsafeMutablePointer<Self>, blockMost: UnsafeMutablePointer<Self>,
        list: UnsafeMutablePointer<Int32>, greatest: inout Self
    ) -> Int
    static func _within(
        _ values: UnsafePointer<Self>, own: Self, bounds: UnsafePointer<Self>, count: Int,
        list: UnsafeMutablePointer<Int32>
    ) -> Int
    static func _dot(_ left: UnsafePointer<Self>, _ right: UnsafePointer<Self>, count: Int) -> Self
    static func _distance(_ left: UnsafePointer<Self>, _ right: UnsafePointer<Self>, count: Int) -> Self
}

extension KernelScalar {
    /// Where the first element that is NaN or infinite stands.
    static func firstNotFinite(_ values: [Self]) -> Int? {
        // x − x is 0 for finite x only; a sum of zeros is found without a branch in the loop.
        var sum: Self = 0
        for value in values { sum += value - value }
        return sum == 0 ? nil : values.firstIndex { !$0.isFinite }
    }
}

extension Float: KernelScalar {
    public static var _lanes: Int { 16 }
    public static func _distances(
        _ queries: UnsafePointer<Float>, stride: Int, count: Int, blocks: UnsafePointer<Float>, blockCount: Int,
        dim: Int,
        into out: UnsafeMutablePointer<Float>, outStride: Int
    ) { avk_distances_f32(queries, stride, count, blocks, blockCount, dim, out, outStride) }
    public static func _dots(
        _ queries: UnsafePointer<Float>, stride: Int, count: Int, blocks: UnsafePointer<Float>, blockCount: Int,
        dim: Int,
        into out: UnsafeMutablePointer<Float>, outStride: Int
    ) { avk_dots_f32(queries, stride, count, blocks, blockCount, dim, out, outStride) }
    public static func _expand(
        _ values: UnsafeMutablePointer<Float>, norms: UnsafePointer<Float>, norm: Float, limit: Float, count: Int
    ) -> Int { avk_expand_f32(values, norms, norm, limit, count) }
    public static func _transform(_ transform: KernelTransform, _ values: UnsafeMutablePointer<Float>, count: Int) {
        avk_transform_f32(transform, values, count)
    }
    public static func _gain(
        _ values: UnsafePointer<Float>, _ best: UnsafePointer<Float>, count: Int, rounding: Double
    ) -> Double { avk_gain_f32(values, best, count, rounding) }
    public static func _raise(
        _ values: UnsafePointer<Float>, _ best: UnsafeMutablePointer<Float>, count: Int
    ) -> Float { avk_raise_f32(values, best, count) }
    public static func _lower(_ values: UnsafePointer<Float>, _ best: UnsafeMutablePointer<Float>, count: Int) {
        avk_lower_f32(values, best, count)
    }
    public static func _maximum(_ values: UnsafePointer<Float>, count: Int) -> Float { avk_maximum_f32(values, count) }
    public static func _minimum(_ values: UnsafePointer<Float>, count: Int) -> Float { avk_minimum_f32(values, count) }
    public static func _allGains(
        _ queries: UnsafePointer<Float>, stride: Int, count: Int, blocks: UnsafePointer<Float>, blockCount: Int,
        dim: Int,
        transform: KernelTransform, best: UnsafePointer<Float>, rounding: Double,
        into gains: UnsafeMutablePointer<Double>
    ) {
        avk_all_gains_f32(queries, stride, count, blocks, blockCount, dim, transform, best, rounding, gains)
    }
    public static func _listGain(
        _ query: UnsafePointer<Float>, blocks: UnsafePointer<Float>, list: UnsafePointer<Int32>, listed: Int, dim: Int,
        transform: KernelTransform, best: UnsafePointer<Float>, rounding: Double
    ) -> Double { avk_list_gain_f32(query, blocks, list, listed, dim, transform, best, rounding) }
    public static func _listRaise(
        _ query: UnsafePointer<Float>, blocks: UnsafePointer<Float>, list: UnsafePointer<Int32>, listed: Int, dim: Int,
        transform: KernelTransform, best: UnsafeMutablePointer<Float>, blockLeast: UnsafeMutablePointer<Float>
    ) { avk_list_raise_f32(query, blocks, list, listed, dim, transform, best, blockLeast) }
    public static func _farthest(
        _ queries: UnsafePointer<Float>, count: Int, blocks: UnsafePointer<Float>, blockCount: Int, dim: Int,
        seen: UnsafeMutablePointer<Int32>, near: UnsafeMutablePointer<Float>,
        blockMost: UnsafeMutablePointer<Float>,
        list: UnsafeMutablePointer<Int32>, greatest: inout Float
    ) -> Int {
        avk_farthest_f32(queries, count, blocks, blockCount, dim, seen, near, blockMost, list, &greatest)
    }
    public static func _within(
        _ values: UnsafePointer<Float>, own: Float, bounds: UnsafePointer<Float>, count: Int,
        list: UnsafeMutablePointer<Int32>
    ) -> Int { avk_within_f32(values, own, bounds, count, list) }
    public static func _dot(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, count: Int) -> Float {
        avk_dot_f32(left, right, count)
    }
    public static func _distance(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, count: Int) -> Float {
        avk_distance_f32(left, right, count)
    }
}

extension Double: KernelScalar {
    public static var _lanes: Int { 8 }
    public static func _distances(
        _ queries: UnsafePointer<Double>, stride: Int, count: Int, blocks: UnsafePointer<Double>, blockCount: Int,
        dim: Int,
        into out: UnsafeMutablePointer<Double>, outStride: Int
    ) { avk_distances_f64(queries, stride, count, blocks, blockCount, dim, out, outStride) }
    public static func _dots(
        _ queries: UnsafePointer<Double>, stride: Int, count: Int, blocks: UnsafePointer<Double>, blockCount: Int,
        dim: Int,
        into out: UnsafeMutablePointer<Double>, outStride: Int
    ) { avk_dots_f64(queries, stride, count, blocks, blockCount, dim, out, outStride) }
    public static func _expand(
        _ values: UnsafeMutablePointer<Double>, norms: UnsafePointer<Double>, norm: Double, limit: Double, count: Int
    ) -> Int { avk_expand_f64(values, norms, norm, limit, count) }
    public static func _transform(_ transform: KernelTransform, _ values: UnsafeMutablePointer<Double>, count: Int) {
        avk_transform_f64(transform, values, count)
    }
    public static func _gain(
        _ values: UnsafePointer<Double>, _ best: UnsafePointer<Double>, count: Int, rounding: Double
    ) -> Double { avk_gain_f64(values, best, count, rounding) }
    public static func _raise(
        _ values: UnsafePointer<Double>, _ best: UnsafeMutablePointer<Double>, count: Int
    ) -> Double { avk_raise_f64(values, best, count) }
    public static func _lower(_ values: UnsafePointer<Double>, _ best: UnsafeMutablePointer<Double>, count: Int) {
        avk_lower_f64(values, best, count)
    }
    public static func _maximum(_ values: UnsafePointer<Double>, count: Int) -> Double {
        avk_maximum_f64(values, count)
    }
    public static func _minimum(_ values: UnsafePointer<Double>, count: Int) -> Double {
        avk_minimum_f64(values, count)
    }
    public static func _allGains(
        _ queries: UnsafePointer<Double>, stride: Int, count: Int, blocks: UnsafePointer<Double>, blockCount: Int,
        dim: Int,
        transform: KernelTransform, best: UnsafePointer<Double>, rounding: Double,
        into gains: UnsafeMutablePointer<Double>
    ) {
        avk_all_gains_f64(queries, stride, count, blocks, blockCount, dim, transform, best, rounding, gains)
    }
    public static func _listGain(
        _ query: UnsafePointer<Double>, blocks: UnsafePointer<Double>, list: UnsafePointer<Int32>, listed: Int,
        dim: Int,
        transform: KernelTransform, best: UnsafePointer<Double>, rounding: Double
    ) -> Double { avk_list_gain_f64(query, blocks, list, listed, dim, transform, best, rounding) }
    public static func _listRaise(
        _ query: UnsafePointer<Double>, blocks: UnsafePointer<Double>, list: UnsafePointer<Int32>, listed: Int,
        dim: Int,
        transform: KernelTransform, best: UnsafeMutablePointer<Double>, blockLeast: UnsafeMutablePointer<Double>
    ) { avk_list_raise_f64(query, blocks, list, listed, dim, transform, best, blockLeast) }
    public static func _farthest(
        _ queries: UnsafePointer<Double>, count: Int, blocks: UnsafePointer<Double>, blockCount: Int, dim: Int,
        seen: UnsafeMutablePointer<Int32>, near: UnsafeMutablePointer<Double>,
        blockMost: UnsafeMutablePointer<Double>,
        list: UnsafeMutablePointer<Int32>, greatest: inout Double
    ) -> Int {
        avk_farthest_f64(queries, count, blocks, blockCount, dim, seen, near, blockMost, list, &greatest)
    }
    public static func _within(
        _ values: UnsafePointer<Double>, own: Double, bounds: UnsafePointer<Double>, count: Int,
        list: UnsafeMutablePointer<Int32>
    ) -> Int { avk_within_f64(values, own, bounds, count, list) }
    public static func _dot(_ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, count: Int) -> Double {
        avk_dot_f64(left, right, count)
    }
    public static func _distance(_ left: UnsafePointer<Double>, _ right: UnsafePointer<Double>, count: Int) -> Double {
        avk_distance_f64(left, right, count)
    }
}

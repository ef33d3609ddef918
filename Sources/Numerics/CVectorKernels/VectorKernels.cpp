#include "CVectorKernels.h"

#include <math.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

// Vectors wider than the registers pass between functions that are all inlined; no ABI is involved.
#pragma clang diagnostic ignored "-Wpsabi"

namespace {

template <typename T> struct Functions {
    void (*distances)(const T *, long, long, const T *, long, long, T *, long);
    void (*dots)(const T *, long, long, const T *, long, long, T *, long);
    long (*expand)(T *, const T *, T, T, long);
    void (*transform)(avk_transform, T *, long);
    double (*gain)(const T *, const T *, long, double);
    T (*raise)(const T *, T *, long);
    void (*lower)(const T *, T *, long);
    T (*maximum)(const T *, long);
    T (*minimum)(const T *, long);
    void (*allGains)(const T *, long, long, const T *, long, long, avk_transform, const T *, double, double *);
    double (*listGain)(const T *, const T *, const int32_t *, long, long, avk_transform, const T *, double);
    void (*listRaise)(const T *, const T *, const int32_t *, long, long, avk_transform, T *, T *);
    long (*farthest)(const T *, long, const T *, long, long, int32_t *, T *, T *, int32_t *, T *);
    long (*within)(const T *, T, const T *, long, int32_t *);
    T (*dot)(const T *, const T *, long);
    T (*distance)(const T *, const T *, long);
};

struct Table {
    Functions<float> f32;
    Functions<double> f64;
    long (*near)(const float *, const float *, const float *, long, const float *, const float *, const float *, long,
                 long, uint32_t *, float *);
    double (*concaveGain)(int32_t, const float *, const int32_t *, const double *, const double *, long);
    void (*widenHalves)(const uint16_t *, float *, long);
    float (*dotOfHalves)(const uint16_t *, const uint16_t *, long);
    float (*distanceOfHalves)(const uint16_t *, const uint16_t *, long);
    int32_t (*dotOfSigned)(const int8_t *, const int8_t *, long);
    int32_t (*distanceOfSigned)(const int8_t *, const int8_t *, long);
    int32_t (*dotOfBytes)(const uint8_t *, const uint8_t *, long);
    int32_t (*distanceOfBytes)(const uint8_t *, const uint8_t *, long);
};

#if defined(__x86_64__)
// The tile's sums must fit the registers: 16 of 32 for AVX-512, 8 of 16 for AVX2.
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))),                   \
                             apply_to = function)
namespace avx512 {
#define TILE_QUERIES 8
#define TILE_BLOCKS 2
#define WIDEN_HALF(p) ((V<float>)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(p))))
#include "Bodies.inc"
#undef WIDEN_HALF
#undef TILE_QUERIES
#undef TILE_BLOCKS
}
#pragma clang attribute pop
#include "ByteProducts.inc"
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
namespace avx2 {
#define TILE_QUERIES 4
#define TILE_BLOCKS 1
#define WIDEN_HALF(p)                                                                                                  \
    (__builtin_shufflevector(_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p))),                                   \
                             _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)((p) + 8))), 0, 1, 2, 3, 4, 5, 6, 7, 8,  \
                             9, 10, 11, 12, 13, 14, 15))
#include "Bodies.inc"
#undef WIDEN_HALF
#undef TILE_QUERIES
#undef TILE_BLOCKS
}
#pragma clang attribute pop
#endif

namespace baseline {
#define TILE_QUERIES 2
#define TILE_BLOCKS 1
#include "Bodies.inc"
#undef TILE_QUERIES
#undef TILE_BLOCKS
}

int detectedLevel() {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")
        && __builtin_cpu_supports("avx512vl"))
        return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) return 1;
#endif
    return 0;
}

const Table &table() {
#if defined(__x86_64__)
    static const Table *chosen =
        avk_level() == 2 ? &avx512::table : avk_level() == 1 ? &avx2::table : &baseline::table;
    return *chosen;
#else
    return baseline::table;
#endif
}

}  // namespace

int avk_level(void) {
    static const int level = detectedLevel();
    return level;
}

#define DEFINE(T, S)                                                                                                   \
    void avk_distances_##S(const T *queries, long stride, long count, const T *blocks, long blockCount, long dim,      \
                           T *out, long outStride) {                                                                   \
        table().S.distances(queries, stride, count, blocks, blockCount, dim, out, outStride);                          \
    }                                                                                                                  \
    void avk_dots_##S(const T *queries, long stride, long count, const T *blocks, long blockCount, long dim, T *out,   \
                      long outStride) {                                                                                \
        table().S.dots(queries, stride, count, blocks, blockCount, dim, out, outStride);                               \
    }                                                                                                                  \
    long avk_expand_##S(T *out, const T *norms, T norm, T limit, long count) {                                         \
        return table().S.expand(out, norms, norm, limit, count);                                                       \
    }                                                                                                                  \
    void avk_transform_##S(avk_transform f, T *values, long count) { table().S.transform(f, values, count); }          \
    double avk_gain_##S(const T *values, const T *best, long count, double magic) {                                    \
        return table().S.gain(values, best, count, magic);                                                             \
    }                                                                                                                  \
    T avk_raise_##S(const T *values, T *best, long count) { return table().S.raise(values, best, count); }             \
    void avk_lower_##S(const T *values, T *best, long count) { table().S.lower(values, best, count); }                 \
    T avk_maximum_##S(const T *values, long count) { return table().S.maximum(values, count); }                        \
    T avk_minimum_##S(const T *values, long count) { return table().S.minimum(values, count); }                        \
    void avk_all_gains_##S(const T *queries, long stride, long count, const T *blocks, long blockCount, long dim,      \
                           avk_transform f, const T *best, double rounding, double *gains) {                           \
        table().S.allGains(queries, stride, count, blocks, blockCount, dim, f, best, rounding, gains);                 \
    }                                                                                                                  \
    double avk_list_gain_##S(const T *query, const T *blocks, const int32_t *list, long listed, long dim,              \
                             avk_transform f, const T *best, double rounding) {                                        \
        return table().S.listGain(query, blocks, list, listed, dim, f, best, rounding);                                \
    }                                                                                                                  \
    void avk_list_raise_##S(const T *query, const T *blocks, const int32_t *list, long listed, long dim,               \
                            avk_transform f, T *best, T *blockLeast) {                                                 \
        table().S.listRaise(query, blocks, list, listed, dim, f, best, blockLeast);                                    \
    }                                                                                                                  \
    long avk_farthest_##S(const T *queries, long count, const T *blocks, long blockCount, long dim, int32_t *seen,     \
                          T *near, T *blockMost, int32_t *list, T *greatest) {                                         \
        return table().S.farthest(queries, count, blocks, blockCount, dim, seen, near, blockMost, list, greatest);     \
    }                                                                                                                  \
    long avk_within_##S(const T *values, T own, const T *bounds, long count, int32_t *list) {                          \
        return table().S.within(values, own, bounds, count, list);                                                     \
    }                                                                                                                  \
    T avk_dot_##S(const T *x, const T *y, long count) { return table().S.dot(x, y, count); }                           \
    T avk_distance_##S(const T *x, const T *y, long count) { return table().S.distance(x, y, count); }

DEFINE(float, f32)
DEFINE(double, f64)

long avk_near(const float *queries, const float *queryNorms, const float *queryBounds, long count, const float *blocks,
              const float *norms, const float *bounds, long blockCount, long dim, uint32_t *pairs, float *values) {
    return table().near(queries, queryNorms, queryBounds, count, blocks, norms, bounds, blockCount, dim, pairs, values);
}
double avk_concave_gain(int32_t kind, const float *x, const int32_t *columns, const double *sum, const double *value,
                        long count) {
    return table().concaveGain(kind, x, columns, sum, value, count);
}
void avk_widen_f16(const uint16_t *from, float *to, long count) { table().widenHalves(from, to, count); }
float avk_dot_f16(const uint16_t *x, const uint16_t *y, long count) { return table().dotOfHalves(x, y, count); }
float avk_distance_f16(const uint16_t *x, const uint16_t *y, long count) { return table().distanceOfHalves(x, y, count); }
int32_t avk_dot_i8(const int8_t *x, const int8_t *y, long count) { return table().dotOfSigned(x, y, count); }
int32_t avk_distance_i8(const int8_t *x, const int8_t *y, long count) { return table().distanceOfSigned(x, y, count); }
int32_t avk_dot_u8(const uint8_t *x, const uint8_t *y, long count) { return table().dotOfBytes(x, y, count); }
int32_t avk_distance_u8(const uint8_t *x, const uint8_t *y, long count) { return table().distanceOfBytes(x, y, count); }

int avk_has_byte_products(void) {
#if defined(__x86_64__)
    static const int has = avk_level() == 2 && __builtin_cpu_supports("avx512vnni");
    return has;
#else
    return 0;
#endif
}

void avk_byte_distances(const int8_t *queries, const int32_t *norms, long count, const uint8_t *blocks,
                        const int32_t *terms, long blockCount, long quads, float *out, long outStride) {
#if defined(__x86_64__)
    if (avk_has_byte_products())
        byteDistances(queries, norms, count, blocks, terms, blockCount, quads, out, outStride);
#endif
}

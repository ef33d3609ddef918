// Distances, similarities and the sums of facility location over blocks of points.
//
// A block holds LANES points (64 bytes of one coordinate): coordinate t of the block's point l is at [t * LANES + l].
// Every function has three bodies, for AVX-512, AVX2 with FMA, and the baseline; the processor decides at run time.
// The value for one query and one point does not depend on what else is in the call, so results are the same however
// work is cut.
#ifndef C_VECTOR_KERNELS_H
#define C_VECTOR_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { AVK_LANES_F32 = 16, AVK_LANES_F64 = 8 };

// How a measured value becomes a similarity. x is a squared distance, or a dot product for the last three.
typedef enum {
    AVK_IDENTITY = 0,       // x
    AVK_SQRT = 1,           // √x
    AVK_MINUS = 2,          // a − x
    AVK_MINUS_SQRT = 3,     // a − √x
    AVK_EXP = 4,            // exp(−b·x)
    AVK_EXP_SQRT = 5,       // exp(−b·√x)
    AVK_SQUARE = 6,         // x²
    AVK_ONE_MINUS = 7,      // 1 − x
    AVK_INVERSE_SQRT = 8    // 1 / (1 + b·√x)
} avk_transform_kind;

typedef struct {
    int32_t kind;
    double a;
    double b;
} avk_transform;

// The instruction set in use: 2 AVX-512, 1 AVX2, 0 baseline.
int avk_level(void);

#define AVK_DECLARE(T, S)                                                                                              \
    /* Squared distances of `count` queries (row-major, `stride` apart) to the points of `blocks`, row-major in out. */\
    void avk_distances_##S(const T *queries, long stride, long count, const T *blocks, long blockCount, long dim,      \
                           T *out, long outStride);                                                                    \
    /* Dot products, likewise. */                                                                                      \
    void avk_dots_##S(const T *queries, long stride, long count, const T *blocks, long blockCount, long dim, T *out,   \
                      long outStride);                                                                                 \
    /* out[i] = max(0, norm + norms[i] − 2·out[i]): dot products to squared distances. Returns how many lie below      \
       limit·(norm + norms[i]), where cancellation has eaten digits. */                                                \
    long avk_expand_##S(T *out, const T *norms, T norm, T limit, long count);                                          \
    void avk_transform_##S(avk_transform transform, T *values, long count);                                            \
    /* Σ max(0, values[i] − best[i]), both rounded to a step first, so that the sum is exact and its order does not    \
       matter. `rounding` is what f32 values are multiplied by to be whole numbers up to 2²⁴, and 1.5·2⁵²·step for     \
       f64. best is finite and at least 0. */                                                                          \
    double avk_gain_##S(const T *values, const T *best, long count, double rounding);                                  \
    /* best[i] = max(best[i], values[i]); returns the least of the results. */                                         \
    T avk_raise_##S(const T *values, T *best, long count);                                                             \
    /* best[i] = min(best[i], values[i]). */                                                                           \
    void avk_lower_##S(const T *values, T *best, long count);                                                          \
    T avk_maximum_##S(const T *values, long count);                                                                    \
    T avk_minimum_##S(const T *values, long count);                                                                    \
    /* gains[q] += that sum over all points for similarities that are computed on the way. */                          \
    void avk_all_gains_##S(const T *queries, long stride, long count, const T *blocks, long blockCount, long dim,      \
                           avk_transform transform, const T *best, double rounding, double *gains);                    \
    /* The same for one query and the blocks listed. */                                                                \
    double avk_list_gain_##S(const T *query, const T *blocks, const int32_t *list, long listed, long dim,              \
                             avk_transform transform, const T *best, double rounding);                                 \
    /* best = max(best, similarity) in the blocks listed, and each block's least. */                                   \
    void avk_list_raise_##S(const T *query, const T *blocks, const int32_t *list, long listed, long dim,               \
                            avk_transform transform, T *best, T *blockLeast);                                          \
    /* The greatest squared distance of a point to the nearest of `count` queries, and the blocks that have it.        \
       near has the minimum over the first seen[block] queries, blockMost its greatest in each block: never too small, \
       so that only blocks whose bound could be the greatest are measured, against all queries they have missed. */    \
    long avk_farthest_##S(const T *queries, long count, const T *blocks, long blockCount, long dim, int32_t *seen,     \
                          T *near, T *blockMost, int32_t *list, T *greatest);                                          \
    /* Lists which values are at most `own` or their bound, ascending. */                                              \
    long avk_within_##S(const T *values, T own, const T *bounds, long count, int32_t *list);                           \
    T avk_dot_##S(const T *x, const T *y, long count);                                                                 \
    T avk_distance_##S(const T *x, const T *y, long count);

AVK_DECLARE(float, f32)
AVK_DECLARE(double, f64)

// Lists the pairs of a query (row-major, dim apart) and a point whose squared distance, norm + norm − 2·dot and at least 0,
// is at most either's bound: query << 16 | point, and the distance. There is room for all. Returns how many.
long avk_near(const float *queries, const float *queryNorms, const float *queryBounds, long count, const float *blocks,
              const float *norms, const float *bounds, long blockCount, long dim, uint32_t *pairs, float *values);

// Σ_i φ(sum[f] + x[i]) − φ(sum[f]), f = columns[i], with φ = √ (0) or x/(1+x) (2); value[f] = φ(sum[f]).
double avk_concave_gain(int32_t kind, const float *x, const int32_t *columns, const double *sum, const double *value,
                        long count);

// Packed rows: half precision, and bytes with and without sign, of at most 33,000 numbers where sums are whole.
void avk_widen_f16(const uint16_t *from, float *to, long count);
float avk_dot_f16(const uint16_t *x, const uint16_t *y, long count);
float avk_distance_f16(const uint16_t *x, const uint16_t *y, long count);
int32_t avk_dot_i8(const int8_t *x, const int8_t *y, long count);
int32_t avk_distance_i8(const int8_t *x, const int8_t *y, long count);
int32_t avk_dot_u8(const uint8_t *x, const uint8_t *y, long count);
int32_t avk_distance_u8(const uint8_t *x, const uint8_t *y, long count);

// Whether the processor sums products of bytes four at a time (AVX-512 VNNI), as the next needs.
int avk_has_byte_products(void);
// Squared distances of whole numbers from 0 to 255, exact before they become floats. Points are in blocks of 16, four
// coordinates of each after the other, zeros behind the last; terms[p] = Σ x² − 256·Σ x. Queries are rows of 4·quads
// numbers less 128; norms[q] = Σ x² before that. At most 16,000 coordinates.
void avk_byte_distances(const int8_t *queries, const int32_t *norms, long count, const uint8_t *blocks,
                        const int32_t *terms, long blockCount, long quads, float *out, long outStride);

#ifdef __cplusplus
}
#endif
#endif

// vectors.h: exp, tanh, lane sums and tails for 8 floats; the twins of portable/exponential.h and
// lanes.h.
// Never reorders what the portable definition orders.
#ifndef KERNELS_X86_AVX2_VECTORS_H
#define KERNELS_X86_AVX2_VECTORS_H

#include <immintrin.h>
#include <stdint.h>

#include "../portable/block_scale.h"
#include "../portable/exponential.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

/* All ones in the first `count` of 8 lanes, count in [0, 8]. */
static inline __m256i first_lanes(int32_t count) {
    return _mm256_cmpgt_epi32(
        _mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

/* lanes_sum of lanes 0 ... 7 and 8 ... 15. */
static inline float sum_16(__m256 low, __m256 high) {
    __m256 eight = _mm256_add_ps(low, high);
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* The greatest lane; no lane is NaN. */
static inline float max_8(__m256 x) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* The greatest of 8 integers. */
static inline int32_t greatest_8(__m256i x) {
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}

/* The sum of 8 integers. */
static inline int32_t integers_sum(__m256i x) {
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1)));
}

/* quant_of for 8 values; no product passes the greatest by as much as rounds up. */
static inline __m256i quants_8(__m256 x, struct block_scale by) {
    if (!(by.inverse > 0)) return _mm256_setzero_si256();
    return _mm256_cvtps_epi32(_mm256_mul_ps(x, _mm256_set1_ps(by.inverse)));
}

/* 2^x of whole numbers that are no less than -126. */
static inline __m256 whole_powers(__m256 x) {
    __m256i rounded = _mm256_castps_si256(_mm256_add_ps(x, _mm256_set1_ps(EXP_ROUNDER)));
    return _mm256_castsi256_ps(_mm256_slli_epi32(rounded, 23));
}

/* portable_exp2 of 8. */
static inline __m256 exp2_8(__m256 x) {
    // The second operand is the result where x is NaN.
    __m256 clamped = _mm256_min_ps(_mm256_set1_ps(EXP2_HIGHEST), x);
    __m256 whole = _mm256_floor_ps(clamped), f = _mm256_sub_ps(clamped, whole);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(EXP2_C5), f, _mm256_set1_ps(EXP2_C4));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(EXP2_C3));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(EXP2_C2));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(EXP2_C1));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(1.0f));
    __m256 vanishes = _mm256_cmp_ps(x, _mm256_set1_ps(EXP2_LOWEST), _CMP_LT_OQ);
    return _mm256_andnot_ps(vanishes, _mm256_mul_ps(p, whole_powers(whole)));
}

static inline __m256 exp_8(__m256 x) { return exp2_8(_mm256_mul_ps(x, _mm256_set1_ps(EXP_LOG2_E))); }

static inline __m256 tanh_8(__m256 x) {
    const __m256 sign_bit = _mm256_set1_ps(-0.0f), one = _mm256_set1_ps(1.0f);
    __m256 magnitude = _mm256_andnot_ps(sign_bit, x);
    __m256 z = _mm256_mul_ps(x, x);
    __m256 q = _mm256_fmadd_ps(_mm256_set1_ps(TANH_Q4), z, _mm256_set1_ps(TANH_Q3));
    q = _mm256_fmadd_ps(q, z, _mm256_set1_ps(TANH_Q2));
    q = _mm256_fmadd_ps(q, z, _mm256_set1_ps(TANH_Q1));
    q = _mm256_fmadd_ps(q, z, _mm256_set1_ps(TANH_Q0));
    __m256 small = _mm256_fmadd_ps(_mm256_mul_ps(x, z), q, x);
    __m256 denominator = _mm256_add_ps(exp_8(_mm256_add_ps(magnitude, magnitude)), one);
    __m256 large = _mm256_sub_ps(one, _mm256_div_ps(_mm256_set1_ps(2.0f), denominator));
    large = _mm256_or_ps(_mm256_andnot_ps(sign_bit, large), _mm256_and_ps(sign_bit, x));
    __m256 is_small = _mm256_cmp_ps(magnitude, _mm256_set1_ps(TANH_SMALL), _CMP_LT_OQ);
    return _mm256_blendv_ps(large, small, is_small);
}

#pragma clang attribute pop
#endif

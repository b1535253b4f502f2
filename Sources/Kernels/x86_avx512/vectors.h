// vectors.h: exp, tanh, lane sums and tails for 16 floats; the twins of portable/exponential.h and
// lanes.h, whose 16 lanes are one register here.
// Never reorders what the portable definition orders.
#ifndef KERNELS_X86_AVX512_VECTORS_H
#define KERNELS_X86_AVX512_VECTORS_H

#include <immintrin.h>
#include <stdint.h>

#include "../portable/exponential.h"

#define AVX512_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"
#pragma clang attribute push(__attribute__((target(AVX512_TARGET))), apply_to = function)

enum { all_lanes = 0xffff };

/* The first `count` of 16 lanes; all of them when count >= 16. */
static inline __mmask16 first_lanes(int32_t count) {
    return count >= 16 ? (__mmask16)all_lanes : (__mmask16)((1u << count) - 1);
}

static inline float sum_16(__m512 lanes) {
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(lanes), _mm512_extractf32x8_ps(lanes, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

/* The greatest lane; no lane is NaN. */
static inline float max_16(__m512 x) {
    __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(x), _mm512_extractf32x8_ps(x, 1));
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* Fours of 32 bits that stand in quarters, the first of all four, the second of all four, and so on, in order: the
 * first quarter's, then the second's.  As bytes of four registers come to lie when they are packed twice. */
static inline __m512i quarters_in_order(__m512i quarters) {
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    return _mm512_permutexvar_epi32(order, quarters);
}

/* 64 integers as bytes, in order. */
static inline __m512i narrow(__m512i a, __m512i b, __m512i c, __m512i d) {
    return quarters_in_order(_mm512_packs_epi16(_mm512_packs_epi32(a, b), _mm512_packs_epi32(c, d)));
}

/* portable_exp2 of 16. */
static inline __m512 exp2_16(__m512 x) {
    // The second operand is the result where x is NaN.
    __m512 clamped = _mm512_min_ps(_mm512_set1_ps(EXP2_HIGHEST), x);
    // Not _mm512_reduce_ps, which does not round what has too many bits as a subtraction does.
    __m512 f = _mm512_sub_ps(clamped, _mm512_floor_ps(clamped));
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(EXP2_C5), f, _mm512_set1_ps(EXP2_C4));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_C3));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_C2));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(EXP2_C1));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(1.0f));
    __mmask16 counts = _mm512_cmp_ps_mask(x, _mm512_set1_ps(EXP2_LOWEST), _CMP_NLT_UQ);
    return _mm512_maskz_scalef_ps(counts, p, clamped);
}

static inline __m512 exp_16(__m512 x) { return exp2_16(_mm512_mul_ps(x, _mm512_set1_ps(EXP_LOG2_E))); }

static inline __m512 tanh_16(__m512 x) {
    const __m512 sign_bit = _mm512_set1_ps(-0.0f), one = _mm512_set1_ps(1.0f);
    __m512 magnitude = _mm512_andnot_ps(sign_bit, x);
    __m512 z = _mm512_mul_ps(x, x);
    __m512 q = _mm512_fmadd_ps(_mm512_set1_ps(TANH_Q4), z, _mm512_set1_ps(TANH_Q3));
    q = _mm512_fmadd_ps(q, z, _mm512_set1_ps(TANH_Q2));
    q = _mm512_fmadd_ps(q, z, _mm512_set1_ps(TANH_Q1));
    q = _mm512_fmadd_ps(q, z, _mm512_set1_ps(TANH_Q0));
    __m512 small = _mm512_fmadd_ps(_mm512_mul_ps(x, z), q, x);
    __m512 denominator = _mm512_add_ps(exp_16(_mm512_add_ps(magnitude, magnitude)), one);
    __m512 large = _mm512_sub_ps(one, _mm512_div_ps(_mm512_set1_ps(2.0f), denominator));
    large = _mm512_or_ps(_mm512_andnot_ps(sign_bit, large), _mm512_and_ps(sign_bit, x));
    __mmask16 is_small = _mm512_cmp_ps_mask(magnitude, _mm512_set1_ps(TANH_SMALL), _CMP_LT_OQ);
    return _mm512_mask_blend_ps(is_small, large, small);
}

#pragma clang attribute pop
#endif

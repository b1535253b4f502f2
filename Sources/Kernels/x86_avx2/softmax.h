// softmax.h: from scores to weights, 8 floats at a time.
#ifndef KERNELS_X86_AVX2_SOFTMAX_H
#define KERNELS_X86_AVX2_SOFTMAX_H

#include "../portable/attention_steps.h"

#include <immintrin.h>
#include <math.h>

#include "vectors.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

#define INLINED static inline __attribute__((always_inline))

/* All ones for slots first ... first + 7 that lie in [begin, end). */
INLINED __m256 slots_within(int32_t first, int32_t begin, int32_t end) {
    __m256i slots = _mm256_add_epi32(
        _mm256_set1_epi32(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    __m256i early = _mm256_cmpgt_epi32(_mm256_set1_epi32(begin), slots);
    __m256i inside = _mm256_andnot_si256(early, _mm256_cmpgt_epi32(_mm256_set1_epi32(end), slots));
    return _mm256_castsi256_ps(inside);
}

INLINED __m256 capped(__m256 score, __m256 caps) {
    return _mm256_mul_ps(caps, tanh_8(_mm256_div_ps(score, caps)));
}

/* Scales and caps; slots outside [begin, end) become -infinity, whose exponential is 0. */
static float prepare(
    float *scores, int32_t first, int32_t last, int32_t begin, int32_t end, float scale,
    float soft_cap) {
    const __m256 lowest = _mm256_set1_ps(-INFINITY);
    __m256 scales = _mm256_set1_ps(scale), caps = _mm256_set1_ps(soft_cap);
    __m256 low = lowest, high = lowest;
    for (int32_t s = first; s < last; s += 16) {
        __m256 a = _mm256_mul_ps(_mm256_loadu_ps(scores + s), scales);
        __m256 b = _mm256_mul_ps(_mm256_loadu_ps(scores + s + 8), scales);
        if (soft_cap > 0.0f) {
            a = capped(a, caps);
            b = capped(b, caps);
        }
        if (s < begin || s + 16 > end) {
            a = _mm256_blendv_ps(lowest, a, slots_within(s, begin, end));
            b = _mm256_blendv_ps(lowest, b, slots_within(s + 8, begin, end));
        }
        _mm256_storeu_ps(scores + s, a);
        _mm256_storeu_ps(scores + s + 8, b);
        low = _mm256_max_ps(a, low);
        high = _mm256_max_ps(b, high);
    }
    return max_8(_mm256_max_ps(low, high));
}

static void softmax(
    float *scores, int32_t block_begin, int32_t block_end, int32_t begin, int32_t end, float scale,
    float soft_cap, float state[2]) {
    int32_t first = 16 * block_begin, last = 16 * block_end;
    float maximum = prepare(scores, first, last, begin, end, scale, soft_cap);
    __m256 maxima = _mm256_set1_ps(maximum);
    __m256 low = _mm256_setzero_ps(), high = low;
    for (int32_t s = first; s < last; s += 16) {
        __m256 a = exp_8(_mm256_sub_ps(_mm256_loadu_ps(scores + s), maxima));
        __m256 b = exp_8(_mm256_sub_ps(_mm256_loadu_ps(scores + s + 8), maxima));
        _mm256_storeu_ps(scores + s, a);
        _mm256_storeu_ps(scores + s + 8, b);
        low = _mm256_add_ps(low, a);
        high = _mm256_add_ps(high, b);
    }
    state[0] = maximum + 0.0f;
    state[1] = sum_16(low, high);
}

#pragma clang attribute pop
#endif

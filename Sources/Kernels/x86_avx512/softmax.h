// softmax.h: from scores to weights, 16 floats at a time.
#ifndef KERNELS_X86_AVX512_SOFTMAX_H
#define KERNELS_X86_AVX512_SOFTMAX_H

#include "../portable/attention_steps.h"

#include <immintrin.h>
#include <math.h>

#include "vectors.h"

#pragma clang attribute push(__attribute__((target(AVX512_TARGET))), apply_to = function)

#define INLINED static inline __attribute__((always_inline))

/* Slots first ... first + 15 that lie in [begin, end). */
INLINED __mmask16 slots_within(int32_t first, int32_t begin, int32_t end) {
    __mmask16 until = end > first ? first_lanes(end - first) : 0;
    __mmask16 before = begin > first ? first_lanes(begin - first) : 0;
    return until & (__mmask16)~before;
}

INLINED __m512 capped(__m512 score, __m512 caps) {
    return _mm512_mul_ps(caps, tanh_16(_mm512_div_ps(score, caps)));
}

/* Scales and caps; slots outside [begin, end) become -infinity, whose exponential is 0. */
static float prepare(
    float *scores, int32_t first, int32_t last, int32_t begin, int32_t end, float scale,
    float soft_cap) {
    const __m512 lowest = _mm512_set1_ps(-INFINITY);
    __m512 scales = _mm512_set1_ps(scale), caps = _mm512_set1_ps(soft_cap), greatest = lowest;
    for (int32_t s = first; s < last; s += 16) {
        __m512 score = _mm512_mul_ps(_mm512_loadu_ps(scores + s), scales);
        if (soft_cap > 0.0f) score = capped(score, caps);
        if (s < begin || s + 16 > end)
            score = _mm512_mask_blend_ps(slots_within(s, begin, end), lowest, score);
        _mm512_storeu_ps(scores + s, score);
        greatest = _mm512_max_ps(score, greatest);
    }
    return max_16(greatest);
}

static void softmax(
    float *scores, int32_t block_begin, int32_t block_end, int32_t begin, int32_t end, float scale,
    float soft_cap, float state[2]) {
    int32_t first = 16 * block_begin, last = 16 * block_end;
    float maximum = prepare(scores, first, last, begin, end, scale, soft_cap);
    __m512 maxima = _mm512_set1_ps(maximum), lanes = _mm512_setzero_ps();
    for (int32_t s = first; s < last; s += 16) {
        __m512 weight = exp_16(_mm512_sub_ps(_mm512_loadu_ps(scores + s), maxima));
        _mm512_storeu_ps(scores + s, weight);
        lanes = _mm512_add_ps(lanes, weight);
    }
    state[0] = maximum + 0.0f;
    state[1] = sum_16(lanes);
}

#pragma clang attribute pop
#endif

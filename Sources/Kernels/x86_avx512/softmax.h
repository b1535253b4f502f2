// softmax.h: from scores to weights, 16 floats at a time, and from weights to integers.
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

/* Scales and caps; slots outside [begin, end) become -infinity, whose exponential is 0. */
static float prepare(
    float *scores, int32_t first, int32_t last, int32_t begin, int32_t end, float scale,
    float soft_cap) {
    const __m512 lowest = _mm512_set1_ps(-INFINITY);
    __m512 scales = _mm512_set1_ps(scale), caps = _mm512_set1_ps(soft_cap), greatest = lowest;
    for (int32_t s = first; s < last; s += 16) {
        __m512 score = _mm512_mul_ps(_mm512_loadu_ps(scores + s), scales);
        if (soft_cap > 0.0f) score = _mm512_mul_ps(caps, tanh_16(_mm512_div_ps(score, caps)));
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

static void weigh(float *weights, const float *const *scales, int32_t block_begin, int32_t block_end) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    const __m512i in_order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    for (int32_t b = block_begin / attention_chunk_blocks * attention_chunk_blocks; b < block_end;
         b += attention_chunk_blocks) {
        float *chunk = weights + 16 * b;
        __m512 scaled[attention_chunk_blocks];
        __m512i greatest = _mm512_setzero_si512(), quants[attention_chunk_blocks];
#pragma clang loop unroll(full)
        for (int k = 0; k < attention_chunk_blocks; k++) {
            scaled[k] = _mm512_setzero_ps();
            if (b + k < block_begin || b + k >= block_end) continue;
            __m512 weight = _mm512_loadu_ps(chunk + 16 * k);
            __mmask16 counts = _mm512_cmp_ps_mask(weight, _mm512_setzero_ps(), _CMP_NEQ_UQ);
            scaled[k] = _mm512_maskz_mul_ps(counts, weight, _mm512_loadu_ps(scales[b + k]));
            greatest = _mm512_max_epi32(greatest, _mm512_and_si512(_mm512_castps_si512(scaled[k]), magnitude));
        }
        struct attention_weight_scale by = attention_weight_scale(_mm512_reduce_max_epi32(greatest));
        __m512 factor = _mm512_set1_ps(by.factor);
        __mmask16 counts = by.factor > 0 ? all_lanes : 0;
#pragma clang loop unroll(full)
        for (int k = 0; k < attention_chunk_blocks; k++)
            quants[k] = _mm512_maskz_cvtps_epi32(counts, _mm512_mul_ps(scaled[k], factor));
        __m512i low = _mm512_packs_epi32(quants[0], quants[1]), high = _mm512_packs_epi32(quants[2], quants[3]);
        _mm512_storeu_si512(chunk, _mm512_permutexvar_epi32(in_order, _mm512_packus_epi16(low, high)));
        chunk[attention_worth_place] = by.worth;
    }
}

#pragma clang attribute pop
#endif

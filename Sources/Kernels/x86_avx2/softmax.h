// softmax.h: from scores to weights, 8 floats at a time, and from weights to integers.
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

/* Of 16 slots in 16 bits, four by four: the first and the third, then the second and the fourth. */
INLINED __m256i pairs_of_fours(__m256i low, __m256i high) {
    const __m256i order = _mm256_setr_epi8(
        0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15, 0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    return _mm256_shuffle_epi8(words, order);
}

/* power_weight of 8 scores. */
INLINED __m256 power_weights(__m256 score, __m256 factor, __m256 from) {
    __m256 rounded = _mm256_fmadd_ps(score, factor, from), whole = _mm256_sub_ps(rounded, from);
    __m256 f = _mm256_fmsub_ps(score, factor, whole);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(POWER_C3), f, _mm256_set1_ps(POWER_C2));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(POWER_C1));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(POWER_C0));
    __m256i clamped = _mm256_castps_si256(_mm256_max_ps(rounded, _mm256_set1_ps(POWER_LEAST)));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(clamped, 23)));
}

/* Scales and caps the scores of blocks [block_begin, block_end). */
INLINED void cap_scores(float *scores, int32_t block_begin, int32_t block_end, float scale, float soft_cap) {
    const __m256 caps = _mm256_set1_ps(soft_cap), scales = _mm256_set1_ps(scale);
    for (float *at = scores + 16 * block_begin; at < scores + 16 * block_end; at += 8)
        _mm256_storeu_ps(at, capped(_mm256_mul_ps(_mm256_loadu_ps(at), scales), caps));
}

/* Of slots [begin, end). */
INLINED float greatest_score(const float *scores, int32_t begin, int32_t end) {
    const __m256 lowest = _mm256_set1_ps(-INFINITY);
    __m256 greatest = lowest;
    for (int32_t s = begin / 8 * 8; s < end; s += 8) {
        __m256 score = _mm256_loadu_ps(scores + s);
        if (s < begin || s + 8 > end) score = _mm256_blendv_ps(lowest, score, slots_within(s, begin, end));
        greatest = _mm256_max_ps(score, greatest);
    }
    return max_8(greatest);
}

/* The weights of a chunk's slots [begin, end), `whole` being all of them, are added to their lanes and become
 * integers in place; 0 outside. */
INLINED void weigh_chunk(
    float *scores, const float *const *scales, int32_t first, int32_t begin, int32_t end, struct attention_powers by,
    const int whole, __m256 lanes[2]) {
    const __m256 factor = _mm256_set1_ps(by.factor), from = _mm256_set1_ps(by.from);
    __m256 scaled[2 * attention_chunk_blocks];
    __m256i greatest = _mm256_setzero_si256(), quants[2 * attention_chunk_blocks];
    for (int k = 0; k < 2 * attention_chunk_blocks; k++) {
        int32_t s = first + 8 * k;
        scaled[k] = _mm256_setzero_ps();
        if (!whole && (s + 8 <= begin || s >= end)) continue;
        __m256 weight = power_weights(_mm256_loadu_ps(scores + s), factor, from);
        __m256 product = _mm256_loadu_ps(scales[s / 16] + s % 16);
        __m256 counts = slots_within(s, begin, end);
        if (!whole) weight = _mm256_and_ps(weight, counts);
        lanes[k % 2] = _mm256_add_ps(lanes[k % 2], weight);
        scaled[k] = _mm256_mul_ps(weight, product);
        if (!whole) scaled[k] = _mm256_and_ps(scaled[k], counts);
        greatest = _mm256_max_epi32(greatest, _mm256_castps_si256(scaled[k]));
    }
    struct attention_weight_scale worth = attention_weight_scale(greatest_8(greatest));
    for (int k = 0; k < 2 * attention_chunk_blocks; k++) {
        quants[k] = _mm256_cvtps_epi32(_mm256_mul_ps(scaled[k], _mm256_set1_ps(worth.factor)));
        if (!(worth.factor > 0)) quants[k] = _mm256_setzero_si256();
    }
    for (int k = 0; k < attention_chunk_blocks; k++)
        _mm256_storeu_si256(
            (__m256i *)(scores + first + 8 * k), pairs_of_fours(quants[2 * k], quants[2 * k + 1]));
    scores[first + attention_worth_place] = worth.worth;
}

static void weigh(
    float *scores, const float *const *scales, int32_t block_begin, int32_t block_end, int32_t begin, int32_t end,
    float scale, float soft_cap, float state[2]) {
    const int32_t slots = attention_chunk_tokens;
    if (soft_cap > 0.0f) cap_scores(scores, block_begin, block_end, scale, soft_cap), scale = 1.0f;
    struct attention_powers by = attention_powers(greatest_score(scores, begin, end), scale);
    __m256 lanes[2] = { _mm256_setzero_ps(), _mm256_setzero_ps() };
    for (int32_t first = block_begin * 16 / slots * slots; first < block_end * 16; first += slots) {
        int whole = first >= begin && first + slots <= end;
        if (whole) weigh_chunk(scores, scales, first, begin, end, by, 1, lanes);
        else weigh_chunk(scores, scales, first, begin, end, by, 0, lanes);
    }
    state[0] = by.maximum;
    state[1] = sum_16(lanes[0], lanes[1]);
}

#pragma clang attribute pop
#endif

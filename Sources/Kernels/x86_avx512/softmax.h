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

/* power_weight of 16 scores. */
INLINED __m512 power_weights(__m512 score, __m512 factor, __m512 from) {
    __m512 rounded = _mm512_fmadd_ps(score, factor, from), whole = _mm512_sub_ps(rounded, from);
    __m512 f = _mm512_fmsub_ps(score, factor, whole);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(POWER_C3), f, _mm512_set1_ps(POWER_C2));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(POWER_C1));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(POWER_C0));
    __m512i clamped = _mm512_castps_si512(_mm512_max_ps(rounded, _mm512_set1_ps(POWER_LEAST)));
    return _mm512_mul_ps(p, _mm512_castsi512_ps(_mm512_slli_epi32(clamped, 23)));
}

/* Scales and caps the scores of blocks [block_begin, block_end). */
INLINED void cap_scores(float *scores, int32_t block_begin, int32_t block_end, float scale, float soft_cap) {
    const __m512 caps = _mm512_set1_ps(soft_cap), scales = _mm512_set1_ps(scale);
    for (float *at = scores + 16 * block_begin; at < scores + 16 * block_end; at += 16) {
        _mm512_storeu_ps(at, capped(_mm512_mul_ps(_mm512_loadu_ps(at), scales), caps));
    }
}

/* Of slots [begin, end).  Four at a time, since each has to wait for the one before it. */
INLINED float greatest_score(const float *scores, int32_t begin, int32_t end) {
    const __m512 lowest = _mm512_set1_ps(-INFINITY);
    __m512 greatest[4] = { lowest, lowest, lowest, lowest };
    int32_t s = begin;
    for (; s + 64 <= end; s += 64)
#pragma clang loop unroll(full)
        for (int k = 0; k < 4; k++) greatest[k] = _mm512_max_ps(_mm512_loadu_ps(scores + s + 16 * k), greatest[k]);
#pragma clang loop unroll(full)
    for (int k = 0; k < 4; k++) {
        __mmask16 counts = slots_within(s + 16 * k, s, end);
        __m512 score = _mm512_maskz_loadu_ps(counts, scores + s + 16 * k);
        greatest[k] = _mm512_mask_max_ps(greatest[k], counts, score, greatest[k]);
    }
    greatest[0] = _mm512_max_ps(greatest[0], greatest[1]), greatest[2] = _mm512_max_ps(greatest[2], greatest[3]);
    return max_16(_mm512_max_ps(greatest[0], greatest[2]));
}

struct weight_scale {
    __m512 factor;    /* in all lanes */
    __mmask16 counts; /* none where there is no factor */
    float worth;
};

/* attention_weight_scale of the greatest lane. */
INLINED struct weight_scale weight_scale(__m512i greatest) {
    const __m128 steps = _mm_set1_ps(attention_weight_greatest);
    __m256i eight = _mm256_max_epi32(_mm512_castsi512_si256(greatest), _mm512_extracti64x4_epi64(greatest, 1));
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    __m128i two = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0xee));
    __m128i bits = _mm_max_epi32(two, _mm_shuffle_epi32(two, 0x55));
    __m128 number = _mm_castsi128_ps(bits);
    __mmask8 finite = _mm_cmplt_epi32_mask(bits, _mm_set1_epi32(attention_weight_infinity));
    __mmask8 counts = finite & _mm_cmpge_epi32_mask(bits, _mm_set1_epi32(attention_weight_least));
    __m128 worth = _mm_maskz_div_ps(counts, number, steps);
    return (struct weight_scale){
        _mm512_broadcastss_ps(_mm_div_ss(steps, number)),
        (__mmask16)-(counts & 1),
        _mm_cvtss_f32(_mm_mask_blend_ps(finite, _mm_set1_ps(NAN), worth)),
    };
}

/* The weights of a chunk's slots [begin, end), `whole` being all of them, are added to their lanes and become
 * integers in place; 0 outside. */
INLINED void weigh_chunk(
    float *scores, const float *const *scales, int32_t first, int32_t begin, int32_t end, struct attention_powers by,
    const int whole, __m512 *lanes) {
    const __m512 factor = _mm512_set1_ps(by.factor), from = _mm512_set1_ps(by.from);
    __m512 scaled[attention_chunk_blocks];
    __m512i greatest = _mm512_setzero_si512(), quants[attention_chunk_blocks];
#pragma clang loop unroll(full)
    for (int k = 0; k < attention_chunk_blocks; k++) {
        int32_t s = first + 16 * k;
        __mmask16 counts = whole ? all_lanes : slots_within(s, begin, end);
        scaled[k] = _mm512_setzero_ps();
        if (!counts) continue;
        __m512 weight = power_weights(_mm512_loadu_ps(scores + s), factor, from);
        if (!whole) weight = _mm512_maskz_mov_ps(counts, weight);
        *lanes = _mm512_add_ps(*lanes, weight);
        scaled[k] = _mm512_maskz_mul_ps(counts, weight, _mm512_loadu_ps(scales[s / 16]));
        greatest = _mm512_max_epi32(greatest, _mm512_castps_si512(scaled[k]));
    }
    struct weight_scale to = weight_scale(greatest);
#pragma clang loop unroll(full)
    for (int k = 0; k < attention_chunk_blocks; k++)
        quants[k] = _mm512_maskz_cvtps_epi32(to.counts, _mm512_mul_ps(scaled[k], to.factor));
    __m512i low = _mm512_packs_epi32(quants[0], quants[1]), high = _mm512_packs_epi32(quants[2], quants[3]);
    _mm512_storeu_si512(scores + first, packed_in_order(_mm512_packus_epi16(low, high)));
    scores[first + attention_worth_place] = to.worth;
}

static void weigh(
    float *scores, const float *const *scales, int32_t block_begin, int32_t block_end, int32_t begin, int32_t end,
    float scale, float soft_cap, float state[2]) {
    const int32_t slots = attention_chunk_tokens;
    if (soft_cap > 0.0f) cap_scores(scores, block_begin, block_end, scale, soft_cap), scale = 1.0f;
    struct attention_powers by = attention_powers(greatest_score(scores, begin, end), scale);
    __m512 lanes = _mm512_setzero_ps();
    for (int32_t first = block_begin * 16 / slots * slots; first < block_end * 16; first += slots) {
        int whole = first >= begin && first + slots <= end;
        if (whole) weigh_chunk(scores, scales, first, begin, end, by, 1, &lanes);
        else weigh_chunk(scores, scales, first, begin, end, by, 0, &lanes);
    }
    state[0] = by.maximum;
    state[1] = sum_16(lanes);
}

#pragma clang attribute pop
#endif

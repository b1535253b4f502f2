// weights.h: from rows' scores of one chunk to weights in integers, 8 slots at a time; see attention_steps.h.
#ifndef KERNELS_X86_AVX2_WEIGHTS_H
#define KERNELS_X86_AVX2_WEIGHTS_H

#include "../portable/attention_steps.h"

#include <immintrin.h>
#include <math.h>

#include "softmax.h"
#include "vectors.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

/* power_weight of 8; what is no number stays none, since the second operand is the result then. */
INLINED __m256 power_weights(__m256 x) {
    __m256 y = _mm256_max_ps(_mm256_setzero_ps(), x), whole = _mm256_floor_ps(y);
    __m256 f = _mm256_sub_ps(y, whole);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(POWER_C3), f, _mm256_set1_ps(POWER_C2));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(POWER_C1));
    p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(POWER_C0));
    return _mm256_mul_ps(p, whole_powers(whole));
}

static void level(
    struct attention_levels *levels, const float *const *scales, int32_t block_begin, int32_t block_end) {
    for (int32_t s = 16 * block_begin; s < 16 * block_end; s += 8) {
        __m256 power = _mm256_loadu_ps(scales[s / 16] + s % 16);
        __m256 y = _mm256_sub_ps(_mm256_set1_ps(INVERSE_REACH), power);
        __m256 whole = _mm256_floor_ps(y), f = _mm256_sub_ps(y, whole);
        __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(INVERSE_C5), f, _mm256_set1_ps(INVERSE_C4));
        p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(INVERSE_C3));
        p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(INVERSE_C2));
        p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(INVERSE_C1));
        p = _mm256_fmadd_ps(p, f, _mm256_set1_ps(INVERSE_C0));
        _mm256_storeu_ps(levels->power + s, power);
        _mm256_storeu_ps(levels->inverse + s, _mm256_mul_ps(p, whole_powers(whole)));
    }
}

/* Of 16 slots in 16 bits, four by four: the first and the third, then the second and the fourth. */
INLINED __m256i pairs_of_fours(__m256i low, __m256i high) {
    const __m256i order = _mm256_setr_epi8(
        0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15, 0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15);
    __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(low, high), 0xd8);
    return _mm256_shuffle_epi8(words, order);
}

/* All ones for those of slots [s, s + 8) that count. */
INLINED __m256 counted(uint64_t visible, int32_t s) {
    const __m256i bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256i own = _mm256_and_si256(_mm256_set1_epi32((int32_t)(visible >> s & 255)), bits);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(own, bits));
}

/* Scores become powers of two, of which the greatest is returned. */
INLINED float powers_of(
    const struct attention_weighing *rows, const struct attention_levels *levels, int32_t r, uint64_t visible,
    const int whole) {
    float *scores = rows->scores + (ptrdiff_t)r * attention_score_stride;
    const __m256 least = _mm256_set1_ps(ATTENTION_TOP_LEAST), caps = _mm256_set1_ps(rows->soft_cap);
    __m256 scales = _mm256_set1_ps(rows->scales[r]), factors = _mm256_set1_ps(rows->scales[r] * EXP_LOG2_E);
    if (rows->soft_cap > 0.0f) factors = _mm256_set1_ps(EXP_LOG2_E);
    __m256 greatest[2] = { least, least };
    for (int32_t s = 0; s < attention_chunk_tokens; s += 8) {
        __m256 score = _mm256_loadu_ps(scores + s), powers = _mm256_loadu_ps(levels->power + s);
        if (!whole) {
            score = _mm256_and_ps(score, counted(visible, s));
            powers = _mm256_blendv_ps(least, powers, counted(visible, s));
        }
        if (rows->soft_cap > 0.0f) score = capped(_mm256_mul_ps(score, scales), caps);
        score = _mm256_fmadd_ps(score, factors, powers);
        _mm256_storeu_ps(scores + s, score);
        greatest[s / 8 % 2] = _mm256_max_ps(score, greatest[s / 8 % 2]);
    }
    return max_8(_mm256_max_ps(greatest[0], greatest[1]));
}

/* What a row has gathered, beside a greater top: times a whole power of two. */
static __attribute__((noinline)) void rescale(const struct attention_weighing *rows, int32_t r, float top) {
    float difference = rows->tops[r] - top;
    rows->tops[r] = top;
    if (difference < ATTENTION_TOP_LEAST / 2) return; /* nothing yet */
    __m256 keep = whole_powers(_mm256_max_ps(_mm256_set1_ps(-POWER_REACH), _mm256_set1_ps(difference)));
    float *lanes = rows->lanes + 16 * r, *sums = rows->sums + (ptrdiff_t)r * rows->head_size;
    for (int i = 0; i < 16; i += 8) _mm256_storeu_ps(lanes + i, _mm256_mul_ps(keep, _mm256_loadu_ps(lanes + i)));
    for (int32_t d = 0; d < rows->head_size; d += 8)
        _mm256_storeu_ps(sums + d, _mm256_mul_ps(keep, _mm256_loadu_ps(sums + d)));
}

INLINED void weigh_row(
    const struct attention_weighing *rows, const struct attention_levels *levels, int32_t r, uint64_t visible,
    const int whole) {
    float *scores = rows->scores + (ptrdiff_t)r * attention_score_stride, *row_lanes = rows->lanes + 16 * r;
    float greatest = powers_of(rows, levels, r, visible, whole);
    if (greatest > rows->tops[r] + ATTENTION_TOP_AHEAD) rescale(rows, r, nearbyintf(greatest));
    __m256 powers = power_weights(_mm256_set1_ps(greatest - (rows->tops[r] - POWER_REACH)));
    float worth = _mm256_cvtss_f32(powers) * ATTENTION_WORTH;
    __m256 lanes[2] = { _mm256_setzero_ps(), _mm256_setzero_ps() }, bases = _mm256_set1_ps(greatest - POWER_REACH);
    __m256i quants[2 * attention_chunk_blocks];
#pragma clang loop unroll(full)
    for (int k = 0; k < 2 * attention_chunk_blocks; k++) {
        __m256 weight = power_weights(_mm256_sub_ps(_mm256_loadu_ps(scores + 8 * k), bases));
        __m256 inverse = _mm256_loadu_ps(levels->inverse + 8 * k), counts = counted(visible, 8 * k);
        if (!whole) weight = _mm256_and_ps(weight, counts), inverse = _mm256_and_ps(inverse, counts);
        lanes[k % 2] = _mm256_fmadd_ps(weight, inverse, lanes[k % 2]);
        quants[k] = _mm256_cvtps_epi32(weight);
    }
    for (int k = 0; k < attention_chunk_blocks; k++)
        _mm256_storeu_si256((__m256i *)(scores + 8 * k), pairs_of_fours(quants[2 * k], quants[2 * k + 1]));
    for (int i = 0; i < 2; i++) {
        __m256 row = _mm256_fmadd_ps(lanes[i], _mm256_set1_ps(worth), _mm256_loadu_ps(row_lanes + 8 * i));
        _mm256_storeu_ps(row_lanes + 8 * i, row);
    }
    scores[attention_worth_place] = worth;
}

static void weigh(const struct attention_weighing *rows, const struct attention_levels *levels) {
    for (int32_t r = 0; r < rows->count; r++) {
        if (rows->visible == NULL) weigh_row(rows, levels, r, ~(uint64_t)0, 1);
        else weigh_row(rows, levels, r, rows->visible[r], 0);
    }
}

static void total(float (*states)[2], const float *tops, const float *lanes, int32_t count) {
    for (int32_t r = 0; r < count; r++) {
        const float *own = lanes + 16 * r;
        states[r][0] = attention_maximum(tops[r]);
        states[r][1] = sum_16(_mm256_loadu_ps(own), _mm256_loadu_ps(own + 8));
    }
}

#pragma clang attribute pop
#endif

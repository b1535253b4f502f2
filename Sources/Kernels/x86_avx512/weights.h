// weights.h: from rows' scores of one chunk to weights in integers, 16 slots at a time; see attention_steps.h.
// One idea: a row's chunk is four registers, and what is decided for each row, once a chunk, is decided for all rows in
// the lanes of one.
#ifndef KERNELS_X86_AVX512_WEIGHTS_H
#define KERNELS_X86_AVX512_WEIGHTS_H

#include "../portable/attention_steps.h"

#include <immintrin.h>

#include "softmax.h"
#include "vectors.h"

#pragma clang attribute push(__attribute__((target(AVX512_TARGET))), apply_to = function)

/* power_weight of 16; what is no number stays none, since the second operand is the result then. */
INLINED __m512 power_weights(__m512 x) {
    __m512 y = _mm512_max_ps(_mm512_setzero_ps(), x);
    __m512 f = _mm512_reduce_ps(y, _MM_FROUND_TO_NEG_INF);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(POWER_C3), f, _mm512_set1_ps(POWER_C2));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(POWER_C1));
    p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(POWER_C0));
    return _mm512_scalef_ps(p, y);
}

static void level(
    struct attention_levels *levels, const float *const *scales, int32_t block_begin, int32_t block_end) {
    for (int32_t s = 16 * block_begin; s < 16 * block_end; s += 16) {
        __m512 power = _mm512_loadu_ps(scales[s / 16]), y = _mm512_sub_ps(_mm512_set1_ps(INVERSE_REACH), power);
        __m512 f = _mm512_reduce_ps(y, _MM_FROUND_TO_NEG_INF);
        __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(INVERSE_C5), f, _mm512_set1_ps(INVERSE_C4));
        p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(INVERSE_C3));
        p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(INVERSE_C2));
        p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(INVERSE_C1));
        p = _mm512_fmadd_ps(p, f, _mm512_set1_ps(INVERSE_C0));
        _mm512_storeu_ps(levels->power + s, power);
        _mm512_storeu_ps(levels->inverse + s, _mm512_scalef_ps(p, y));
    }
}

/* The greatest lanes of four registers, in the first, second, ... quarter. */
INLINED __m512 greatest_of_four(const __m512 rows[4]) {
#define HALVES(a, b, low, high) _mm512_max_ps(_mm512_shuffle_f32x4(a, b, low), _mm512_shuffle_f32x4(a, b, high))
    return HALVES(HALVES(rows[0], rows[1], 0x44, 0xee), HALVES(rows[2], rows[3], 0x44, 0xee), 0x88, 0xdd);
#undef HALVES
}

/* The greatest lane of each of `count` registers, in order. */
INLINED __m512 greatest_of_each(const __m512 rows[attention_weighed_rows_max], int32_t count) {
    __m512 fours[4];
    fours[0] = fours[1] = fours[2] = fours[3] = greatest_of_four(rows);
    if (count > 4)
#pragma clang loop unroll(full)
        for (int i = 1; i < 4; i++) fours[i] = greatest_of_four(rows + 4 * i);
#define HALVES(a, b) _mm512_max_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b))
    __m512 first = HALVES(fours[0], fours[1]), last = HALVES(fours[2], fours[3]);
#undef HALVES
    __m512 each = _mm512_max_ps(_mm512_shuffle_ps(first, last, 0x44), _mm512_shuffle_ps(first, last, 0xee));
    return _mm512_castsi512_ps(quarters_in_order(_mm512_castps_si512(each)));
}

/* Of a row's slots [16 k, 16 k + 16), those that count. */
INLINED __mmask16 visible_of(const struct attention_weighing *rows, int32_t r, int k, const int whole) {
    return whole ? all_lanes : (__mmask16)(rows->visible[r] >> 16 * k);
}

/* Scales and caps scores; those that do not count become 0. */
static __attribute__((noinline)) void cap_scores(const struct attention_weighing *rows) {
    const __m512 caps = _mm512_set1_ps(rows->soft_cap);
    for (int32_t r = 0; r < rows->count; r++) {
        float *scores = rows->scores + (ptrdiff_t)r * attention_score_stride;
        for (int k = 0; k < attention_chunk_blocks; k++) {
            __m512 score = _mm512_maskz_loadu_ps(visible_of(rows, r, k, rows->visible == NULL), scores + 16 * k);
            score = capped(_mm512_mul_ps(score, _mm512_set1_ps(rows->scales[r])), caps);
            _mm512_storeu_ps(scores + 16 * k, score);
        }
    }
}

/* Scores become powers of two; greatest: of each lane of each row. */
INLINED void powers_of(
    const struct attention_weighing *rows, const struct attention_levels *levels, const int whole,
    __m512 greatest[attention_weighed_rows_max]) {
    const __m512 least = _mm512_set1_ps(ATTENTION_TOP_LEAST);
    int is_capped = rows->soft_cap > 0.0f;
    if (is_capped) cap_scores(rows);
    for (int32_t r = 0; r < rows->count; r++) {
        float *scores = rows->scores + (ptrdiff_t)r * attention_score_stride;
        __m512 factors = _mm512_set1_ps(is_capped ? EXP_LOG2_E : rows->scales[r] * EXP_LOG2_E);
        __m512 top = least;
#pragma clang loop unroll(full)
        for (int k = 0; k < attention_chunk_blocks; k++) {
            __mmask16 counts = visible_of(rows, r, k, whole);
            __m512 score = _mm512_maskz_loadu_ps(counts, scores + 16 * k);
            score = _mm512_fmadd_ps(score, factors, _mm512_maskz_loadu_ps(counts, levels->power + 16 * k));
            _mm512_storeu_ps(scores + 16 * k, score);
            top = _mm512_mask_max_ps(top, counts, score, top);
        }
        greatest[r] = top;
    }
}

/* The greatest power of each row, which scores become unless they are powers already. */
INLINED __m512 greatest_of(
    const struct attention_weighing *rows, const struct attention_levels *levels, const int whole) {
    if (rows->greatest) return greatest_of_each((const __m512 *)rows->greatest, rows->count);
    __m512 greatest[attention_weighed_rows_max];
#pragma clang loop unroll(full)
    for (int r = 0; r < attention_weighed_rows_max; r++) greatest[r] = _mm512_set1_ps(ATTENTION_TOP_LEAST);
    powers_of(rows, levels, whole, greatest);
    return greatest_of_each(greatest, rows->count);
}

/* What rows have gathered, beside greater tops: times a whole power of two. */
static __attribute__((noinline)) void rescale(const struct attention_weighing *rows, __m512 difference) {
    __m512 least = _mm512_set1_ps(-POWER_REACH);
    float keeps[16];
    _mm512_storeu_ps(keeps, _mm512_scalef_ps(_mm512_set1_ps(1.0f), _mm512_max_ps(least, difference)));
    for (int32_t r = 0; r < rows->count; r++) {
        __m512 keep = _mm512_set1_ps(keeps[r]);
        float *lanes = rows->lanes + 16 * r, *sums = rows->sums + (ptrdiff_t)r * rows->head_size;
        _mm512_storeu_ps(lanes, _mm512_mul_ps(keep, _mm512_loadu_ps(lanes)));
        for (int32_t d = 0; d < rows->head_size; d += 16) {
            __mmask16 mask = first_lanes(rows->head_size - d);
            _mm512_mask_storeu_ps(sums + d, mask, _mm512_mul_ps(keep, _mm512_maskz_loadu_ps(mask, sums + d)));
        }
    }
}

/* What a weight of each row is worth beside its top, which `greatest` may raise. */
INLINED __m512 worth_of(const struct attention_weighing *rows, __m512 greatest) {
    __mmask16 lanes = first_lanes(rows->count);
    __m512 top = _mm512_maskz_loadu_ps(lanes, rows->tops), ahead = _mm512_set1_ps(ATTENTION_TOP_AHEAD);
    __mmask16 raised = _mm512_mask_cmp_ps_mask(lanes, greatest, _mm512_add_ps(top, ahead), _CMP_GT_OQ);
    if (raised) {
        __m512 old = top;
        top = _mm512_mask_roundscale_ps(old, raised, greatest, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
        _mm512_mask_storeu_ps(rows->tops, lanes, top);
        __m512 nothing = _mm512_set1_ps(ATTENTION_TOP_LEAST);
        if (_mm512_mask_cmp_ps_mask(raised, old, nothing, _CMP_NEQ_OQ)) rescale(rows, _mm512_sub_ps(old, top));
    }
    __m512 base = _mm512_sub_ps(top, _mm512_set1_ps(POWER_REACH));
    return _mm512_mul_ps(power_weights(_mm512_sub_ps(greatest, base)), _mm512_set1_ps(ATTENTION_WORTH));
}

/* Fours of the four blocks' integers come to lie beside each other: the first of all, then the second of all. */
INLINED void weigh_row(
    const struct attention_weighing *rows, const struct attention_levels *levels, int32_t r, float base, float worth,
    const int whole) {
    float *scores = rows->scores + (ptrdiff_t)r * attention_score_stride, *row_lanes = rows->lanes + 16 * r;
    __m512 bases = _mm512_set1_ps(base), lanes = _mm512_setzero_ps();
    __m512i quants[attention_chunk_blocks];
#pragma clang loop unroll(full)
    for (int k = 0; k < attention_chunk_blocks; k++) {
        __mmask16 counts = visible_of(rows, r, k, whole);
        __m512 weight = power_weights(_mm512_sub_ps(_mm512_loadu_ps(scores + 16 * k), bases));
        lanes = _mm512_mask3_fmadd_ps(weight, _mm512_loadu_ps(levels->inverse + 16 * k), lanes, counts);
        quants[k] = _mm512_maskz_cvtps_epi32(counts, weight);
    }
    __m512i low = _mm512_packs_epi32(quants[0], quants[1]), high = _mm512_packs_epi32(quants[2], quants[3]);
    _mm512_storeu_si512(scores, _mm512_packus_epi16(low, high));
    _mm512_storeu_ps(row_lanes, _mm512_fmadd_ps(lanes, _mm512_set1_ps(worth), _mm512_loadu_ps(row_lanes)));
    scores[attention_worth_place] = worth;
}

INLINED void weigh_rows(const struct attention_weighing *rows, const struct attention_levels *levels, const int whole) {
    float base[16], worth[16];
    __m512 greatest = greatest_of(rows, levels, whole);
    _mm512_storeu_ps(base, _mm512_sub_ps(greatest, _mm512_set1_ps(POWER_REACH)));
    _mm512_storeu_ps(worth, worth_of(rows, greatest));
    for (int32_t r = 0; r < rows->count; r++) weigh_row(rows, levels, r, base[r], worth[r], whole);
}

static void weigh(const struct attention_weighing *rows, const struct attention_levels *levels) {
    if (rows->visible == NULL) weigh_rows(rows, levels, 1);
    else weigh_rows(rows, levels, 0);
}

static void total(float (*states)[2], const float *tops, const float *lanes, int32_t count) {
    for (int32_t r = 0; r < count; r++) {
        const float *own = lanes + 16 * r;
        states[r][0] = attention_maximum(tops[r]);
        states[r][1] = sum_16(_mm512_loadu_ps(own));
    }
}

#pragma clang attribute pop
#endif

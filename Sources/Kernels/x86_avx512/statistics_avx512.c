// statistics_avx512.c: the statistics kernels with 16 floats at a time; the bits of
// portable/statistics.c.
#if defined(__x86_64__)

#include "../include/fetch.h"
#include "../include/statistics.h"

#include <immintrin.h>
#include <math.h>

#include "../portable/collecting.h"
#include "vectors.h"

#pragma clang attribute push(__attribute__((target(AVX512_TARGET))), apply_to = function)

#define INLINED static inline __attribute__((always_inline))

static float max_f32(const float *x, int32_t count) {
    const __m512 lowest = _mm512_set1_ps(-INFINITY);
    __m512 greatest[4] = {lowest, lowest, lowest, lowest};
    __mmask16 unordered = 0;
    int32_t i = 0;
    for (; i + 64 <= count; i += 64) {
        for (int k = 0; k < 4; k++) {
            __m512 values = _mm512_loadu_ps(x + i + 16 * k);
            greatest[k] = _mm512_max_ps(values, greatest[k]);
            unordered |= _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
        }
    }
    for (; i < count; i += 16) {
        __m512 values = _mm512_mask_loadu_ps(lowest, first_lanes(count - i), x + i);
        greatest[0] = _mm512_max_ps(values, greatest[0]);
        unordered |= _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
    }
    if (unordered != 0) return NAN;
    __m512 pair = _mm512_max_ps(greatest[2], greatest[3]);
    return max_16(_mm512_max_ps(_mm512_max_ps(greatest[0], greatest[1]), pair)) + 0.0f;
}

static int32_t argmax_f32(const float *x, int32_t count) {
    float best = max_f32(x, count);
    if (isnan(best)) return -1;
    __m512 wanted = _mm512_set1_ps(best);
    for (int32_t i = 0; i < count; i += 16) {
        __mmask16 mask = first_lanes(count - i);
        __m512 values = _mm512_maskz_loadu_ps(mask, x + i);
        unsigned hits = _mm512_mask_cmp_ps_mask(mask, values, wanted, _CMP_EQ_OQ);
        if (hits != 0) return i + __builtin_ctz(hits);
    }
    return -1;
}

INLINED __m512 shifted_exp(__m512 x, __m512 shift, __m512 scale) {
    return exp2_16(_mm512_mul_ps(_mm512_sub_ps(x, shift), scale));
}

static float sum_exp_f32(const float *x, int32_t count, float shift, float factor) {
    __m512 lanes = _mm512_setzero_ps();
    __m512 shifts = _mm512_set1_ps(shift), scales = _mm512_set1_ps(exp2_factor(factor));
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        fetch_logits(x + i);
        lanes = _mm512_add_ps(lanes, shifted_exp(_mm512_loadu_ps(x + i), shifts, scales));
    }
    if (i < count) {
        __mmask16 mask = first_lanes(count - i);
        __m512 powers = shifted_exp(_mm512_maskz_loadu_ps(mask, x + i), shifts, scales);
        lanes = _mm512_mask_add_ps(lanes, mask, lanes, powers);
    }
    return sum_16(lanes);
}

/* The second operand of a maximum is the result where the first is no number. */
static float exp_f32(
    float *out, float *greatest, const float *x, int32_t count, float shift, float factor) {
    __m512 lanes = _mm512_setzero_ps(), most = lanes;
    __m512 shifts = _mm512_set1_ps(shift), scales = _mm512_set1_ps(exp2_factor(factor));
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        fetch_logits(x + i);
        __m512 powers = shifted_exp(_mm512_loadu_ps(x + i), shifts, scales);
        _mm512_storeu_ps(out + i, powers);
        lanes = _mm512_add_ps(lanes, powers);
        most = _mm512_max_ps(powers, most);
    }
    if (i < count) {
        __mmask16 mask = first_lanes(count - i);
        __m512 powers = shifted_exp(_mm512_maskz_loadu_ps(mask, x + i), shifts, scales);
        _mm512_mask_storeu_ps(out + i, mask, powers);
        lanes = _mm512_mask_add_ps(lanes, mask, lanes, powers);
        most = _mm512_mask_max_ps(most, mask, powers, most);
    }
    *greatest = max_16(most);
    return sum_16(lanes);
}

INLINED __mmask16 within(__m512 values, __m512 least, __m512 bound) {
    return _mm512_cmp_ps_mask(values, least, _CMP_GE_OQ) & _mm512_cmp_ps_mask(values, bound, _CMP_NGE_UQ);
}

/* There is room for all of [begin, end).  Without a branch, of which a third would be foreseen wrongly; compressed in a
 * register, since to memory it takes many times as long. */
static int32_t indices_within(
    const float *x, int32_t begin, int32_t end, __m512 least, __m512 bound, int32_t *indices) {
    __m512i own = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    own = _mm512_add_epi32(own, _mm512_set1_epi32(begin));
    int32_t found = 0, i = begin;
    for (; i + 16 <= end; i += 16) {
        __mmask16 hits = within(_mm512_loadu_ps(x + i), least, bound);
        _mm512_storeu_si512(indices + found, _mm512_maskz_compress_epi32(hits, own));
        found += __builtin_popcount((unsigned)hits);
        own = _mm512_add_epi32(own, _mm512_set1_epi32(16));
    }
    for (; i < end; i++)
        if (within(_mm512_set1_ps(x[i]), least, bound)) indices[found++] = i;
    return found;
}

static void collect_within_f32(
    const float *x, int32_t begin, int32_t end, float least, float bound, struct collection *out) {
    __m512 leasts = _mm512_set1_ps(least), bounds = _mm512_set1_ps(bound);
    int32_t i = out->found;
    if (end - begin <= out->capacity - i) {
        out->found += indices_within(x, begin, end, leasts, bounds, out->indices + i);
        for (; i < out->found; i++) out->values[i] = x[out->indices[i]];
    } else
        for (i = begin; i < end; i++)
            if (within(_mm512_set1_ps(x[i]), leasts, bounds)) collect_one(out, x[i], i);
}

static void masses_at_least_f32(
    const float *x, int32_t count, const float *thresholds, float *masses) {
    __m512 lanes[MASS_THRESHOLDS], least[MASS_THRESHOLDS];
    for (int t = 0; t < MASS_THRESHOLDS; t++) {
        lanes[t] = _mm512_setzero_ps();
        least[t] = _mm512_set1_ps(thresholds[t]);
    }
    for (int32_t i = 0; i < count; i += 16) {
        // Behind the last element there are zeros, which add nothing.
        __m512 values = i + 16 <= count ? _mm512_loadu_ps(x + i) : _mm512_maskz_loadu_ps(first_lanes(count - i), x + i);
        for (int t = 0; t < MASS_THRESHOLDS; t++) {
            __mmask16 hits = _mm512_cmp_ps_mask(values, least[t], _CMP_GE_OQ);
            lanes[t] = _mm512_mask_add_ps(lanes[t], hits, lanes[t], values);
        }
    }
    for (int t = 0; t < MASS_THRESHOLDS; t++) masses[t] = sum_16(lanes[t]);
}

static int32_t count_greater_f32(const float *x, int32_t count, float value) {
    __m512 threshold = _mm512_set1_ps(value);
    int32_t found = 0;
    for (int32_t i = 0; i < count; i += 16) {
        __mmask16 mask = first_lanes(count - i);
        __m512 values = _mm512_maskz_loadu_ps(mask, x + i);
        unsigned hits = _mm512_mask_cmp_ps_mask(mask, values, threshold, _CMP_GT_OQ);
        found += __builtin_popcount(hits);
    }
    return found;
}

#pragma clang attribute pop

const struct statistics_kernels statistics_kernels_x86_avx512 = {
    .argmax_f32 = argmax_f32,
    .max_f32 = max_f32,
    .sum_exp_f32 = sum_exp_f32,
    .exp_f32 = exp_f32,
    .collect_within_f32 = collect_within_f32,
    .masses_at_least_f32 = masses_at_least_f32,
    .count_greater_f32 = count_greater_f32,
};

#endif

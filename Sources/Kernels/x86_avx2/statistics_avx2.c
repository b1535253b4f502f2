// statistics_avx2.c: the statistics kernels with 8 floats at a time; the bits of
// portable/statistics.c.
#if defined(__x86_64__)

#include "../include/fetch.h"
#include "../include/statistics.h"

#include <immintrin.h>
#include <math.h>

#include "../portable/collecting.h"
#include "vectors.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

static float max_f32(const float *x, int32_t count) {
    __m256 greatest[4], unordered = _mm256_setzero_ps();
    for (int k = 0; k < 4; k++) greatest[k] = _mm256_set1_ps(-INFINITY);
    int32_t i = 0;
    for (; i + 32 <= count; i += 32) {
        for (int k = 0; k < 4; k++) {
            __m256 values = _mm256_loadu_ps(x + i + 8 * k);
            greatest[k] = _mm256_max_ps(values, greatest[k]);
            unordered = _mm256_or_ps(unordered, _mm256_cmp_ps(values, values, _CMP_UNORD_Q));
        }
    }
    for (; i + 8 <= count; i += 8) {
        __m256 values = _mm256_loadu_ps(x + i);
        greatest[0] = _mm256_max_ps(values, greatest[0]);
        unordered = _mm256_or_ps(unordered, _mm256_cmp_ps(values, values, _CMP_UNORD_Q));
    }
    __m256 pair = _mm256_max_ps(greatest[2], greatest[3]);
    float best = max_8(_mm256_max_ps(_mm256_max_ps(greatest[0], greatest[1]), pair));
    int has_nan = _mm256_movemask_ps(unordered) != 0;
    for (; i < count; i++) {
        has_nan |= isnan(x[i]);
        best = x[i] > best ? x[i] : best;
    }
    return has_nan ? NAN : best + 0.0f;
}

static int32_t argmax_f32(const float *x, int32_t count) {
    float best = max_f32(x, count);
    if (isnan(best)) return -1;
    __m256 wanted = _mm256_set1_ps(best);
    int32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        int hits = _mm256_movemask_ps(
            _mm256_cmp_ps(_mm256_loadu_ps(x + i), wanted, _CMP_EQ_OQ));
        if (hits != 0) return i + __builtin_ctz((unsigned)hits);
    }
    for (; i < count; i++)
        if (x[i] == best) return i;
    return -1;
}

static __m256 shifted_exp(__m256 x, __m256 shift, __m256 scale) {
    return exp2_8(_mm256_mul_ps(_mm256_sub_ps(x, shift), scale));
}

/* The 1 ... 15 elements after the last full 16 join their lanes; `out` may be null. */
static float finish_exp(
    __m256 lanes[2], float *out, __m256 *most, const float *x, int32_t count, __m256 shift, __m256 scale) {
    for (int k = 0; k < 2; k++) {
        int32_t left = count - 8 * k;
        if (left <= 0) break;
        __m256i mask = first_lanes(left < 8 ? left : 8);
        __m256 powers = shifted_exp(_mm256_maskload_ps(x + 8 * k, mask), shift, scale);
        powers = _mm256_and_ps(powers, _mm256_castsi256_ps(mask));
        if (out != NULL) {
            _mm256_maskstore_ps(out + 8 * k, mask, powers);
            *most = _mm256_max_ps(powers, *most);
        }
        lanes[k] = _mm256_add_ps(lanes[k], powers);
    }
    return sum_16(lanes[0], lanes[1]);
}

static float sum_exp_f32(const float *x, int32_t count, float shift, float factor) {
    __m256 lanes[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()};
    __m256 shifts = _mm256_set1_ps(shift), scales = _mm256_set1_ps(exp2_factor(factor));
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        fetch_logits(x + i);
        __m256 low = shifted_exp(_mm256_loadu_ps(x + i), shifts, scales);
        __m256 high = shifted_exp(_mm256_loadu_ps(x + i + 8), shifts, scales);
        lanes[0] = _mm256_add_ps(lanes[0], low);
        lanes[1] = _mm256_add_ps(lanes[1], high);
    }
    return finish_exp(lanes, NULL, NULL, x + i, count - i, shifts, scales);
}

/* The second operand of a maximum is the result where the first is no number. */
static float exp_f32(
    float *out, float *greatest, const float *x, int32_t count, float shift, float factor) {
    __m256 lanes[2] = {_mm256_setzero_ps(), _mm256_setzero_ps()}, most = lanes[0];
    __m256 shifts = _mm256_set1_ps(shift), scales = _mm256_set1_ps(exp2_factor(factor));
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        fetch_logits(x + i);
        __m256 low = shifted_exp(_mm256_loadu_ps(x + i), shifts, scales);
        __m256 high = shifted_exp(_mm256_loadu_ps(x + i + 8), shifts, scales);
        _mm256_storeu_ps(out + i, low);
        _mm256_storeu_ps(out + i + 8, high);
        lanes[0] = _mm256_add_ps(lanes[0], low);
        lanes[1] = _mm256_add_ps(lanes[1], high);
        most = _mm256_max_ps(low, _mm256_max_ps(high, most));
    }
    float sum = finish_exp(lanes, out + i, &most, x + i, count - i, shifts, scales);
    *greatest = max_8(most);
    return sum;
}

static void collect_within_f32(
    const float *x, int32_t begin, int32_t end, float least, float bound, struct collection *out) {
    __m256 leasts = _mm256_set1_ps(least), bounds = _mm256_set1_ps(bound);
    int32_t i = begin;
    for (; i + 8 <= end; i += 8) {
        __m256 values = _mm256_loadu_ps(x + i);
        unsigned hits = (unsigned)_mm256_movemask_ps(_mm256_andnot_ps(
            _mm256_cmp_ps(values, bounds, _CMP_GE_OQ), _mm256_cmp_ps(values, leasts, _CMP_GE_OQ)));
        for (; hits != 0; hits &= hits - 1) {
            int32_t at = i + __builtin_ctz(hits);
            collect_one(out, x[at], at);
        }
    }
    for (; i < end; i++)
        if (x[i] >= least && !(x[i] >= bound)) collect_one(out, x[i], i);
}

/* As many thresholds at a time as there are registers for their lanes. */
enum { THRESHOLDS_TOGETHER = 4 };

static void masses_of_some(
    const float *x, int32_t count, const float *thresholds, float *masses) {
    __m256 lanes[THRESHOLDS_TOGETHER][2], least[THRESHOLDS_TOGETHER];
    for (int t = 0; t < THRESHOLDS_TOGETHER; t++) {
        lanes[t][0] = lanes[t][1] = _mm256_setzero_ps();
        least[t] = _mm256_set1_ps(thresholds[t]);
    }
    for (int32_t i = 0; i < count; i += 16) {
        for (int k = 0; k < 2; k++) {
            // Behind the last element there are zeros, which add nothing.
            __m256 values = _mm256_maskload_ps(x + i + 8 * k, first_lanes(count - i - 8 * k));
            for (int t = 0; t < THRESHOLDS_TOGETHER; t++) {
                __m256 hits = _mm256_cmp_ps(values, least[t], _CMP_GE_OQ);
                lanes[t][k] = _mm256_add_ps(lanes[t][k], _mm256_and_ps(values, hits));
            }
        }
    }
    for (int t = 0; t < THRESHOLDS_TOGETHER; t++) masses[t] = sum_16(lanes[t][0], lanes[t][1]);
}

static void masses_at_least_f32(
    const float *x, int32_t count, const float *thresholds, float *masses) {
    for (int t = 0; t < MASS_THRESHOLDS; t += THRESHOLDS_TOGETHER)
        masses_of_some(x, count, thresholds + t, masses + t);
}

static int32_t count_greater_f32(const float *x, int32_t count, float value) {
    __m256 values = _mm256_set1_ps(value);
    int32_t found = 0, i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 greater = _mm256_cmp_ps(_mm256_loadu_ps(x + i), values, _CMP_GT_OQ);
        found += __builtin_popcount((unsigned)_mm256_movemask_ps(greater));
    }
    for (; i < count; i++) found += x[i] > value;
    return found;
}

#pragma clang attribute pop

const struct statistics_kernels statistics_kernels_x86_avx2 = {
    .argmax_f32 = argmax_f32,
    .max_f32 = max_f32,
    .sum_exp_f32 = sum_exp_f32,
    .exp_f32 = exp_f32,
    .collect_within_f32 = collect_within_f32,
    .masses_at_least_f32 = masses_at_least_f32,
    .count_greater_f32 = count_greater_f32,
};

#endif

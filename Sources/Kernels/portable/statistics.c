// statistics.c: the portable statistics kernels, which define what every other table computes.
#include "../include/statistics.h"

#include <math.h>

#include "collecting.h"
#include "exponential.h"
#include "lanes.h"

static float max_f32(const float *x, int32_t count) {
    float greatest = -INFINITY;
    for (int32_t i = 0; i < count; i++) {
        if (isnan(x[i])) return NAN;
        greatest = x[i] > greatest ? x[i] : greatest;
    }
    return greatest + 0.0f;
}

static int32_t argmax_f32(const float *x, int32_t count) {
    if (count == 0) return -1;
    int32_t best = 0;
    for (int32_t i = 0; i < count; i++) {
        if (isnan(x[i])) return -1;
        if (x[i] > x[best]) best = i;
    }
    return best;
}

static float sum_exp_f32(const float *x, int32_t count, float shift, float factor) {
    float lanes[lane_count] = {0}, scale = exp2_factor(factor);
    for (int32_t i = 0; i < count; i++)
        lanes[i % lane_count] += portable_exp2((x[i] - shift) * scale);
    return lanes_sum(lanes);
}

static float exp_f32(
    float *out, float *greatest, const float *x, int32_t count, float shift, float factor) {
    float lanes[lane_count] = {0}, scale = exp2_factor(factor);
    *greatest = 0.0f;
    for (int32_t i = 0; i < count; i++) {
        out[i] = portable_exp2((x[i] - shift) * scale);
        if (out[i] > *greatest) *greatest = out[i];
        lanes[i % lane_count] += out[i];
    }
    return lanes_sum(lanes);
}

static void collect_within_f32(
    const float *x, int32_t begin, int32_t end, float least, float bound, struct collection *out) {
    for (int32_t i = begin; i < end; i++)
        if (x[i] >= least && !(x[i] >= bound)) collect_one(out, x[i], i);
}

static void masses_at_least_f32(
    const float *x, int32_t count, const float *thresholds, float *masses) {
    for (int32_t t = 0; t < MASS_THRESHOLDS; t++) {
        float lanes[lane_count] = {0};
        for (int32_t i = 0; i < count; i++)
            if (x[i] >= thresholds[t]) lanes[i % lane_count] += x[i];
        masses[t] = lanes_sum(lanes);
    }
}

static int32_t count_greater_f32(const float *x, int32_t count, float value) {
    int32_t found = 0;
    for (int32_t i = 0; i < count; i++) found += x[i] > value;
    return found;
}

void statistics_penalize_f32(
    float *x, const int32_t *ids, const int32_t *seen, int32_t count, float presence,
    float frequency, float repetition) {
    for (int32_t i = 0; i < count; i++) {
        float v = x[ids[i]];
        v = v > 0.0f ? v / repetition : v * repetition;
        if (seen[i] > 0) v -= fmaf(frequency, (float)seen[i], presence);
        x[ids[i]] = v;
    }
}

const struct statistics_kernels statistics_kernels_portable = {
    .argmax_f32 = argmax_f32,
    .max_f32 = max_f32,
    .sum_exp_f32 = sum_exp_f32,
    .exp_f32 = exp_f32,
    .collect_within_f32 = collect_within_f32,
    .masses_at_least_f32 = masses_at_least_f32,
    .count_greater_f32 = count_greater_f32,
};

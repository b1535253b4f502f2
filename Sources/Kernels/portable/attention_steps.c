// attention_steps.c: the portable steps of attention, which define what every other table computes.
#include "attention_steps.h"

#include <math.h>
#include <string.h>

#include "conversions.h"
#include "exponential.h"
#include "lanes.h"

static float element_at(const void *base, ptrdiff_t index, enum attention_element element) {
    switch (element) {
    case attention_element_f32: return ((const float *)base)[index];
    case attention_element_f16: return half_to_float(((const uint16_t *)base)[index]);
    case attention_element_bf16: return bfloat_to_float(((const uint16_t *)base)[index]);
    case attention_element_i8: break; /* not an f32 */
    }
    __builtin_unreachable();
}

static float score_f32(
    const float *query, int32_t rows, const void *block, int32_t s, enum attention_element element, int32_t head_size) {
    float score = 0.0f;
    for (ptrdiff_t d = 0; d < head_size; d++)
        score = fmaf(query[d * rows], element_at(block, d * attention_block_tokens + s, element), score);
    return score;
}

static float score_i8(const float *query, int32_t rows, const uint8_t *block, int32_t s, int32_t head_size) {
    int32_t sum;
    memcpy(&sum, query + (ptrdiff_t)(head_size / 4) * rows, sizeof sum);
    for (ptrdiff_t d = 0; d < head_size; d++) {
        int8_t element = ((const int8_t *)(query + d / 4 * rows))[d % 4];
        sum += element * block[d / 4 * attention_block_tokens * 4 + s * 4 + d % 4];
    }
    return (float)sum;
}

/* All but the first of a block's 16 scores are away from it. */
static void scores_i8(
    float *scores, const float *query, int32_t rows, const void *const *blocks, const float *const *scales,
    int32_t block_begin, int32_t block_end, int32_t head_size) {
    for (int32_t r = 0; r < rows; r++) {
        for (int32_t b = block_begin; b < block_end; b++) {
            float *block = scores + r * attention_score_stride + b * attention_block_tokens;
            for (int32_t s = 0; s < attention_block_tokens; s++) {
                block[s] = score_i8(query + r, rows, blocks[b], s, head_size) * scales[b][s];
                if (s > 0) block[s] += block[0];
            }
        }
    }
}

static void scores(
    float *scores, const float *query, int32_t rows, const void *const *blocks, const float *const *scales,
    int32_t block_begin, int32_t block_end, enum attention_element element, int32_t head_size) {
    if (element == attention_element_i8)
        return scores_i8(scores, query, rows, blocks, scales, block_begin, block_end, head_size);
    for (int32_t r = 0; r < rows; r++)
        for (int32_t s = block_begin * 16; s < block_end * 16; s++)
            scores[r * attention_score_stride + s] =
                score_f32(query + r, rows, blocks[s / 16], s % 16, element, head_size);
}

static void softmax(
    float *scores, int32_t block_begin, int32_t block_end, int32_t begin, int32_t end, float scale,
    float soft_cap, float state[2]) {
    float maximum = -INFINITY;
    for (int32_t s = begin; s < end; s++) {
        float score = scores[s] * scale;
        if (soft_cap > 0.0f) score = soft_cap * portable_tanh(score / soft_cap);
        scores[s] = score;
        maximum = score > maximum ? score : maximum;
    }
    float lanes[lane_count] = {0};
    for (int32_t s = block_begin * 16; s < block_end * 16; s++) {
        scores[s] = s >= begin && s < end ? portable_exp(scores[s] - maximum) : 0.0f;
        lanes[s % lane_count] += scores[s];
    }
    state[0] = maximum + 0.0f;
    state[1] = lanes_sum(lanes);
}

static void level(
    struct attention_levels *levels, const float *const *scales, int32_t block_begin, int32_t block_end) {
    for (int32_t s = block_begin * 16; s < block_end * 16; s++) {
        levels->power[s] = scales[s / 16][s % 16];
        levels->inverse[s] = inverse_power(levels->power[s]);
    }
}

/* What a row has gathered, beside a greater top. */
static void rescale(const struct attention_weighing *rows, int32_t r, float top) {
    float difference = rows->tops[r] - top;
    rows->tops[r] = top;
    if (difference < ATTENTION_TOP_LEAST / 2) return; /* nothing yet */
    float keep = power_of_two(EXP_ROUNDER + (difference < -POWER_REACH ? -POWER_REACH : difference));
    for (int32_t i = 0; i < lane_count; i++) rows->lanes[r * lane_count + i] *= keep;
    for (ptrdiff_t d = 0; d < rows->head_size; d++) rows->sums[r * rows->head_size + d] *= keep;
}

/* Scores of the slots that count become powers of two, of which the greatest is returned. */
static float powers_of(
    const struct attention_weighing *rows, const struct attention_levels *levels, int32_t r, uint64_t visible) {
    float *scores = rows->scores + (ptrdiff_t)r * attention_score_stride, cap = rows->soft_cap;
    float factor = cap > 0.0f ? EXP_LOG2_E : rows->scales[r] * EXP_LOG2_E, greatest = ATTENTION_TOP_LEAST;
    for (int32_t s = 0; s < attention_chunk_tokens; s++) {
        if (!(visible >> s & 1)) continue;
        float score = scores[s];
        if (cap > 0.0f) score = cap * portable_tanh(score * rows->scales[r] / cap);
        scores[s] = fmaf(score, factor, levels->power[s]);
        greatest = scores[s] > greatest ? scores[s] : greatest;
    }
    return greatest;
}

static void weigh_row(
    const struct attention_weighing *rows, const struct attention_levels *levels, int32_t r, uint64_t visible) {
    float *scores = rows->scores + (ptrdiff_t)r * attention_score_stride, *row_lanes = rows->lanes + r * lane_count;
    float greatest = powers_of(rows, levels, r, visible);
    if (greatest > rows->tops[r] + ATTENTION_TOP_AHEAD) rescale(rows, r, nearbyintf(greatest));
    float worth = power_weight(greatest - (rows->tops[r] - POWER_REACH)) * ATTENTION_WORTH;
    float base = greatest - POWER_REACH, lanes[lane_count] = { 0 };
    uint8_t quants[attention_chunk_tokens] = { 0 };
    for (int32_t s = 0; s < attention_chunk_tokens; s++) {
        if (!(visible >> s & 1)) continue;
        float weight = power_weight(scores[s] - base);
        quants[s] = weight > 0.0f ? (uint8_t)nearbyintf(weight) : 0;
        lanes[s % lane_count] = fmaf(weight, levels->inverse[s], lanes[s % lane_count]);
    }
    for (int32_t i = 0; i < lane_count; i++) row_lanes[i] = fmaf(lanes[i], worth, row_lanes[i]);
    memcpy(scores, quants, sizeof quants);
    scores[attention_worth_place] = worth;
}

static void weigh(const struct attention_weighing *rows, const struct attention_levels *levels) {
    for (int32_t r = 0; r < rows->count; r++)
        weigh_row(rows, levels, r, rows->visible ? rows->visible[r] : ~(uint64_t)0);
}

static void total(float (*states)[2], const float *tops, const float *lanes, int32_t count) {
    for (int32_t r = 0; r < count; r++) {
        float own[lane_count];
        memcpy(own, lanes + (ptrdiff_t)r * lane_count, sizeof own);
        states[r][0] = attention_maximum(tops[r]);
        states[r][1] = lanes_sum(own);
    }
}

static void accumulate_i8(
    float *sums, const float *weights, int32_t rows, const void *const *blocks, int32_t begin,
    int32_t end, int32_t head_size) {
    int32_t first = begin / attention_chunk_tokens * attention_chunk_tokens;
    for (ptrdiff_t i = 0; i < rows * head_size; i++) {
        ptrdiff_t r = i / head_size, d = i % head_size;
        const float *chunk = weights + r * attention_score_stride + first;
        int32_t sum = 0;
        for (int32_t s = begin / 16 * 16; s < (end + 15) / 16 * 16; s++) {
            int8_t value = ((const int8_t *)blocks[s / 16])[s % 16 / 4 * head_size * 4 + d * 4 + s % 4];
            sum += ((const uint8_t *)chunk)[s - first] * value;
        }
        sums[i] = fmaf((float)sum, chunk[attention_worth_place], sums[i]);
    }
}

static void accumulate(
    float *sums, const float *weights, int32_t rows, const void *const *blocks, int32_t begin,
    int32_t end, enum attention_element element, int32_t head_size) {
    if (element == attention_element_i8)
        return accumulate_i8(sums, weights, rows, blocks, begin, end, head_size);
    for (int32_t s = begin; s < end; s++) {
        for (ptrdiff_t d = 0; d < head_size; d++) {
            float value = element_at(blocks[s / 16], (s % 16) * head_size + d, element);
            for (int32_t r = 0; r < rows; r++) {
                float *sum = &sums[r * head_size + d];
                *sum = fmaf(weights[r * attention_score_stride + s], value, *sum);
            }
        }
    }
}

static void merge(
    float state[2], float *values, const float more_state[2], const float *more_values,
    int32_t head_size) {
    float maximum = state[0] > more_state[0] ? state[0] : more_state[0];
    float keep = portable_exp(state[0] - maximum);
    float take = portable_exp(more_state[0] - maximum);
    state[0] = maximum;
    state[1] = fmaf(state[1], keep, more_state[1] * take);
    for (int32_t d = 0; d < head_size; d++)
        values[d] = fmaf(values[d], keep, more_values[d] * take);
}

static void finish(
    float *output, const float *values, const float state[2], const float *sink,
    int32_t head_size) {
    float factor = 1.0f / state[1];
    if (sink != NULL) {
        float maximum = state[0] > *sink ? state[0] : *sink;
        float keep = portable_exp(state[0] - maximum);
        factor = keep / fmaf(state[1], keep, portable_exp(*sink - maximum));
    }
    for (int32_t d = 0; d < head_size; d++) output[d] = values[d] * factor + 0.0f;
}

static void widen(float *target, const void *source, int32_t count, enum attention_element element) {
    for (ptrdiff_t i = 0; i < count; i++) target[i] = element_at(source, i, element);
}

static const struct attention_steps steps = {
    .tile_rows = 4,
    .lone_tile_rows = 4,
    .rows = &row_kernels_portable,
    .scores = scores,
    .softmax = softmax,
    .level = level,
    .weigh = weigh,
    .total = total,
    .accumulate = accumulate,
    .merge = merge,
    .finish = finish,
    .widen = widen,
};

static void attend(const struct attention_job *job, void *scratch) {
    attention_attend(&steps, job, scratch);
}

static void attend_spans(
    const struct attention_job *job, int32_t span_begin, int32_t span_end, float *partials,
    void *scratch) {
    attention_attend_spans(&steps, job, span_begin, span_end, partials, scratch);
}

static void merge_spans(
    const struct attention_job *job, const float *partials, int32_t row_begin, int32_t row_end) {
    attention_merge_spans(&steps, job, partials, row_begin, row_end);
}

static void store(const struct attention_store_job *job) { attention_store(&steps, job); }

const struct attention_kernels attention_kernels_portable = {
    .attend = attend,
    .attend_spans = attend_spans,
    .merge_spans = merge_spans,
    .store = store,
};

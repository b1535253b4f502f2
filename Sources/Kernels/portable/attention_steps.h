// attention_steps.h: the inner steps of paged attention, one struct per instruction set, and the
// driver that calls them.
// The steps never see pages, positions or windows; the driver never touches a number.
// One idea: everything that decides *which* slots count is written once, in the driver: attention.c, and its ways
// through a span, attention_floats.c and attention_integers.c.
#ifndef KERNELS_PORTABLE_ATTENTION_STEPS_H
#define KERNELS_PORTABLE_ATTENTION_STEPS_H

#include "../include/attention.h"
#include "../include/rows.h"
#include "exponential.h"

enum {
    attention_span_blocks = attention_span_tokens / attention_block_tokens,
    /* (row, head) pairs that share one pass over widened keys and values. */
    attention_rows_max = 96,
    /* Rows whose weights are found together, of one tile or several. */
    attention_weighed_rows_max = 16,
    /* Blocks that are widened at a time, or whose weights become integers together. */
    attention_chunk_blocks = 4,
    attention_chunk_tokens = attention_chunk_blocks * attention_block_tokens,
    /* Floats between the scores of two pairs; the pad keeps them off the same cache sets. */
    attention_score_stride = attention_span_tokens + 16,
};

static inline void attention_fetch(const char *from, size_t bytes) {
    for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(from + at, 0, 3);
}

static inline void attention_fetch_far(const char *from, size_t bytes) {
    for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(from + at, 0, 2);
}

/* The blocks to fetch while another one is worked on. */
struct attention_ahead {
    const char *near, *far;
};

static inline struct attention_ahead attention_ahead_of(const void *const *blocks, int32_t b) {
    return (struct attention_ahead){ blocks[b + attention_near_blocks], blocks[b + attention_fetched_blocks] };
}

/* Bytes [at, at + bytes) of both. */
static inline void attention_fetch_ahead(struct attention_ahead ahead, ptrdiff_t at, size_t bytes) {
    attention_fetch(ahead.near + at, bytes);
    attention_fetch_far(ahead.far + at, bytes);
}

/* Floats from the first of a chunk's weights to what one of the integers in their place is worth: behind those. */
enum { attention_worth_place = attention_chunk_tokens / 2 };

/* Weights are 255 at most, and so is what takes them back: see power_weight. */
#define ATTENTION_WORTH (1.0f / (255 * 255))

/* A top, which is a power of two, as one of e. */
static inline float attention_maximum(float top) {
    const float ln_2 = 0x1.62e43p-1f;
    return top * ln_2 + 0.0f;
}

/* Below every score: the top of a row that has seen nothing. */
#define ATTENTION_TOP_LEAST (-0x1p100f)
/* So far scores may be above what a row counts beside: floats have room, and changing it takes time. */
#define ATTENTION_TOP_AHEAD 16.0f

/* What a chunk's value scales are to weights: powers of two, and what takes those back. */
struct attention_levels {
    float power[attention_chunk_tokens], inverse[attention_chunk_tokens];
};

/* Rows with int8 before one chunk, and what they have gathered in chunks before it. */
struct attention_weighing {
    /* [rows, attention_score_stride]: scores of the chunk's slots. */
    float *scores;
    int32_t count, head_size;
    /* [rows]: bit s says that slot s counts; null: all do.  What does not count may be anything. */
    const uint64_t *visible;
    /* [rows]: what scores are multiplied by before they are capped, not negative; and the cap, or 0. */
    const float *scales;
    float soft_cap;
    /* [rows]: the whole power of two beside which sums count; [rows, 16] sums of weights; [rows, head_size]. */
    float *tops;
    float *lanes;
    float *sums;
    /* [attention_weighed_rows_max, 16], from a line of 64 on: the scores are powers already, of which these are the
     * greatest of each lane, and anything behind the last row; null: they are scores. */
    const float *greatest;
};

/* A tile of int8 before a chunk that all of its rows see. */
struct attention_powers {
    const float *query; /* as `scores` reads it */
    int32_t count, head_size; /* rows: at most tile_rows */
    const void *const *keys;
    const float *const *key_scales;
    const struct attention_levels *levels;
    const float *scales; /* [rows]: as in attention_weighing */
    float *scores;       /* [rows, attention_score_stride]: power[s] of `weigh` */
    float *greatest;     /* [rows, 16]: as in attention_weighing */
};

/* A "tile" is 1 ... tile_rows (row, head) pairs, or up to lone_tile_rows where there are no more.  Slots and
 * blocks count from the start of a span; blocks[b] is where the element of slot 16 b begins: its key column, or its
 * value row.  Behind the last block that counts, attention_fetched_blocks more are named, to be fetched alone. */
struct attention_steps {
    int32_t tile_rows;
    /* At least tile_rows: as many go in one tile rather than have keys and values widened for two.  At most
     * attention_weighed_rows_max. */
    int32_t lone_tile_rows;
    const struct row_kernels *rows;

    /* scores[r * attention_score_stride + s] = sum_d query[d * rows + r] * key[d, s], by fma, d
     * ascending, for every slot s of blocks [block_begin, block_end).
     * key[d, s]: blocks[s / 16] + d * 16 + s % 16 elements.
     * int8: sums of integers, times scales[s / 16][s % 16], to which all but the first slot of a block then add that
     * one's.  query[d / 4 * rows + r] holds four integers, query[head_size / 4 * rows + r] what a sum begins with,
     * an int32, and key[d, s] lies at d / 4 * 64 + s % 16 * 4 + d % 4. */
    void (*scores)(
        float *scores, const float *query, int32_t rows, const void *const *blocks, const float *const *scales,
        int32_t block_begin, int32_t block_end, enum attention_element element, int32_t head_size);

    /* One pair's scores of blocks [block_begin, block_end) become exp(score - maximum), score =
     * scale * scores[s], then soft-capped; 0 outside slots [begin, end), which lie in the blocks
     * and are at least one.  state = {maximum, sum in 16 lanes}. */
    void (*softmax)(
        float *scores, int32_t block_begin, int32_t block_end, int32_t begin, int32_t end,
        float scale, float soft_cap, float state[2]);

    /* The levels of blocks [block_begin, block_end) of a chunk: scales, as they are stored, and inverse_power of
     * those. */
    void (*level)(
        struct attention_levels *levels, const float *const *scales, int32_t block_begin, int32_t block_end);

    /* int8, where there is no cap: a whole chunk's scores as the powers that `weigh` would make of them first, with the
     * same bits.  Null where a table would gain nothing. */
    void (*powers)(const struct attention_powers *job);

    /* int8, instead of softmax: one chunk's scores become integers in their place, as wide as the table likes, and what
     * one of them is worth; 0 for slots that do not count.
     * power[s] = fma(score, scale * log2 e, levels->power[s]).  Where the greatest is more than ATTENTION_TOP_AHEAD
     * above the row's top, its nearest whole number becomes that, for which lanes and sums are multiplied by
     * 2^(old - new).  weight[s] = power_weight(power[s] - (greatest - POWER_REACH)), and
     * worth = power_weight(greatest - (top - POWER_REACH)) / 255^2.  Lane s % 16 of the chunk is
     * fma(weight[s], levels->inverse[s], lane), s ascending, and joins its row's as fma(lane, worth, row's). */
    void (*weigh)(const struct attention_weighing *rows, const struct attention_levels *levels);

    /* int8: what each of `count` pairs has gathered of a span as {maximum, sum}, attention_maximum of its top and the
     * sum of its lanes; a sum of 0 where nothing counted. */
    void (*total)(float (*states)[2], const float *tops, const float *lanes, int32_t count);

    /* sums[r * head_size + d] = fma(weights[r * attention_score_stride + s], value[s, d], sums), s
     * ascending in [begin, end).  value[s, d]: blocks[s / 16] + s % 16 * head_size + d elements.
     * int8: slots of one chunk, whose sum in integers, times their worth, joins by fma; begin and end count for
     * whole blocks, and value[s, d] lies at s % 16 / 4 * head_size * 4 + d * 4 + s % 4. */
    void (*accumulate)(
        float *sums, const float *weights, int32_t rows, const void *const *blocks, int32_t begin,
        int32_t end, enum attention_element element, int32_t head_size);

    /* Adds one span's {maximum, sum} and values to another's, both with sum != 0:
     * M = max(m1, m2); c = exp(m - M); values = fma(values, c1, more_values * c2), sum alike. */
    void (*merge)(
        float state[2], float *values, const float more_state[2], const float *more_values,
        int32_t head_size);

    /* output[d] = values[d] * factor + 0, factor = 1 / sum; with a sink (may be null), factor =
     * c / fma(sum, c, exp(sink - M)), M = max(maximum, sink), c = exp(maximum - M). */
    void (*finish)(
        float *output, const float *values, const float state[2], const float *sink,
        int32_t head_size);

    /* Converts `count` elements, a multiple of 8, to f32. */
    void (*widen)(float *target, const void *source, int32_t count, enum attention_element element);
};

/* The kernels of a table are these with the table's steps. */
void attention_attend(
    const struct attention_steps *steps, const struct attention_job *job, void *scratch);
void attention_attend_spans(
    const struct attention_steps *steps, const struct attention_job *job, int32_t span_begin,
    int32_t span_end, float *partials, void *scratch);
void attention_merge_spans(
    const struct attention_steps *steps, const struct attention_job *job, const float *partials,
    int32_t row_begin, int32_t row_end);
void attention_store(
    const struct attention_steps *steps, const struct attention_store_job *job);

#endif

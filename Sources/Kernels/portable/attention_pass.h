// attention_pass.h: what the two ways through a span share: a block of (row, head) pairs, which slots it sees, and
// where those lie.
#ifndef KERNELS_PORTABLE_ATTENTION_PASS_H
#define KERNELS_PORTABLE_ATTENTION_PASS_H

#include "../include/fetch.h"
#include "attention_steps.h"
#include "lanes.h"

// scratch, pairs being attention_rows_max: [scores, pairs x attention_score_stride][queries, pairs x head]
// [widened, a chunk x head][values, pairs x head][span, pairs x head][score scales, pairs][lanes, pairs x 16]
// [tops, pairs]
struct workspace {
    float *scores;
    float *queries;
    float *widened;
    float *values;
    float *span_values;
    /* What a pair's scores are multiplied by before the softmax. */
    float *score_scales;
    /* With int8: what a pair's weights sum up to, and the power of two beside which that and its values count. */
    float *lanes;
    float *tops;
};

/* Pairs [first, first + count) of a job in (row, head) order, in tiles of tile_rows. */
struct pair_block {
    const struct attention_job *job;
    int32_t first;
    int32_t count;
    int32_t tile_rows;
};

/* Slots [begin, end) of a span. */
struct slot_range {
    int32_t begin;
    int32_t end;
};

static inline int32_t pair_position(const struct attention_job *job, int32_t pair) {
    return job->first_position + pair / job->group;
}

/* What pairs [first, last] see of a span, together. */
static inline struct slot_range visible(
    const struct attention_job *job, int32_t first, int32_t last, int32_t span) {
    int32_t start = span * attention_span_tokens;
    int32_t begin = attention_first_visible(job->window, pair_position(job, first)) - start;
    int32_t end = pair_position(job, last) + 1 - start;
    struct slot_range range = {
        .begin = begin > 0 ? begin : 0,
        .end = end < attention_span_tokens ? end : attention_span_tokens,
    };
    return range;
}

static inline int32_t first_block(struct slot_range range) { return range.begin / attention_block_tokens; }

static inline int32_t last_block(struct slot_range range) {
    return (range.end + attention_block_tokens - 1) / attention_block_tokens;
}

static inline int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
static inline int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

static inline int32_t tile_rows_at(const struct pair_block *block, int32_t tile) {
    return smaller(block->tile_rows, block->count - tile);
}

/* What one pass over a span shares. */
struct span_pass {
    const struct attention_steps *steps;
    const struct pair_block *block;
    const struct workspace *space;
    int32_t span;
    struct slot_range range;
    /* Behind the last block: what is read after it. */
    const void *keys[attention_span_blocks + attention_fetched_blocks];
    const void *values[attention_span_blocks + attention_fetched_blocks];
    /* With int8: the scales of each block's slots. */
    const float *key_scales[attention_span_blocks];
    const float *value_scales[attention_span_blocks];
};

static inline struct slot_range tile_range(const struct span_pass *pass, int32_t tile) {
    int32_t first = pass->block->first + tile;
    int32_t rows = tile_rows_at(pass->block, tile);
    return visible(pass->block->job, first, first + rows - 1, pass->span);
}

/* What is read behind a chunk: blocks of memory, fetched between the chunk's tiles. */
static inline struct fetch_list fetch_behind(const struct span_pass *pass, const void *const *blocks, int32_t count) {
    const struct attention_job *job = pass->block->job;
    struct fetch_list list = {
        .pieces = (const uint8_t *const *)blocks,
        .piece_bytes = attention_block_tokens * (size_t)job->head_size * attention_element_bytes(job->element),
        .count = count,
    };
    return list;
}

/* A tile's share of a list. */
static inline void fetch_share(struct fetch_list *list, const struct span_pass *pass) {
    if (!list) return;
    size_t bytes = (size_t)list->count * list->piece_bytes, tile_rows = (size_t)pass->block->tile_rows;
    for (size_t at = 0; at * (size_t)pass->block->count < bytes * tile_rows; at += FETCH_BYTES) fetch_next(list);
}

/* One span for a block of pairs, elements of floats, and of integers: their {maximum, sum}, and their weighted values
 * in `sums`. */
void attention_floats_span(const struct span_pass *pass, float (*states)[2], float *sums);
void attention_integers_span(const struct span_pass *pass, float (*states)[2], float *sums);

/* The first blocks that are read where they lie: the steps themselves fetch only what lies some blocks ahead. */
static inline void fetch_first(const struct span_pass *pass, const void *const *blocks) {
    const struct attention_job *job = pass->block->job;
    size_t bytes = attention_block_tokens * (size_t)job->head_size * attention_element_bytes(job->element);
    for (int32_t b = 0; b < attention_near_blocks; b++) attention_fetch(blocks[b], bytes);
    for (int32_t b = attention_near_blocks; b < attention_fetched_blocks; b++) attention_fetch_far(blocks[b], bytes);
}

#endif

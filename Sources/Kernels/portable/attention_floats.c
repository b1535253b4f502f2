// attention_floats.c: a span of keys and values in floats, shared by every table: all scores, then all weights, then
// all values.
#include "attention_pass.h"

#include <string.h>

/* All tiles against blocks [begin, end), whose keys lie at `keys`, as `element`. */
static void score_tiles(
    const struct span_pass *pass, const void *const *keys, int32_t begin, int32_t end,
    enum attention_element element, struct fetch_list *meanwhile) {
    int32_t head_size = pass->block->job->head_size;
    for (int32_t tile = 0; tile < pass->block->count; tile += pass->block->tile_rows) {
        struct slot_range range = tile_range(pass, tile);
        int32_t first = larger(begin, first_block(range));
        int32_t last = smaller(end, last_block(range));
        fetch_share(meanwhile, pass);
        if (first >= last) continue;
        pass->steps->scores(
            pass->space->scores + (ptrdiff_t)tile * attention_score_stride,
            pass->space->queries + (ptrdiff_t)tile * head_size,
            tile_rows_at(pass->block, tile), keys, NULL, first, last, element, head_size);
    }
}

/* All tiles' weights of slots [begin, end) times the values at `values`. */
static void accumulate_tiles(
    const struct span_pass *pass, const void *const *values, int32_t begin, int32_t end,
    enum attention_element element, float *sums, struct fetch_list *meanwhile) {
    int32_t head_size = pass->block->job->head_size;
    for (int32_t tile = 0; tile < pass->block->count; tile += pass->block->tile_rows) {
        struct slot_range range = tile_range(pass, tile);
        int32_t first = larger(begin, range.begin);
        int32_t last = smaller(end, range.end);
        fetch_share(meanwhile, pass);
        if (first >= last) continue;
        pass->steps->accumulate(
            sums + (ptrdiff_t)tile * head_size,
            pass->space->scores + (ptrdiff_t)tile * attention_score_stride,
            tile_rows_at(pass->block, tile), values, first, last, element, head_size);
    }
}

/* Nothing follows what is at hand: it fetches its own end. */
static void end_blocks(const void **blocks, int32_t end) {
    for (int32_t i = 0; i < attention_fetched_blocks; i++) blocks[end + i] = blocks[end - 1];
}

/* The first slots of a block as f32, at the block's place within a chunk. */
static const float *widen_slots(const struct span_pass *pass, const void *block, int32_t place, int32_t slots) {
    const struct attention_job *job = pass->block->job;
    float *target = pass->space->widened + (ptrdiff_t)place * attention_block_tokens * job->head_size;
    pass->steps->widen(target, block, slots * job->head_size, job->element);
    return target;
}

/* One tile, or f32: blocks are read where they lie, and else widened to f32, a chunk at a time for all tiles. */
static int reads_in_place(const struct pair_block *block) {
    return block->count <= block->tile_rows || block->job->element == attention_element_f32;
}

/* The chunk of blocks behind block b of a list. */
static struct fetch_list behind_chunk(const struct span_pass *pass, const void *const *blocks, int32_t b) {
    int32_t left = last_block(pass->range) + attention_fetched_blocks - b;
    return fetch_behind(pass, blocks + b, smaller(attention_chunk_blocks, left));
}

/* Where the blocks end that are read together with block b. */
static int32_t chunk_stop(const struct span_pass *pass, int32_t b) {
    return smaller((b / attention_chunk_blocks + 1) * attention_chunk_blocks, last_block(pass->range));
}

static void score_span(const struct span_pass *pass) {
    const struct attention_job *job = pass->block->job;
    int32_t begin = first_block(pass->range), end = last_block(pass->range);
    if (reads_in_place(pass->block)) {
        score_tiles(pass, pass->keys, begin, end, job->element, NULL);
        return;
    }
    const void *widened[attention_span_blocks + attention_fetched_blocks];
    for (int32_t first = begin, stop; first < end; first = stop) {
        stop = chunk_stop(pass, first);
        struct fetch_list behind = behind_chunk(pass, pass->keys, stop);
        for (int32_t b = first; b < stop; b++)
            widened[b] = widen_slots(pass, pass->keys[b], b - first, attention_block_tokens);
        end_blocks(widened, stop);
        score_tiles(pass, widened, first, stop, attention_element_f32, &behind);
    }
}

/* Scores become weights. */
static void weigh_span(const struct span_pass *pass, float (*states)[2]) {
    const struct attention_job *job = pass->block->job;
    const struct attention_steps *steps = pass->steps;
    for (int32_t tile = 0; tile < pass->block->count; tile += pass->block->tile_rows) {
        struct slot_range shared = tile_range(pass, tile);
        int32_t begin = first_block(shared), end = last_block(shared);
        for (int32_t r = tile; r < tile + tile_rows_at(pass->block, tile); r++) {
            float *scores = pass->space->scores + (ptrdiff_t)r * attention_score_stride;
            float scale = pass->space->score_scales[r], *state = states[r];
            int32_t pair = pass->block->first + r;
            struct slot_range own = visible(job, pair, pair, pass->span);
            if (own.begin >= own.end) {
                state[0] = state[1] = 0.0f;
                size_t slots = shared.begin < shared.end ? (size_t)(end - begin) * attention_block_tokens : 0;
                memset(scores + begin * attention_block_tokens, 0, slots * sizeof(float));
            } else {
                steps->softmax(scores, begin, end, own.begin, own.end, scale, job->soft_cap, state);
            }
        }
    }
}

static void accumulate_span(const struct span_pass *pass, float *sums) {
    const struct attention_job *job = pass->block->job;
    memset(sums, 0, (size_t)pass->block->count * (size_t)job->head_size * sizeof(float));
    if (reads_in_place(pass->block)) {
        accumulate_tiles(pass, pass->values, pass->range.begin, pass->range.end, job->element, sums, NULL);
        return;
    }
    const void *widened[attention_span_blocks + attention_fetched_blocks];
    int32_t begin = first_block(pass->range), end = last_block(pass->range);
    for (int32_t first = begin, stop; first < end; first = stop) {
        stop = chunk_stop(pass, first);
        struct fetch_list behind = behind_chunk(pass, pass->values, stop);
        int32_t slot = first * attention_block_tokens, last = stop * attention_block_tokens;
        for (int32_t b = first; b < stop; b++) {
            int32_t slots = smaller(attention_block_tokens, pass->range.end - b * attention_block_tokens);
            widened[b] = widen_slots(pass, pass->values[b], b - first, slots);
        }
        end_blocks(widened, stop);
        accumulate_tiles(pass, widened, slot, last, attention_element_f32, sums, &behind);
    }
}

void attention_floats_span(const struct span_pass *pass, float (*states)[2], float *sums) {
    if (reads_in_place(pass->block)) fetch_first(pass, pass->keys + first_block(pass->range));
    score_span(pass);
    weigh_span(pass, states);
    accumulate_span(pass, sums);
}

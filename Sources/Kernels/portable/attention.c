// attention.c: the driver of paged attention, shared by every table.
// Decides which blocks of which pages a tile of rows looks at, in which order; computes no number.
// One idea: a block of attention_rows_max (row, head) pairs goes through a span together, so that keys and
// values are fetched (and widened to f32) once for all; a single tile reads the pages directly.
#include "attention_steps.h"
#include "../include/fetch.h"

#include <string.h>

_Static_assert(attention_head_size_max <= HADAMARD_MAX, "every head has a transform");

// scratch, pairs being attention_rows_max: [scores, pairs x attention_score_stride][queries, pairs x head]
// [widened, a chunk x head][values, pairs x head][span, pairs x head][score scales, pairs]
struct workspace {
    float *scores;
    float *queries;
    float *widened;
    float *values;
    float *span_values;
    /* What a pair's scores are multiplied by before the softmax. */
    float *score_scales;
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

size_t attention_scratch_bytes(int32_t head_size) {
    size_t per_size = 3 * attention_rows_max + attention_chunk_blocks * attention_block_tokens;
    size_t scores = (size_t)attention_rows_max * attention_score_stride;
    size_t floats = scores + per_size * (size_t)head_size + attention_rows_max;
    return (floats * sizeof(float) + 63) / 64 * 64;
}

static struct workspace workspace_in(void *scratch, int32_t head_size) {
    float *base = scratch;
    ptrdiff_t rows_by_size = (ptrdiff_t)attention_rows_max * head_size;
    struct workspace space;
    space.scores = base;
    space.queries = space.scores + (ptrdiff_t)attention_rows_max * attention_score_stride;
    space.widened = space.queries + rows_by_size;
    space.values = space.widened + attention_chunk_blocks * attention_block_tokens * head_size;
    space.span_values = space.values + rows_by_size;
    space.score_scales = space.span_values + rows_by_size;
    return space;
}

static int32_t pair_position(const struct attention_job *job, int32_t pair) {
    return job->first_position + pair / job->group;
}

/* What pairs [first, last] see of a span, together. */
static struct slot_range visible(
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

static int32_t first_block(struct slot_range range) { return range.begin / attention_block_tokens; }

static int32_t last_block(struct slot_range range) {
    return (range.end + attention_block_tokens - 1) / attention_block_tokens;
}

static int32_t smaller(int32_t a, int32_t b) { return a < b ? a : b; }
static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

static int32_t tile_rows_at(const struct pair_block *block, int32_t tile) {
    return smaller(block->tile_rows, block->count - tile);
}

/* A query as integers, four of them together and `rows` apart, and behind them what takes the keys' zero away.
 * Returns the scale of its scores. */
static float pack_quants(
    const struct attention_steps *steps, const struct attention_job *job, const float *query, float *packed,
    int32_t rows) {
    float spread[attention_head_size_max];
    int8_t quants[attention_head_size_max];
    int32_t begin = 0, size = job->head_size;
    steps->rows->hadamard_f32(spread, query, size);
    float scale = steps->rows->f32_to_i8(quants, spread, size);
    for (ptrdiff_t d = 0; d < size; d++) begin -= attention_key_zero * quants[d];
    for (ptrdiff_t four = 0; four < size / 4; four++) memcpy(packed + four * rows, quants + 4 * four, 4);
    memcpy(packed + (ptrdiff_t)(size / 4) * rows, &begin, sizeof begin);
    return job->scale * scale;
}

/* One query, whose elements come to lie `rows` apart.  Returns the scale of its scores. */
static float pack_query(
    const struct attention_steps *steps, const struct attention_job *job, const float *query, float *packed,
    int32_t rows) {
    if (job->element == attention_element_i8) return pack_quants(steps, job, query, packed, rows);
    for (ptrdiff_t d = 0; d < job->head_size; d++) packed[d * rows] = query[d];
    return job->scale;
}

/* queries[tile * head_size + d * rows + r]: what one multiplication step broadcasts is together. */
static void pack_queries(
    const struct attention_steps *steps, const struct pair_block *block, const struct workspace *space) {
    const struct attention_job *job = block->job;
    for (int32_t tile = 0; tile < block->count; tile += block->tile_rows) {
        int32_t rows = tile_rows_at(block, tile);
        float *packed = space->queries + (ptrdiff_t)tile * job->head_size;
        for (int32_t r = 0; r < rows; r++) {
            int32_t pair = block->first + tile + r;
            const float *query = job->queries + pair / job->group * job->query_stride
                + (ptrdiff_t)(pair % job->group) * job->head_size;
            space->score_scales[tile + r] = pack_query(steps, job, query, packed + r, rows);
        }
    }
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

static const float *scales_at(const float *scales, ptrdiff_t lot_stride, struct attention_place place) {
    return (const float *)((const char *)scales + place.lot * lot_stride) + place.slot;
}

/* Bytes from a job's keys, or values, to a block that begins at a place. */
static ptrdiff_t offset_of(const struct attention_job *job, struct attention_place place) {
    return place.lot * job->lot_stride
        + place.slot * job->head_size * (ptrdiff_t)attention_element_bytes(job->element);
}

static void locate_blocks(struct span_pass *pass) {
    const struct attention_job *job = pass->block->job;
    for (int32_t b = first_block(pass->range); b < last_block(pass->range); b++) {
        int32_t position = pass->span * attention_span_tokens + b * attention_block_tokens;
        struct attention_place place = attention_place_of(job->pages, job->page_size, position);
        pass->keys[b] = (const char *)job->keys + offset_of(job, place);
        pass->values[b] = (const char *)job->values + offset_of(job, place);
        if (!attention_has_scales(job->element)) continue;
        pass->key_scales[b] = scales_at(job->key_scales, job->lot_stride, place);
        pass->value_scales[b] = scales_at(job->value_scales, job->lot_stride, place);
    }
}

const void *attention_key_block(const struct attention_job *job, int32_t position) {
    int32_t first = position / attention_block_tokens * attention_block_tokens;
    return (const char *)job->keys + offset_of(job, attention_place_of(job->pages, job->page_size, first));
}

/* Values follow keys, and the keys of the job's next span, or the next job, follow values. */
static void locate_following(struct span_pass *pass, int32_t span_end) {
    const struct attention_job *job = pass->block->job;
    int32_t first = first_block(pass->range), end = last_block(pass->range);
    int32_t next = (pass->span + 1) * attention_span_tokens, last = job->first_position + job->rows - 1;
    for (int32_t i = 0; i < attention_fetched_blocks; i++) {
        const void *following = pass->span + 1 < span_end
            ? attention_key_block(job, smaller(next + i * attention_block_tokens, last)) : job->upcoming[i];
        pass->values[end + i] = following ? following : pass->values[end - 1];
    }
    for (int32_t i = 0; i < attention_fetched_blocks; i++) pass->keys[end + i] = pass->values[first + i];
}

static struct slot_range tile_range(const struct span_pass *pass, int32_t tile) {
    int32_t first = pass->block->first + tile;
    int32_t rows = tile_rows_at(pass->block, tile);
    return visible(pass->block->job, first, first + rows - 1, pass->span);
}

/* What is read behind a chunk that was widened: blocks of memory, fetched between the chunk's tiles. */
static struct fetch_list behind_chunk(const struct span_pass *pass, const void *const *blocks, int32_t chunk_end) {
    const struct attention_job *job = pass->block->job;
    struct fetch_list list = {
        .pieces = (const uint8_t *const *)(blocks + chunk_end),
        .piece_bytes = attention_block_tokens * (size_t)job->head_size * attention_element_bytes(job->element),
        .count = smaller(attention_chunk_blocks, last_block(pass->range) + attention_fetched_blocks - chunk_end),
    };
    return list;
}

/* A tile's share of a list. */
static void fetch_share(struct fetch_list *list, const struct span_pass *pass) {
    if (!list) return;
    size_t bytes = (size_t)list->count * list->piece_bytes, tile_rows = (size_t)pass->block->tile_rows;
    for (size_t at = 0; at * (size_t)pass->block->count < bytes * tile_rows; at += FETCH_BYTES) fetch_next(list);
}

/* All tiles against blocks [begin, end), whose keys lie at `keys`, as `element`. */
static void score_tiles(
    const struct span_pass *pass, const void *const *keys, int32_t begin, int32_t end,
    enum attention_element element, struct fetch_list *meanwhile) {
    int32_t head_size = pass->block->job->head_size;
    const float *const *scales = attention_has_scales(pass->block->job->element) ? pass->key_scales : NULL;
    for (int32_t tile = 0; tile < pass->block->count; tile += pass->block->tile_rows) {
        struct slot_range range = tile_range(pass, tile);
        int32_t first = larger(begin, first_block(range));
        int32_t last = smaller(end, last_block(range));
        fetch_share(meanwhile, pass);
        if (first >= last) continue;
        pass->steps->scores(
            pass->space->scores + (ptrdiff_t)tile * attention_score_stride,
            pass->space->queries + (ptrdiff_t)tile * head_size,
            tile_rows_at(pass->block, tile), keys, scales, first, last, element, head_size);
    }
}

/* The first slot behind a slot's chunk. */
static int32_t chunk_end(int32_t slot) { return (slot / attention_chunk_tokens + 1) * attention_chunk_tokens; }

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
        for (int32_t stop; first < last; first = stop) {
            stop = element == attention_element_i8 ? smaller(last, chunk_end(first)) : last;
            pass->steps->accumulate(
                sums + (ptrdiff_t)tile * head_size,
                pass->space->scores + (ptrdiff_t)tile * attention_score_stride,
                tile_rows_at(pass->block, tile), values, first, stop, element, head_size);
        }
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

/* How a span's blocks are read. */
enum reading {
    READ_AT_ONCE,   /* one tile, or f32: where they lie */
    READ_IN_CHUNKS, /* where they lie, a chunk at a time for all tiles */
    READ_WIDENED,   /* as f32, a chunk at a time for all tiles */
};

/* Where the blocks end that are read together with block b. */
static int32_t chunk_stop(const struct span_pass *pass, int32_t b) {
    return smaller((b / attention_chunk_blocks + 1) * attention_chunk_blocks, last_block(pass->range));
}

static void score_span(const struct span_pass *pass, enum reading reading) {
    const struct attention_job *job = pass->block->job;
    int32_t begin = first_block(pass->range), end = last_block(pass->range);
    if (reading == READ_AT_ONCE) {
        score_tiles(pass, pass->keys, begin, end, job->element, NULL);
        return;
    }
    const void *widened[attention_span_blocks + attention_fetched_blocks];
    for (int32_t first = begin, stop; first < end; first = stop) {
        stop = chunk_stop(pass, first);
        struct fetch_list behind = behind_chunk(pass, pass->keys, stop);
        if (reading == READ_IN_CHUNKS) {
            score_tiles(pass, pass->keys, first, stop, job->element, &behind);
            continue;
        }
        for (int32_t b = first; b < stop; b++)
            widened[b] = widen_slots(pass, pass->keys[b], b - first, attention_block_tokens);
        end_blocks(widened, stop);
        score_tiles(pass, widened, first, stop, attention_element_f32, &behind);
    }
}

/* Nothing of the span weighs anything for a row. */
static void clear_weights(float *scores, int32_t block_begin, int32_t block_end) {
    int32_t first = block_begin / attention_chunk_blocks, last = (block_end - 1) / attention_chunk_blocks;
    size_t chunk = attention_chunk_tokens;
    memset(scores + (size_t)first * chunk, 0, (size_t)(last + 1 - first) * chunk * sizeof(float));
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
                if (shared.begin < shared.end) clear_weights(scores, begin, end);
            } else if (job->element == attention_element_i8) {
                steps->weigh(
                    scores, pass->value_scales, begin, end, own.begin, own.end, scale, job->soft_cap, state);
            } else {
                steps->softmax(scores, begin, end, own.begin, own.end, scale, job->soft_cap, state);
            }
        }
    }
}

static void accumulate_span(const struct span_pass *pass, enum reading reading, float *sums) {
    const struct attention_job *job = pass->block->job;
    memset(sums, 0, (size_t)pass->block->count * (size_t)job->head_size * sizeof(float));
    if (reading == READ_AT_ONCE) {
        accumulate_tiles(pass, pass->values, pass->range.begin, pass->range.end, job->element, sums, NULL);
        return;
    }
    const void *widened[attention_span_blocks + attention_fetched_blocks];
    int32_t begin = first_block(pass->range), end = last_block(pass->range);
    for (int32_t first = begin, stop; first < end; first = stop) {
        stop = chunk_stop(pass, first);
        struct fetch_list behind = behind_chunk(pass, pass->values, stop);
        int32_t slot = first * attention_block_tokens, last = stop * attention_block_tokens;
        if (reading == READ_IN_CHUNKS) {
            accumulate_tiles(pass, pass->values, slot, last, job->element, sums, &behind);
            continue;
        }
        for (int32_t b = first; b < stop; b++) {
            int32_t slots = smaller(attention_block_tokens, pass->range.end - b * attention_block_tokens);
            widened[b] = widen_slots(pass, pass->values[b], b - first, slots);
        }
        end_blocks(widened, stop);
        accumulate_tiles(pass, widened, slot, last, attention_element_f32, sums, &behind);
    }
}

static enum reading reading_of(const struct pair_block *block) {
    if (block->count <= block->tile_rows || block->job->element == attention_element_f32) return READ_AT_ONCE;
    return block->job->element == attention_element_i8 ? READ_IN_CHUNKS : READ_WIDENED;
}

/* The blocks that a span begins with: the steps themselves fetch only what lies some blocks ahead. */
static void fetch_first(const struct span_pass *pass) {
    const struct attention_job *job = pass->block->job;
    size_t bytes = attention_block_tokens * (size_t)job->head_size * attention_element_bytes(job->element);
    int32_t first = first_block(pass->range);
    for (int32_t b = first; b < first + attention_fetched_blocks; b++) attention_fetch(pass->keys[b], bytes);
}

/* One span for one block of pairs: their {maximum, sum}, and their weighted values in `sums`.
 * span_end: where the spans end that the caller goes through. */
static void attend_span(
    const struct attention_steps *steps, const struct pair_block *block, const struct workspace *space,
    int32_t span, int32_t span_end, float (*states)[2], float *sums) {
    struct span_pass pass = {.steps = steps, .block = block, .space = space, .span = span};
    pass.range = visible(block->job, block->first, block->first + block->count - 1, span);
    if (pass.range.begin >= pass.range.end) {
        memset(states, 0, (size_t)block->count * sizeof *states);
        return;
    }
    locate_blocks(&pass);
    locate_following(&pass, span_end);
    enum reading reading = reading_of(block);
    if (reading == READ_AT_ONCE) fetch_first(&pass);
    score_span(&pass, reading);
    weigh_span(&pass, states);
    accumulate_span(&pass, reading, sums);
}

/* Adds a span's result to a running one; a sum of 0 on either side means nothing there yet. */
static void merge_one(
    const struct attention_steps *steps, float state[2], float *values, const float more_state[2],
    const float *more_values, int32_t head_size) {
    if (more_state[1] == 0.0f) return;
    if (state[1] == 0.0f) {
        state[0] = more_state[0];
        state[1] = more_state[1];
        memcpy(values, more_values, (size_t)head_size * sizeof(float));
        return;
    }
    steps->merge(state, values, more_state, more_values, head_size);
}

static void finish_one(
    const struct attention_steps *steps, const struct attention_job *job, int32_t pair,
    const float state[2], const float *values) {
    int32_t head = pair % job->group;
    float *output = job->output + pair / job->group * job->output_stride + (ptrdiff_t)head * job->head_size;
    float own[attention_head_size_max];
    if (job->element == attention_element_i8) {
        steps->rows->hadamard_f32(own, values, job->head_size);
        values = own;
    }
    steps->finish(output, values, state, job->sinks ? job->sinks + head : NULL, job->head_size);
}

static struct pair_block block_at(
    const struct attention_steps *steps, const struct attention_job *job, int32_t first) {
    int32_t count = smaller(attention_rows_max, job->rows * job->group - first);
    struct pair_block block = {
        .job = job,
        .first = first,
        .count = count,
        .tile_rows = count > steps->lone_tile_rows ? steps->tile_rows : count,
    };
    return block;
}

void attention_attend(
    const struct attention_steps *steps, const struct attention_job *job, void *scratch) {
    struct workspace space = workspace_in(scratch, job->head_size);
    float states[attention_rows_max][2], span_states[attention_rows_max][2];
    int32_t span_end = attention_span_end(job);
    for (int32_t first = 0; first < job->rows * job->group; first += attention_rows_max) {
        struct pair_block block = block_at(steps, job, first);
        pack_queries(steps, &block, &space);
        int32_t span_begin = attention_span_begin(job);
        attend_span(steps, &block, &space, span_begin, span_end, states, space.values);
        for (int32_t span = span_begin + 1; span < span_end; span++) {
            attend_span(steps, &block, &space, span, span_end, span_states, space.span_values);
            for (int32_t r = 0; r < block.count; r++) {
                ptrdiff_t offset = (ptrdiff_t)r * job->head_size;
                merge_one(
                    steps, states[r], space.values + offset, span_states[r],
                    space.span_values + offset, job->head_size);
            }
        }
        for (int32_t r = 0; r < block.count; r++) {
            const float *values = space.values + (ptrdiff_t)r * job->head_size;
            finish_one(steps, job, first + r, states[r], values);
        }
    }
}

void attention_attend_spans(
    const struct attention_steps *steps, const struct attention_job *job, int32_t span_begin,
    int32_t span_end, float *partials, void *scratch) {
    struct workspace space = workspace_in(scratch, job->head_size);
    float states[attention_rows_max][2];
    ptrdiff_t entry = attention_partial_floats(job->head_size);
    int32_t pairs = job->rows * job->group;
    for (int32_t first = 0; first < pairs; first += attention_rows_max) {
        struct pair_block block = block_at(steps, job, first);
        pack_queries(steps, &block, &space);
        for (int32_t span = span_begin; span < span_end; span++) {
            attend_span(steps, &block, &space, span, span_end, states, space.span_values);
            ptrdiff_t index = (ptrdiff_t)(span - span_begin) * pairs + first;
            for (int32_t r = 0; r < block.count; r++) {
                float *partial = partials + (index + r) * entry;
                partial[0] = states[r][0];
                partial[1] = states[r][1];
                if (states[r][1] == 0.0f) continue;
                memcpy(
                    partial + attention_partial_header,
                    space.span_values + (ptrdiff_t)r * job->head_size,
                    (size_t)job->head_size * sizeof(float));
            }
        }
    }
}

void attention_merge_spans(
    const struct attention_steps *steps, const struct attention_job *job, const float *partials,
    int32_t row_begin, int32_t row_end) {
    float values[attention_head_size_max];
    ptrdiff_t entry = attention_partial_floats(job->head_size);
    int32_t pairs = job->rows * job->group;
    int32_t spans = attention_span_end(job) - attention_span_begin(job);
    for (int32_t pair = row_begin * job->group; pair < row_end * job->group; pair++) {
        float state[2] = {0.0f, 0.0f};
        for (int32_t span = 0; span < spans; span++) {
            const float *partial = partials + ((ptrdiff_t)span * pairs + pair) * entry;
            merge_one(steps, state, values, partial, partial + attention_partial_header, job->head_size);
        }
        finish_one(steps, job, pair, state, values);
    }
}

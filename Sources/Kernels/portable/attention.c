// attention.c: the driver of paged attention, shared by every table.
// Decides which blocks of which pages a tile of rows looks at, in which order; computes no number.
// One idea: a block of attention_rows_max (row, head) pairs goes through a span together, so that keys and
// values are fetched (and widened to f32) once for all; a single tile reads the pages directly.
#include "attention_pass.h"

#include <string.h>

_Static_assert(attention_head_size_max <= HADAMARD_MAX, "every head has a transform");

size_t attention_scratch_bytes(int32_t head_size) {
    size_t per_size = 3 * attention_rows_max + attention_chunk_blocks * attention_block_tokens;
    size_t scores = (size_t)attention_rows_max * attention_score_stride;
    size_t floats = scores + per_size * (size_t)head_size + attention_rows_max * (2 + lane_count);
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
    space.lanes = space.score_scales + attention_rows_max;
    space.tops = space.lanes + attention_rows_max * lane_count;
    return space;
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
    if (block->job->element == attention_element_i8) attention_integers_span(&pass, states, sums);
    else attention_floats_span(&pass, states, sums);
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

/* attention_operation.c: rotation, stores into the cache, and attention, by heads or by spans. */
#include "attention_parts.h"

_Static_assert(BLOCK_ROWS % attention_block_tokens == 0, "one worker stores all keys of a block of slots");

static void normalize_heads(const struct row_kernels *kernels, const struct attention_layer *layer, float *x,
                            const float *weight, int32_t heads) {
    if (!weight) return;
    if (layer->norm_whole) kernels->rmsnorm_f32(x, x, weight, heads * layer->head_size, layer->norm_epsilon);
    else kernels->rmsnorm_heads_f32(x, x, weight, heads, layer->head_size, layer->norm_epsilon);
}

static void rotate_heads(const struct row_kernels *kernels, const struct attention_layer *layer, float *x,
                         int32_t position, int32_t heads) {
    if (!layer->cosines) return;
    size_t at = (size_t)position * (size_t)(layer->rotary / 2);
    (layer->interleaved ? kernels->rope_interleaved_f32 : kernels->rope_halves_f32)(
        x, layer->cosines + at, layer->sines + at, heads, layer->head_size, layer->rotary);
}

/* Some of a layer's KV heads, with the query heads that share them. */
struct head_range {
    int32_t first, count;
};

static int32_t share_of(const struct attention_layer *layer) { return layer->heads / layer->kv_heads; }

static float *head_scales(const struct attention_layer *layer, float *scales, int32_t kv_head) {
    return scales ? scales + (size_t)kv_head * attention_lot_tokens : NULL;
}

static void rotate_rows(const struct attention_layer *layer, const struct run *run, const struct step_block *block,
                        struct head_range range) {
    const struct row_kernels *rows = run->program->kernels->rows;
    int32_t queries = range.count * share_of(layer);
    int32_t query_column = range.first * share_of(layer) * layer->head_size;
    int32_t key_column = (layer->heads + range.first) * layer->head_size;
    for (int32_t row = block->first_row; row < block->first_row + block->row_count; row++) {
        float *x = row_of(layer->projected, row);
        normalize_heads(rows, layer, x + query_column, layer->query_norm, queries);
        normalize_heads(rows, layer, x + key_column, layer->key_norm, range.count);
        rotate_heads(rows, layer, x + query_column, run->step->positions[row], queries);
        rotate_heads(rows, layer, x + key_column, run->step->positions[row], range.count);
    }
}

static void store_rows(const struct attention_layer *layer, const struct run *run, const struct step_block *block,
                       struct head_range range) {
    const struct step_span *span = &run->step->spans[block->span];
    size_t at = (size_t)range.first * head_lot_bytes(layer);
    const float *keys =
        row_of(layer->projected, block->first_row) + (layer->heads + range.first) * layer->head_size;
    struct attention_store_job job = {
        .keys = keys, .values = keys + layer->kv_heads * layer->head_size,
        .row_stride = layer->projected->stride, .pages = span->pages[layer->group],
        .key_lots = layer->keys + at, .value_lots = layer->values + at,
        .key_scales = head_scales(layer, layer->key_scales, range.first),
        .value_scales = head_scales(layer, layer->value_scales, range.first),
        .lot_stride = (ptrdiff_t)layer->lot_stride,
        .first_position = first_position(block, span),
        .rows = block->row_count, .kv_heads = range.count, .head_size = layer->head_size,
        .page_size = layer->page_size, .element = layer->element,
    };
    run->program->kernels->attention->store(&job);
}

void run_rotate_store(const struct attention_layer *layer, const struct run *run) {
    struct head_range all = { 0, layer->kv_heads };
    for (int64_t part = first_part(run); part < run->step->block_count; part = next_part(run, part)) {
        rotate_rows(layer, run, &run->step->blocks[part], all);
        store_rows(layer, run, &run->step->blocks[part], all);
    }
}

static struct attention_job attention_job_of(const struct attention_layer *layer, const struct run *run,
                                             int32_t block_index, int32_t kv_head) {
    const struct step_block *block = &run->step->blocks[block_index];
    const struct step_span *span = &run->step->spans[block->span];
    int32_t share = share_of(layer), column = kv_head * share * layer->head_size;
    size_t at = (size_t)kv_head * head_lot_bytes(layer);
    return (struct attention_job){
        .queries = row_of(layer->projected, block->first_row) + column,
        .output = row_of(layer->out, block->first_row) + column,
        .query_stride = layer->projected->stride, .output_stride = layer->out->stride,
        .pages = span->pages[layer->group],
        .keys = layer->keys + at, .values = layer->values + at,
        .key_scales = head_scales(layer, layer->key_scales, kv_head),
        .value_scales = head_scales(layer, layer->value_scales, kv_head),
        .lot_stride = (ptrdiff_t)layer->lot_stride,
        .sinks = layer->sinks ? layer->sinks + kv_head * share : NULL,
        .first_position = first_position(block, span),
        .rows = block->row_count, .window = layer->window, .head_size = layer->head_size, .group = share,
        .page_size = layer->page_size, .element = layer->element, .scale = layer->scale,
        .soft_cap = layer->soft_cap,
    };
}

/* Columns of the output that one KV head writes. */
static int32_t head_columns(const struct attention_layer *layer) { return share_of(layer) * layer->head_size; }

static int32_t is_derived(const struct buffer *buffer) { return buffer->quants || buffer->rounded; }

/* Whether the other forms of a head's columns can be made by who computed them. */
static int32_t heads_are_whole_blocks(const struct attention_layer *layer) {
    return head_columns(layer) % ACTIVATION_BLOCK == 0;
}

/* What a part touches first: where it stores, if it does, and then the first keys that it sees. */
static void list_first_blocks(const struct attention_layer *layer, const struct run *run, struct attention_part part,
                              int32_t stores, const void *blocks[attention_fetched_blocks]) {
    struct attention_job job = attention_job_of(layer, run, part.block, part.kv_head);
    int32_t last = job.first_position + job.rows - 1, at = attention_first_visible(job.window, job.first_position);
    int32_t count = 0;
    if (stores) blocks[count++] = attention_key_block(&job, job.first_position);
    for (; count < attention_fetched_blocks; at += attention_block_tokens)
        blocks[count++] = attention_key_block(&job, least(at, last));
}

/* job: the part's. */
static void attend_part(const struct attention_layer *layer, const struct run *run, struct attention_part part,
                        const struct attention_job *job) {
    run->program->kernels->attention->attend(job, scratch_of(run));
    if (!is_derived(layer->out) || !heads_are_whole_blocks(layer)) return;
    int32_t first = run->step->blocks[part.block].first_row, columns = head_columns(layer);
    for (int32_t row = first; row < first + job->rows; row++)
        derive_columns(run->program->kernels, layer->out, row, part.kv_head * columns, (part.kv_head + 1) * columns);
}

/* Whether any of a block's rows is an output. */
static int32_t has_output(const struct run *run, const struct step_block *block) {
    const int32_t *rows = run->step->output_rows, last = run->first_row + run->step->output_count;
    int32_t begin = run->first_row, end = last;
    while (begin < end) {
        int32_t middle = (begin + end) / 2;
        if (rows[middle] < block->first_row) begin = middle + 1;
        else end = middle;
    }
    return begin < last && rows[begin] < block->first_row + block->row_count;
}

/* Parts are claimed one ahead, so that each fetches the beginning of the next.
 * stores: the part's own keys and values first. */
static void attend_by_heads(const struct operation *attend, const struct run *run, int32_t stores) {
    const struct attention_layer *layer = &attend->attention;
    int64_t parts = attention_part_count(layer, run->step);
    for (int64_t at = first_part(run), after; at < parts; at = after) {
        after = next_part(run, at);
        struct attention_part part = attention_part_of(layer, run->step, at);
        struct attention_job job = attention_job_of(layer, run, part.block, part.kv_head);
        if (after < parts)
            list_first_blocks(layer, run, attention_part_of(layer, run->step, after), stores, job.upcoming);
        if (stores) {
            rotate_rows(layer, run, &run->step->blocks[part.block], (struct head_range){ part.kv_head, 1 });
            store_rows(layer, run, &run->step->blocks[part.block], (struct head_range){ part.kv_head, 1 });
        }
        if (!attend->outputs_only || has_output(run, &run->step->blocks[part.block]))
            attend_part(layer, run, part, &job);
    }
    if (!is_derived(layer->out) || heads_are_whole_blocks(layer)) return;
    meet(run);
    for (int64_t row = first_part(run); row < run->step->rows; row = next_part(run, row))
        derive_columns(run->program->kernels, layer->out, run->first_row + (int32_t)row, 0,
                       layer->heads * layer->head_size);
}

/* Where the partial results of a block's KV head begin. */
static float *partials_at(const struct attention_layer *layer, const struct run *run, int32_t block, int32_t kv_head) {
    size_t at = (size_t)block * (size_t)layer->kv_heads + (size_t)kv_head;
    return run->program->partials + at * run->program->partials_per_head;
}

/* Few rows with a long past: parts are (block, KV head, span of positions), merged row by row. */
static void attend_by_spans(const struct attention_layer *layer, const struct run *run) {
    const struct kernel_table *kernels = run->program->kernels;
    const struct step *step = run->step;
    int64_t part = first_part(run), begin = 0;
    for (int32_t block = 0; block < step->block_count; block++)
        for (int32_t kv_head = 0; kv_head < layer->kv_heads; kv_head++) {
            struct attention_job job = attention_job_of(layer, run, block, kv_head);
            int32_t first = attention_span_begin(&job), spans = attention_span_end(&job) - first;
            size_t entries = (size_t)job.rows * (size_t)job.group;
            for (; part < begin + spans; part = next_part(run, part)) {
                int32_t span = (int32_t)(part - begin);
                float *partials = partials_at(layer, run, block, kv_head)
                    + (size_t)span * entries * (size_t)attention_partial_floats(job.head_size);
                kernels->attention->attend_spans(&job, first + span, first + span + 1, partials, scratch_of(run));
            }
            begin += spans;
        }
    meet(run);
    for (int64_t next = first_part(run); next < step->rows; next = next_part(run, next)) {
        int32_t row = (int32_t)next, block = 0;
        while (row >= step->blocks[block].first_row + step->blocks[block].row_count
               || row < step->blocks[block].first_row)
            block++;
        for (int32_t kv_head = 0; kv_head < layer->kv_heads; kv_head++) {
            struct attention_job job = attention_job_of(layer, run, block, kv_head);
            int32_t at = row - step->blocks[block].first_row;
            kernels->attention->merge_spans(&job, partials_at(layer, run, block, kv_head), at, at + 1);
        }
        derive_columns(kernels, layer->out, row, 0, layer->heads * layer->head_size);
    }
}

/* Whether heads alone would leave workers idle, and there is more than a span to share out. */
static int32_t spans_pay(const struct attention_layer *layer, const struct run *run) {
    const struct step *step = run->step;
    int32_t workers = workers_of(run);
    if (workers == 1 || step->block_count * layer->kv_heads >= workers * HEADS_PER_WORKER) return 0;
    int32_t most = 0;
    for (int32_t block = 0; block < step->block_count; block++) {
        struct attention_job job = attention_job_of(layer, run, block, 0);
        int32_t spans = attention_span_end(&job) - attention_span_begin(&job);
        size_t floats = (size_t)spans * (size_t)(job.rows * job.group * attention_partial_floats(job.head_size));
        if (floats > run->program->partials_per_head) return 0;
        if (spans > most) most = spans;
    }
    return most > 1 && (size_t)step->block_count * (size_t)layer->kv_heads <= run->program->partials_heads;
}

void run_attend(const struct operation *attend, const struct run *run) {
    if (spans_pay(&attend->attention, run)) attend_by_spans(&attend->attention, run);
    else attend_by_heads(attend, run, 0);
}

/* No row may look at what another block of the step stores, and no norm or span may cross heads' parts. */
int32_t heads_stand_alone(const struct attention_layer *layer, const struct run *run) {
    if (layer->norm_whole || spans_pay(layer, run)) return 0;
    for (int32_t i = 0; i < run->step->block_count; i++) {
        const struct step_block *block = &run->step->blocks[i];
        if (block->row_count != run->step->spans[block->span].row_count) return 0;
    }
    return 1;
}

void rotate_store_attend(const struct operation *attend, const struct run *run) { attend_by_heads(attend, run, 1); }

/* program.c: see program.h.  One short function per kind of operation; each claims parts until none
 * is left.  No part writes what another part of the same operation reads. */
#include "program.h"

struct run {
    const struct program *program;
    const struct step *step;
};

enum {
    ROWS_PER_PART = 4,           /* of row-wise operations */
    PRODUCT_ROWS_PER_PART = 128 /* whole groups of activation rows that stay in L2 beside a panel */
};

static int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }

static int32_t parts_of(int32_t count, int32_t size) { return (count + size - 1) / size; }

static float *row_of(const struct buffer *buffer, int32_t row) {
    return buffer->values + (size_t)row * (size_t)buffer->stride;
}

/* Columns [begin, end) of a row in the forms that products read. */
static void derive_columns(const struct kernel_table *kernels, const struct buffer *buffer, int32_t row, int32_t begin,
                           int32_t end) {
    const float *x = row_of(buffer, row);
    if (buffer->quants) {
        struct activation_block *group = activation_group(buffer->quants, row, buffer->width);
        kernels->matmul->quantize_row(group, row % ACTIVATION_SLOTS, x, begin, end);
    }
    if (buffer->rounded)
        round_row(kernels->rows, buffer->rounded + (size_t)row * rounded_row_bytes(buffer->width), x, buffer->width,
                  begin, end);
}

typedef void row_function(const struct operation *operation, const struct run *run, int32_t row);

static void each_row(const struct operation *operation, const struct run *run, struct workers *team, int32_t rows,
                     row_function *function) {
    int64_t part;
    while ((part = workers_claim(team)) < parts_of(rows, ROWS_PER_PART)) {
        int32_t begin = (int32_t)part * ROWS_PER_PART, end = least(begin + ROWS_PER_PART, rows);
        for (int32_t row = begin; row < end; row++) function(operation, run, row);
    }
}

static void embed_row(const struct operation *operation, const struct run *run, int32_t row) {
    const struct embed_operation *embed = &operation->embed;
    int32_t token = run->step->tokens[row];
    const uint8_t *table = embed->table;
    float *out = row_of(embed->out, row);
    if (table) dequantize_row(embed->format, table + (size_t)token * embed->row_bytes, out, embed->cols);
    else unpack_row(&embed->matrix, token, out);
    if (embed->scale != 1) run->program->kernels->rows->scale_f32(out, embed->scale, embed->cols);
}

static void normalize_row(const struct operation *operation, const struct run *run, int32_t row) {
    const struct normalize_operation *norm = &operation->normalize;
    const struct kernel_table *kernels = run->program->kernels;
    const float *in = row_of(norm->in, norm->gather ? run->step->output_rows[row] : row);
    float *out = norm->residual ? row_of(norm->in, row) : row_of(norm->out, row);
    if (norm->layer_norm)
        kernels->rows->layernorm_f32(out, in, norm->weight, norm->bias, norm->width, norm->epsilon);
    else
        kernels->rows->rmsnorm_f32(out, in, norm->weight, norm->width, norm->epsilon);
    if (norm->residual) kernels->rows->add_f32(row_of(norm->out, row), out, norm->width);
    else derive_columns(kernels, norm->out, row, 0, norm->width);
}

static void gate_row(const struct operation *operation, const struct run *run, int32_t row) {
    const struct gate_operation *gate = &operation->gate;
    const struct row_kernels *rows = run->program->kernels->rows;
    (gate->kind == GATE_SILU ? rows->silu_multiply_f32 : rows->gelu_tanh_multiply_f32)(
        row_of(gate->out, row), row_of(gate->gate.buffer, row) + gate->gate.offset,
        row_of(gate->up.buffer, row) + gate->up.offset, gate->width);
    derive_columns(run->program->kernels, gate->out, row, 0, gate->width);
}

static void add_row(const struct operation *operation, const struct run *run, int32_t row) {
    const struct add_operation *add = &operation->add;
    run->program->kernels->rows->add_f32(row_of(add->out, row), row_of(add->in, row), add->width);
}

static void soft_cap_row(const struct operation *operation, const struct run *run, int32_t row) {
    const struct scalar_operation *scalar = &operation->scalar;
    run->program->kernels->rows->soft_cap_f32(row_of(scalar->out, row), scalar->factor, scalar->width);
}

static void scale_row(const struct operation *operation, const struct run *run, int32_t row) {
    const struct scalar_operation *scalar = &operation->scalar;
    run->program->kernels->rows->scale_f32(row_of(scalar->out, row), scalar->factor, scalar->width);
}

/* A buffer's rows from `row` on, which begins a group, as a layout's products read them. */
static const void *activations(const struct buffer *buffer, int32_t layout, int32_t row, size_t *stride) {
    switch (layout_activations(layout)) {
    case ACTIVATION_F32:
        *stride = (size_t)buffer->stride * sizeof(float);
        return row_of(buffer, row);
    case ACTIVATION_ROUNDED:
        *stride = rounded_row_bytes(buffer->width);
        return buffer->rounded + (size_t)row * *stride;
    default:
        *stride = activation_group_bytes(buffer->width);
        return activation_group(buffer->quants, row, buffer->width);
    }
}

static void multiply_panel(const struct multiply_operation *multiply, const struct product *product,
                           const struct kernel_table *kernels, int32_t panel, int32_t begin, int32_t end) {
    const struct packed_matrix *matrix = &product->matrix;
    size_t stride;
    const void *x = activations(multiply->in, matrix->layout, begin, &stride);
    float *y = row_of(product->out.buffer, begin) + product->out.offset;
    size_t y_stride = (size_t)product->out.buffer->stride;
    kernels->matmul->panel[matrix->layout](matrix, panel, x, stride, end - begin, y, y_stride, product->accumulate);
    if (!product->bias) return;
    int32_t first = panel * PANEL_ROWS, live = least(PANEL_ROWS, matrix->rows - first);
    for (int32_t row = 0; row < end - begin; row++)
        kernels->rows->add_f32(y + (size_t)row * y_stride + first, product->bias + first, live);
}

/* Parts are (rows, panels) rectangles; panels of all products stand in one line. */
static void run_multiply(const struct multiply_operation *multiply, const struct run *run, struct workers *team) {
    int32_t rows = multiply->outputs_only ? run->step->output_count : run->step->rows;
    int32_t panels = 0;
    for (int32_t i = 0; i < multiply->count; i++) panels += panel_count(multiply->products[i].matrix.rows);
    int32_t together = panels / (workers_count(team) * PARTS_PER_WORKER);
    if (together < 1) together = 1;
    int32_t across = parts_of(panels, together), down = parts_of(rows, PRODUCT_ROWS_PER_PART);
    int64_t part;
    while ((part = workers_claim(team)) < (int64_t)across * down) {
        int32_t begin = (int32_t)(part / across) * PRODUCT_ROWS_PER_PART;
        int32_t end = least(begin + PRODUCT_ROWS_PER_PART, rows);
        int32_t first = (int32_t)(part % across) * together, last = least(first + together, panels), base = 0;
        for (int32_t i = 0; i < multiply->count; i++) {
            int32_t own = panel_count(multiply->products[i].matrix.rows);
            for (int32_t p = first > base ? first - base : 0; p < least(own, last - base); p++)
                multiply_panel(multiply, &multiply->products[i], run->program->kernels, p, begin, end);
            base += own;
        }
    }
}

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

static void run_rotate_store(const struct attention_layer *layer, const struct run *run, struct workers *team) {
    const struct step *step = run->step;
    const struct kernel_table *kernels = run->program->kernels;
    int32_t queries = layer->heads * layer->head_size, keys = layer->kv_heads * layer->head_size;
    int64_t part;
    while ((part = workers_claim(team)) < step->block_count) {
        const struct step_block *block = &step->blocks[part];
        const struct step_span *span = &step->spans[block->span];
        for (int32_t row = block->first_row; row < block->first_row + block->row_count; row++) {
            float *x = row_of(layer->projected, row);
            normalize_heads(kernels->rows, layer, x, layer->query_norm, layer->heads);
            normalize_heads(kernels->rows, layer, x + queries, layer->key_norm, layer->kv_heads);
            rotate_heads(kernels->rows, layer, x, step->positions[row], layer->heads);
            rotate_heads(kernels->rows, layer, x + queries, step->positions[row], layer->kv_heads);
        }
        const float *first = row_of(layer->projected, block->first_row);
        struct attention_store_job job = {
            .keys = first + queries, .values = first + queries + keys,
            .row_stride = layer->projected->stride, .pages = span->pages[layer->group],
            .key_pages = layer->keys, .value_pages = layer->values,
            .key_scales = layer->key_scales, .value_scales = layer->value_scales,
            .key_page_stride = (ptrdiff_t)layer->page_stride, .value_page_stride = (ptrdiff_t)layer->page_stride,
            .first_position = span->first_position + block->first_row - span->first_row,
            .rows = block->row_count, .kv_heads = layer->kv_heads, .head_size = layer->head_size,
            .page_size = layer->page_size, .element = layer->element,
        };
        kernels->attention->store(&job);
    }
}

static struct attention_job attention_job_of(const struct attention_layer *layer, const struct run *run,
                                             int32_t block_index, int32_t kv_head) {
    const struct step_block *block = &run->step->blocks[block_index];
    const struct step_span *span = &run->step->spans[block->span];
    int32_t share = layer->heads / layer->kv_heads;
    size_t slots = (size_t)layer->page_size;
    size_t head_bytes = (size_t)layer->head_size * slots * attention_element_bytes(layer->element);
    int32_t column = kv_head * share * layer->head_size;
    return (struct attention_job){
        .queries = row_of(layer->projected, block->first_row) + column,
        .output = row_of(layer->out, block->first_row) + column,
        .query_stride = layer->projected->stride, .output_stride = layer->out->stride,
        .pages = span->pages[layer->group],
        .keys = layer->keys + (size_t)kv_head * head_bytes, .values = layer->values + (size_t)kv_head * head_bytes,
        .key_scales = layer->key_scales ? layer->key_scales + (size_t)kv_head * slots : NULL,
        .value_scales = layer->value_scales ? layer->value_scales + (size_t)kv_head * slots : NULL,
        .key_page_stride = (ptrdiff_t)layer->page_stride, .value_page_stride = (ptrdiff_t)layer->page_stride,
        .sinks = layer->sinks ? layer->sinks + kv_head * share : NULL,
        .first_position = span->first_position + block->first_row - span->first_row,
        .rows = block->row_count, .window = layer->window, .head_size = layer->head_size, .group = share,
        .page_size = layer->page_size, .element = layer->element, .scale = layer->scale,
        .soft_cap = layer->soft_cap,
    };
}

/* Parts are (block, KV head).  A head's share of columns is derived by who computed it, if it is
 * whole blocks. */
static void attend_by_heads(const struct attention_layer *layer, const struct run *run, struct workers *team,
                            void *scratch) {
    const struct kernel_table *kernels = run->program->kernels;
    int32_t columns = layer->heads / layer->kv_heads * layer->head_size, width = layer->heads * layer->head_size;
    int32_t derives = layer->out->quants || layer->out->rounded, at_once = columns % ACTIVATION_BLOCK == 0;
    int64_t part, parts = (int64_t)run->step->block_count * layer->kv_heads;
    while ((part = workers_claim(team)) < parts) {
        int32_t kv_head = (int32_t)(part % layer->kv_heads), block = (int32_t)(part / layer->kv_heads);
        struct attention_job job = attention_job_of(layer, run, block, kv_head);
        kernels->attention->attend(&job, scratch);
        if (!derives || !at_once) continue;
        int32_t first = run->step->blocks[block].first_row;
        for (int32_t row = first; row < first + job.rows; row++)
            derive_columns(kernels, layer->out, row, kv_head * columns, (kv_head + 1) * columns);
    }
    if (!derives || at_once) return;
    workers_meet(team);
    while ((part = workers_claim(team)) < run->step->rows)
        derive_columns(kernels, layer->out, (int32_t)part, 0, width);
}

/* Where the partial results of a block's KV head begin. */
static float *partials_at(const struct attention_layer *layer, const struct run *run, int32_t block, int32_t kv_head) {
    size_t at = (size_t)block * (size_t)layer->kv_heads + (size_t)kv_head;
    return run->program->partials + at * run->program->partials_per_head;
}

/* Few rows with a long past: parts are (block, KV head, span of positions), merged row by row. */
static void attend_by_spans(const struct attention_layer *layer, const struct run *run, struct workers *team,
                            void *scratch) {
    const struct kernel_table *kernels = run->program->kernels;
    const struct step *step = run->step;
    int64_t part = workers_claim(team), begin = 0;
    for (int32_t block = 0; block < step->block_count; block++)
        for (int32_t kv_head = 0; kv_head < layer->kv_heads; kv_head++) {
            struct attention_job job = attention_job_of(layer, run, block, kv_head);
            int32_t first = attention_span_begin(&job), spans = attention_span_end(&job) - first;
            size_t entries = (size_t)job.rows * (size_t)job.group;
            for (; part < begin + spans; part = workers_claim(team)) {
                int32_t span = (int32_t)(part - begin);
                float *partials = partials_at(layer, run, block, kv_head)
                    + (size_t)span * entries * (size_t)attention_partial_floats(job.head_size);
                kernels->attention->attend_spans(&job, first + span, first + span + 1, partials, scratch);
            }
            begin += spans;
        }
    workers_meet(team);
    while ((part = workers_claim(team)) < step->rows) {
        int32_t row = (int32_t)part, block = 0;
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
static int spans_pay(const struct attention_layer *layer, const struct run *run, int32_t workers) {
    const struct step *step = run->step;
    if (workers == 1 || step->block_count * layer->kv_heads >= workers * PARTS_PER_WORKER) return 0;
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

static void run_attend(const struct attention_layer *layer, const struct run *run, struct workers *team,
                       int32_t worker) {
    uint8_t *scratch = run->program->scratch + (size_t)worker * run->program->scratch_bytes;
    if (spans_pay(layer, run, workers_count(team))) attend_by_spans(layer, run, team, scratch);
    else attend_by_heads(layer, run, team, scratch);
}

static void run_operation(const struct operation *operation, const struct run *run, struct workers *team,
                          int32_t worker) {
    int32_t rows = run->step->rows, outputs = run->step->output_count;
    switch (operation->kind) {
    case OPERATION_EMBED: each_row(operation, run, team, rows, embed_row); break;
    case OPERATION_NORMALIZE:
        each_row(operation, run, team, operation->normalize.gather ? outputs : rows, normalize_row);
        break;
    case OPERATION_MULTIPLY: run_multiply(&operation->multiply, run, team); break;
    case OPERATION_ROTATE_STORE: run_rotate_store(&operation->attention, run, team); break;
    case OPERATION_ATTEND: run_attend(&operation->attention, run, team, worker); break;
    case OPERATION_GATE: each_row(operation, run, team, rows, gate_row); break;
    case OPERATION_ADD: each_row(operation, run, team, rows, add_row); break;
    case OPERATION_SOFT_CAP:
        each_row(operation, run, team, operation->scalar.outputs_only ? outputs : rows, soft_cap_row);
        break;
    default: each_row(operation, run, team, operation->scalar.outputs_only ? outputs : rows, scale_row);
    }
}

static void run_worker(void *context, struct workers *team, int32_t worker) {
    const struct run *run = context;
    for (int32_t i = 0; i < run->program->count; i++) {
        if (i) workers_meet(team);
        run_operation(&run->program->operations[i], run, team, worker);
    }
}

void program_run(const struct program *program, const struct step *step, struct workers *team) {
    struct run run = { program, step };
    workers_run(team, run_worker, &run);
}

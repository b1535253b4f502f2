/* row_operations.c: what is done to each row by itself. */
#include "run.h"
#include <string.h>

enum { ROWS_PER_PART = 4 };

void derive_columns(const struct kernel_table *kernels, const struct buffer *buffer, int32_t row, int32_t begin,
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
    const float *in = row_of(norm->in, row);
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

static void select_row(const struct operation *operation, const struct run *run, int32_t row) {
    const struct select_operation *select = &operation->select;
    const float *in = row_of(select->in, run->step->output_rows[row]);
    memcpy(row_of(select->out, row), in, (size_t)select->width * sizeof *in);
    derive_columns(run->program->kernels, select->out, row, 0, select->width);
}

static row_function *function_of(int32_t kind) {
    switch (kind) {
    case OPERATION_EMBED: return embed_row;
    case OPERATION_NORMALIZE: return normalize_row;
    case OPERATION_GATE: return gate_row;
    case OPERATION_ADD: return add_row;
    case OPERATION_SOFT_CAP: return soft_cap_row;
    case OPERATION_SELECT: return select_row;
    default: return scale_row;
    }
}

void run_rows(const struct operation *operation, const struct run *run) {
    row_function *function = function_of(operation->kind);
    int32_t rows = rows_of(operation, run);
    for (int64_t part = first_part(run); part < parts_of(rows, ROWS_PER_PART); part = next_part(run, part)) {
        int32_t begin = (int32_t)part * ROWS_PER_PART, end = least(begin + ROWS_PER_PART, rows);
        for (int32_t row = begin; row < end; row++) function(operation, run, run->first_row + row);
    }
}

void prepare_rows(const struct operation *operation, const struct run *run, const struct buffer *out) {
    struct operation own = *operation;
    switch (own.kind) {
    case OPERATION_GATE: own.gate.out = out; break;
    case OPERATION_SELECT: own.select.out = out; break;
    default: own.normalize.out = out;
    }
    row_function *function = function_of(own.kind);
    int32_t rows = rows_of(operation, run);
    for (int32_t row = 0; row < rows; row++) function(&own, run, row);
}

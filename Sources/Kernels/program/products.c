/* products.c: matrix products, cut into runs of panels. */
#include "run.h"

/* Of the weights to come, read while waiting: a share of L2. */
enum { AHEAD_BYTES_MAX = 128 << 10 };

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

static void multiply_panels(const struct multiply_operation *multiply, const struct product *product,
                            const struct run *run, struct panel_range panels, int32_t begin, int32_t end) {
    const struct kernel_table *kernels = run->program->kernels;
    const struct packed_matrix *matrix = &product->matrix;
    struct product_rows rows = {
        .y = row_of(product->out.buffer, begin) + product->out.offset,
        .y_stride = (size_t)product->out.buffer->stride,
        .count = end - begin,
        .accumulate = product->accumulate,
        .scratch = scratch_of(run),
        .meanwhile = run->cache_ahead,
    };
    rows.x = activations(multiply->in, matrix->layout, begin, &rows.x_stride);
    panels_kernel(kernels->matmul, matrix->layout)(matrix, panels, &rows);
    if (!product->bias) return;
    int32_t first = panels.begin * PANEL_ROWS, live = least(panels.end * PANEL_ROWS, matrix->rows) - first;
    for (int32_t row = 0; row < rows.count; row++)
        kernels->rows->add_f32(rows.y + (size_t)row * rows.y_stride + first, product->bias + first, live);
}

static int32_t panels_of(const struct multiply_operation *multiply) {
    int32_t panels = 0;
    for (int32_t i = 0; i < multiply->count; i++) panels += panel_count(multiply->products[i].matrix.rows);
    return panels;
}

/* Rows of a pass over the weights: even shares, in whole tiles, and at most PRODUCT_ROWS_MAX. */
static int32_t pass_rows(int32_t rows, const struct matmul_kernels *kernels) {
    int32_t tile = kernels->tile_rows > ACTIVATION_SLOTS ? kernels->tile_rows : ACTIVATION_SLOTS;
    if (rows <= PRODUCT_ROWS_MAX) return PRODUCT_ROWS_MAX;
    int32_t share = parts_of(rows, parts_of(rows, PRODUCT_ROWS_MAX));
    return least(parts_of(share, tile) * tile, PRODUCT_ROWS_MAX);
}

/* The panels of all products stand in one line, once for each pass over some of the rows; parts cut it. */
struct line {
    int32_t rows;     /* of a pass */
    int32_t panels;   /* of a pass */
    int32_t length;   /* of all passes */
    int32_t shares;   /* that each worker's even share of what is left is cut into */
    int32_t shortest; /* part, in panels */
    int32_t together; /* panels: whole multiples are fastest */
};

static struct line line_of(const struct multiply_operation *multiply, int32_t rows,
                           const struct matmul_kernels *kernels) {
    struct line line = { .rows = pass_rows(rows, kernels), .panels = panels_of(multiply) };
    line.length = line.panels * parts_of(rows, line.rows);
    line.shares = rows == 1 ? 1 : 2;
    line.together = panels_together(kernels, multiply->products[0].matrix.layout, rows);
    line.shortest = rows > ACTIVATION_SLOTS ? 1 : PLACES_AT_ONCE;
    return line;
}

/* Each worker in turn takes an even share of half of what is left: long runs, which suit the memory, and short
 * ones at the end, so that nobody waits long for the slowest.  A single row is bound by memory, and beginning anew
 * in PLACES_AT_ONCE places costs more than waiting: there each takes an even share of all.  Empty behind the end. */
static struct panel_range part_of(const struct line *line, int32_t workers, int64_t part) {
    int32_t begin = 0, run;
    for (;; part -= workers) {
        int32_t left = line->length - begin, share = parts_of(left, line->shares * workers);
        if (left <= 0) return (struct panel_range){ line->length, line->length };
        run = parts_of(share > line->shortest ? share : line->shortest, line->together) * line->together;
        if (part < workers) break;
        begin += run * workers;
    }
    begin = least(begin + (int32_t)part * run, line->length);
    return (struct panel_range){ begin, least(begin + run, line->length) };
}

/* Some panels of one pass, counted through all products, times its rows. */
static void multiply_pass(const struct multiply_operation *multiply, const struct run *run, struct panel_range part,
                          int32_t first_row, int32_t end_row) {
    int32_t base = 0;
    for (int32_t i = 0; i < multiply->count; i++) {
        int32_t own = panel_count(multiply->products[i].matrix.rows);
        struct panel_range panels = { part.begin > base ? part.begin - base : 0, least(own, part.end - base) };
        if (panels.begin < panels.end)
            multiply_panels(multiply, &multiply->products[i], run, panels, first_row, end_row);
        base += own;
    }
}

void run_multiply(const struct multiply_operation *multiply, int32_t rows, const struct run *run) {
    int32_t workers = workers_of(run);
    struct line line = line_of(multiply, rows, run->program->kernels->matmul);
    for (int64_t next = first_part(run);; next = next_part(run, next)) {
        struct panel_range part = part_of(&line, workers, next);
        if (part.begin >= part.end) return;
        while (part.begin < part.end) {
            int32_t pass = part.begin / line.panels, base = pass * line.panels, row = pass * line.rows;
            struct panel_range own = { part.begin - base, least(part.end - base, line.panels) };
            multiply_pass(multiply, run, own, run->first_row + row,
                          run->first_row + least(row + line.rows, rows));
            part.begin = base + own.end;
        }
    }
}

struct ahead weights_ahead(const struct operation *operation, const struct run *run) {
    const struct multiply_operation *multiply = &operation->multiply;
    struct line line = line_of(multiply, rows_of(operation, run), run->program->kernels->matmul);
    struct panel_range part = part_of(&line, workers_count(run->team), run->worker);
    if (part.begin >= part.end) return (struct ahead){ 0 };
    int32_t panel = part.begin % line.panels, product = 0;
    for (int32_t own; panel >= (own = panel_count(multiply->products[product].matrix.rows)); product++) panel -= own;
    const struct packed_matrix *matrix = &multiply->products[product].matrix;
    size_t bytes = panel_bytes(matrix->layout, matrix->has_offsets, matrix->cols);
    int32_t own = least(part.end - part.begin, panel_count(matrix->rows) - panel);
    size_t wanted = bytes * (size_t)own;
    return (struct ahead){ matrix->data + (size_t)panel * bytes, wanted < AHEAD_BYTES_MAX ? wanted : AHEAD_BYTES_MAX };
}

/* OWN_ROWS_MAX rows of the width and the forms of `like`, in this worker's scratch, which products of so few rows
 * leave alone: own_rows_bytes. */
static struct buffer own_rows(const struct buffer *like, const struct run *run) {
    struct buffer own = *like;
    uint8_t *at = scratch_of(run);
    own.stride = own_row_stride(own.width);
    own.values = (float *)at;
    at += OWN_ROWS_MAX * (size_t)own.stride * sizeof(float);
    if (own.quants) own.quants = at;
    at += activation_rows_bytes(OWN_ROWS_MAX, own.width);
    if (own.rounded) own.rounded = at;
    return own;
}

void multiply_own_rows(const struct operation *operation, const struct run *run) {
    struct multiply_operation multiply = operation[1].multiply;
    struct buffer own = own_rows(multiply.in, run);
    multiply.in = &own;
    prepare_rows(operation, run, &own);
    run_multiply(&multiply, rows_of(operation, run), run);
}

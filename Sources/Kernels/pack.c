/* pack.c: see pack.h.  Q4_0, Q4_1, Q8_0 and IQ4_NL, whose quants already lie in the panels' byte order, are
 * moved word by word; every other block format goes through integer_view. */
#include "pack.h"
#include "dequantize.h"
#include "portable/conversions.h"
#include "portable/formats.h"
#include "portable/panel_quants.h"
#include <math.h>
#include <string.h>

enum { CHUNK_COLUMNS_MAX = 256, FLOAT_CHUNK = 256 };

static int32_t is_float_format(int32_t format) {
    return format == FORMAT_F32 || format == FORMAT_F16 || format == FORMAT_BF16;
}

int32_t pack_plan(const struct pack_source *source, int32_t float32, struct packed_matrix *plan) {
    struct integer_view_shape shape = integer_view_shape(source->format);
    *plan = (struct packed_matrix){ .rows = source->rows, .cols = source->cols, .output_scale = 1 };
    if (!is_float_format(source->format) && !shape.block_elements) return 0;
    if (float32 || source->format == FORMAT_F32) plan->layout = LAYOUT_F32;
    else if (source->format == FORMAT_F16) plan->layout = LAYOUT_F16;
    else if (source->format == FORMAT_BF16) plan->layout = LAYOUT_BF16;
    else {
        int32_t wide = shape.quant_max > 15, fine = shape.group_elements == 16;
        plan->layout = wide ? (fine ? LAYOUT_U8_G16 : LAYOUT_U8_G32) : (fine ? LAYOUT_U4_G16 : LAYOUT_U4_G32);
        if (shape.table) plan->layout = LAYOUT_T4_G32;
        plan->table = shape.table;
        plan->zero = shape.zero_point;
        plan->quant_maximum = shape.quant_max;
        plan->has_offsets = shape.has_offset;
    }
    return 1;
}

/* Formats whose scales are f16 in the file need no common factor. */
static int32_t scales_are_half(int32_t format) {
    return format == FORMAT_Q4_0 || format == FORMAT_Q4_1 || format == FORMAT_Q8_0 || format == FORMAT_IQ4_NL;
}

static int32_t live_rows(const struct pack_source *source, int32_t panel) {
    int32_t live = source->rows - panel * PANEL_ROWS;
    return live < PANEL_ROWS ? live : PANEL_ROWS;
}

static const uint8_t *row_blocks(const struct pack_source *source, int32_t row) {
    return source->blocks + (size_t)row * source->row_bytes;
}

struct chunk {
    uint8_t quants[PANEL_ROWS][CHUNK_COLUMNS_MAX];
    float scales[PANEL_ROWS][CHUNK_COLUMNS_MAX / 16];
    float offsets[PANEL_ROWS][CHUNK_COLUMNS_MAX / 16];
};

static void view_chunk(const struct pack_source *source, int32_t panel, int32_t index,
                       const struct integer_view_shape *shape, struct chunk *chunk) {
    int32_t live = live_rows(source, panel);
    for (int32_t r = 0; r < live; r++)
        integer_view(source->format,
                     row_blocks(source, panel * PANEL_ROWS + r) + (size_t)index * (size_t)shape->block_bytes,
                     shape->block_elements, chunk->quants[r], chunk->scales[r], chunk->offsets[r]);
}

float pack_scale_magnitude(const struct pack_source *source, const struct packed_matrix *plan, int32_t panel) {
    if (layout_is_float(plan->layout) || scales_are_half(source->format)) return 0;
    struct integer_view_shape shape = integer_view_shape(source->format);
    struct chunk chunk;
    float largest = 0;
    for (int32_t index = 0; index < source->cols / shape.block_elements; index++) {
        view_chunk(source, panel, index, &shape, &chunk);
        for (int32_t r = 0; r < live_rows(source, panel); r++)
            for (int32_t g = 0; g < shape.block_elements / shape.group_elements; g++) {
                largest = fmaxf(largest, fabsf(chunk.scales[r][g]));
                if (plan->has_offsets) largest = fmaxf(largest, fabsf(chunk.offsets[r][g]));
            }
    }
    return largest;
}

float pack_scale_factor(const struct pack_source *source, float magnitude) {
    if (scales_are_half(source->format) || !(magnitude > 0) || !isfinite(magnitude)) return 1;
    int exponent;
    frexpf(magnitude, &exponent);
    return ldexpf(1, 15 - exponent); /* the largest lands in [2^14, 2^15) */
}

/* A row past the last one: quants that mean zero, scales of zero. */
static void clear_rows(struct chunk *chunk, int32_t from, int32_t zero) {
    for (int32_t r = from; r < PANEL_ROWS; r++) {
        memset(chunk->quants[r], zero, sizeof chunk->quants[r]);
        memset(chunk->scales[r], 0, sizeof chunk->scales[r]);
        memset(chunk->offsets[r], 0, sizeof chunk->offsets[r]);
    }
}

static void write_quants(uint8_t *block, int32_t bits, const struct chunk *chunk, int32_t column) {
    for (int32_t r = 0; r < PANEL_ROWS; r++) {
        const uint8_t *q = chunk->quants[r] + column;
        if (bits == 8)
            for (int32_t k = 0; k < 8; k++) memcpy(block + k * 64 + r * 4, q + 4 * k, 4);
        else
            for (int32_t c = 0; c < 16; c++)
                block[(c / 4) * 64 + r * 4 + c % 4] = (uint8_t)(q[c] | q[16 + c] << 4);
    }
}

/* Quants become their numbers in a table, of which `numbers` is the inverse. */
static void number_quants(struct chunk *chunk, int32_t live, const uint8_t numbers[256]) {
    for (int32_t r = 0; r < live; r++)
        for (int32_t c = 0; c < CHUNK_COLUMNS_MAX; c++) chunk->quants[r][c] = numbers[chunk->quants[r][c]];
}

static void pack_viewed(const struct pack_source *source, const struct packed_matrix *plan, int32_t panel,
                        float factor, uint8_t *out) {
    struct integer_view_shape shape = integer_view_shape(source->format);
    int32_t bits = layout_bits(plan->layout), groups = 32 / shape.group_elements;
    size_t block_bytes = panel_block_bytes(plan->layout, plan->has_offsets);
    uint8_t numbers[256] = { 0 };
    for (int32_t i = 0; i < 16 && plan->table; i++) numbers[plan->table[i]] = (uint8_t)i;
    struct chunk chunk;
    clear_rows(&chunk, live_rows(source, panel), plan->table ? 0 : plan->zero);
    for (int32_t index = 0; index < source->cols / shape.block_elements; index++) {
        view_chunk(source, panel, index, &shape, &chunk);
        if (plan->table) number_quants(&chunk, live_rows(source, panel), numbers);
        for (int32_t b = 0; b < shape.block_elements / 32; b++, out += block_bytes) {
            write_quants(out, bits, &chunk, b * 32);
            uint16_t *scales = (uint16_t *)(out + bits * 64);
            for (int32_t g = 0; g < groups; g++)
                for (int32_t r = 0; r < PANEL_ROWS; r++) {
                    scales[g * PANEL_ROWS + r] = float_to_half(chunk.scales[r][b * groups + g] * factor);
                    if (plan->has_offsets)
                        scales[(groups + g) * PANEL_ROWS + r] =
                            float_to_half(chunk.offsets[r][b * groups + g] * factor);
                }
        }
    }
}

typedef uint32_t four_words __attribute__((vector_size(16)));

/* Four words of four rows, side by side instead of one after the other: word k goes to out + 64 k. */
static void move_words(const uint8_t *const rows[4], size_t at, four_words flip, uint8_t *out) {
    four_words w[4];
    for (int32_t r = 0; r < 4; r++) memcpy(&w[r], rows[r] + at, sizeof w[r]);
    four_words first = __builtin_shufflevector(w[0], w[1], 0, 4, 1, 5);
    four_words second = __builtin_shufflevector(w[2], w[3], 0, 4, 1, 5);
    four_words third = __builtin_shufflevector(w[0], w[1], 2, 6, 3, 7);
    four_words last = __builtin_shufflevector(w[2], w[3], 2, 6, 3, 7);
    w[0] = __builtin_shufflevector(first, second, 0, 1, 4, 5) ^ flip;
    w[1] = __builtin_shufflevector(first, second, 2, 3, 6, 7) ^ flip;
    w[2] = __builtin_shufflevector(third, last, 0, 1, 4, 5) ^ flip;
    w[3] = __builtin_shufflevector(third, last, 2, 3, 6, 7) ^ flip;
    for (int32_t k = 0; k < 4; k++) memcpy(out + k * 64, &w[k], sizeof w[k]);
}

/* Blocks of [d, m,] quants: the quants are words in panel order already. */
static void pack_words(const struct pack_source *source, const struct packed_matrix *plan, int32_t panel,
                       uint8_t *out) {
    static const uint8_t nothing[64]; /* a row past the last one; no block is longer */
    int32_t halves = plan->has_offsets ? 2 : 1, live = live_rows(source, panel);
    int32_t words = source->format == FORMAT_Q8_0 ? 8 : 4;
    size_t source_bytes = (size_t)(2 * halves + 4 * words);
    four_words flip = { 0 };
    if (source->format == FORMAT_Q8_0) flip |= 0x80808080u;
    const uint8_t *rows[PANEL_ROWS];
    for (int32_t r = 0; r < PANEL_ROWS; r++)
        rows[r] = r < live ? row_blocks(source, panel * PANEL_ROWS + r) : nothing;
    for (int32_t b = 0; b < source->cols / 32; b++) {
        for (int32_t r = 0; r < PANEL_ROWS; r += 4)
            for (int32_t k = 0; k < words; k += 4)
                move_words(rows + r, (size_t)(2 * halves + 4 * k), flip, out + k * 64 + r * 4);
        out += 64 * words;
        for (int32_t h = 0; h < halves; h++, out += 2 * PANEL_ROWS)
            for (int32_t r = 0; r < PANEL_ROWS; r++) memcpy(out + 2 * r, rows[r] + 2 * h, 2);
        for (int32_t r = 0; r < live; r++) rows[r] += source_bytes;
    }
}

/* Columns two by two, as LAYOUT_BF16 keeps them. */
static void pack_pairs(const struct pack_source *source, int32_t panel, uint8_t *out) {
    int32_t live = live_rows(source, panel);
    for (int32_t c = 0; c < source->cols; c += 2)
        for (int32_t r = 0; r < PANEL_ROWS; r++, out += 4) {
            uint32_t pair = 0;
            if (r < live)
                memcpy(&pair, row_blocks(source, panel * PANEL_ROWS + r) + 2 * (size_t)c, c + 1 < source->cols ? 4 : 2);
            memcpy(out, &pair, 4);
        }
}

static void pack_floats(const struct pack_source *source, const struct packed_matrix *plan, int32_t panel,
                        uint8_t *out) {
    int32_t live = live_rows(source, panel);
    if (plan->layout != LAYOUT_F32) {
        uint16_t *target = (uint16_t *)out;
        for (int32_t c = 0; c < source->cols; c++)
            for (int32_t r = 0; r < PANEL_ROWS; r++, target++) {
                *target = 0;
                if (r < live) memcpy(target, row_blocks(source, panel * PANEL_ROWS + r) + 2 * (size_t)c, 2);
            }
        return;
    }
    struct integer_view_shape shape = integer_view_shape(source->format);
    int32_t block = shape.block_elements ? shape.block_elements : 1;
    size_t bytes = shape.block_bytes ? (size_t)shape.block_bytes : source->format == FORMAT_F32 ? 4 : 2;
    int32_t step = block > 1 ? block : FLOAT_CHUNK;
    float values[FLOAT_CHUNK];
    float *target = (float *)out;
    memset(target, 0, panel_bytes(LAYOUT_F32, 0, source->cols));
    for (int32_t r = 0; r < live; r++)
        for (int32_t c = 0; c < source->cols; c += step) {
            int32_t count = source->cols - c < step ? source->cols - c : step;
            const uint8_t *from = row_blocks(source, panel * PANEL_ROWS + r) + (size_t)(c / block) * bytes;
            dequantize_row(source->format, from, values, count);
            for (int32_t i = 0; i < count; i++) target[(size_t)(c + i) * PANEL_ROWS + (size_t)r] = values[i];
        }
}

void pack_panel(const struct pack_source *source, const struct packed_matrix *plan, int32_t panel,
                float scale_factor) {
    uint8_t *out = (uint8_t *)plan->data + (size_t)panel * panel_bytes(plan->layout, plan->has_offsets, plan->cols);
    if (plan->layout == LAYOUT_BF16) pack_pairs(source, panel, out);
    else if (layout_is_float(plan->layout)) pack_floats(source, plan, panel, out);
    else if (scales_are_half(source->format)) pack_words(source, plan, panel, out);
    else pack_viewed(source, plan, panel, scale_factor, out);
}

static float unpack_float(const struct packed_matrix *w, const uint8_t *panel, size_t index) {
    if (w->layout == LAYOUT_F32) return ((const float *)panel)[index];
    uint16_t bits = ((const uint16_t *)panel)[index];
    return w->layout == LAYOUT_F16 ? half_to_float(bits) : bfloat_to_float(bits);
}

static void unpack_block(const struct packed_matrix *w, const uint8_t *block, size_t row, float *values) {
    size_t width = (size_t)layout_group(w->layout), groups = 32 / width;
    const uint16_t *scales = (const uint16_t *)(block + layout_bits(w->layout) * 64);
    for (size_t c = 0; c < 32; c++) {
        size_t group = c / width * PANEL_ROWS + row;
        int32_t q = panel_quant(w, block, row, c);
        float value = half_to_float(scales[group]) * (float)(q - w->zero);
        if (w->has_offsets) value += half_to_float(scales[groups * PANEL_ROWS + group]);
        values[c] = value * w->output_scale;
    }
}

void unpack_row(const struct packed_matrix *w, int32_t row, float *values) {
    size_t at = (size_t)(row % PANEL_ROWS);
    const uint8_t *panel = w->data
        + (size_t)(row / PANEL_ROWS) * panel_bytes(w->layout, w->has_offsets, w->cols);
    if (layout_is_float(w->layout)) {
        for (size_t c = 0; c < (size_t)w->cols; c++)
            values[c] = unpack_float(w, panel, float_place(w->layout, at, c));
        return;
    }
    size_t bytes = panel_block_bytes(w->layout, w->has_offsets);
    for (int32_t b = 0; b < w->cols / 32; b++) unpack_block(w, panel + (size_t)b * bytes, at, values + 32 * b);
}

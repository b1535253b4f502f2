/* matmul.c: the definition of the packed products, one row and one column at a time. */
#include "matmul.h"
#include "block_scale.h"
#include "conversions.h"
#include "panel_quants.h"
#include <math.h>
#include <string.h>

static void quantize_row(struct activation_block *group, int32_t slot, const float *x, int32_t begin, int32_t end) {
    for (int32_t b = begin / ACTIVATION_BLOCK; b < end / ACTIVATION_BLOCK; b++) {
        const float *values = x + (size_t)b * ACTIVATION_BLOCK;
        struct block_scale by = block_scale(greatest_magnitude(values, ACTIVATION_BLOCK), ACTIVATION_QUANT_MAX);
        int16_t pairs[2][2] = { { 0 } };
        int32_t products = 0;
        for (int32_t i = 0; i < ACTIVATION_BLOCK; i++) {
            int8_t q = quant_of(values[i], by);
            group[b].quants[slot][i] = q;
            pairs[i / 16][i % 4 / 2] += q;
            if (i < ACTIVATION_BLOCK / 2) group[b].raised[slot][i] = (uint8_t)(q + ACTIVATION_QUANT_MAX);
            else products += q * group[b].quants[slot][i - ACTIVATION_BLOCK / 2];
        }
        write_block_facts(&group[b], slot, by.scale, pairs, products);
    }
}

/* Output r of a panel, row t. */
static void put(const struct product_rows *rows, int32_t t, int32_t panel, int32_t r, float value) {
    float *y = rows->y + (size_t)t * rows->y_stride + panel * PANEL_ROWS + r;
    *y = rows->accumulate ? *y + value : value;
}

static void integer_panel(const struct packed_matrix *w, int32_t panel, const struct product_rows *rows) {
    int32_t group = layout_group(w->layout);
    int32_t groups = 32 / group, live = w->rows - panel * PANEL_ROWS;
    size_t block_bytes = panel_block_bytes(w->layout, w->has_offsets);
    const uint8_t *base = w->data + (size_t)panel * panel_bytes(w->layout, w->has_offsets, w->cols);
    for (int32_t t = 0; t < rows->count; t++) {
        int32_t slot = t % ACTIVATION_SLOTS;
        const struct activation_block *blocks =
            (const void *)(rows->x + (size_t)(t / ACTIVATION_SLOTS) * rows->x_stride);
        for (int32_t r = 0; r < PANEL_ROWS && r < live; r++) {
            float acc = 0;
            for (int32_t b = 0; b < w->cols / 32; b++) {
                const uint8_t *block = base + (size_t)b * block_bytes;
                const uint16_t *scales = (const uint16_t *)(block + layout_bits(w->layout) * 64);
                const uint16_t *offsets = scales + groups * PANEL_ROWS;
                for (int32_t g = 0; g < groups; g++) {
                    int32_t sum = 0;
                    for (int32_t c = g * group; c < (g + 1) * group; c++)
                        sum += (panel_quant(w, block, (size_t)r, (size_t)c) - w->zero) * blocks[b].quants[slot][c];
                    float products = half_to_float(scales[g * PANEL_ROWS + r]) * (float)sum;
                    acc = fmaf(products, blocks[b].scales[slot], acc);
                    if (w->has_offsets) {
                        float scaled = group == 32 ? blocks[b].scaled32[slot] : blocks[b].scaled16[g][slot];
                        acc = fmaf(half_to_float(offsets[g * PANEL_ROWS + r]), scaled, acc);
                    }
                }
            }
            put(rows, t, panel, r, acc * w->output_scale);
        }
    }
}

static float float_weight(const struct packed_matrix *w, const uint8_t *base, size_t index) {
    switch (w->layout) {
    case LAYOUT_F16: return half_to_float(((const uint16_t *)base)[index]);
    default: return ((const float *)base)[index];
    }
}

static void float_panel(const struct packed_matrix *w, int32_t panel, const struct product_rows *rows) {
    int32_t live = w->rows - panel * PANEL_ROWS;
    const uint8_t *base = w->data + (size_t)panel * panel_bytes(w->layout, 0, w->cols);
    for (int32_t t = 0; t < rows->count; t++) {
        const float *values = (const float *)(rows->x + (size_t)t * rows->x_stride);
        for (int32_t r = 0; r < PANEL_ROWS && r < live; r++) {
            float acc = 0;
            for (int32_t c = 0; c < w->cols; c++)
                acc = fmaf(float_weight(w, base, (size_t)c * PANEL_ROWS + (size_t)r), values[c], acc);
            put(rows, t, panel, r, acc);
        }
    }
}

static float zero_if_denormal(float x) { return fpclassify(x) == FP_SUBNORMAL ? copysignf(0, x) : x; }

/* What lies below this rounds to a denormal, even with 24 bits: 2^-126 less half a unit of its last place. */
#define NORMAL_LEAST 0x1.ffffffp-127

/* The sum in double is inexact only where it is far from that limit. */
static float flushing_fma(float w, float x, float acc) {
    w = zero_if_denormal(w), x = zero_if_denormal(x);
    float rounded = fmaf(w, x, acc);
    double sum = (double)w * (double)x + (double)acc;
    return fabs(sum) < NORMAL_LEAST ? copysignf(0, rounded) : rounded;
}

static void bfloat_panel(const struct packed_matrix *w, int32_t panel, const struct product_rows *rows) {
    int32_t live = w->rows - panel * PANEL_ROWS;
    const uint16_t *base = (const uint16_t *)(w->data + (size_t)panel * panel_bytes(w->layout, 0, w->cols));
    for (int32_t t = 0; t < rows->count; t++) {
        struct rounded_row row = rounded_row_view(rows->x + (size_t)t * rows->x_stride, w->cols);
        for (int32_t r = 0; r < PANEL_ROWS && r < live; r++) {
            float acc = 0;
            for (size_t c = 0; c < even_columns(w->cols); c++) {
                size_t column = c ^ 1; /* the odd one of a pair comes first */
                float weight = bfloat_to_float(base[float_place(w->layout, (size_t)r, column)]);
                acc = flushing_fma(weight, bfloat_to_float(row.pairs[column]), acc);
            }
            put(rows, t, panel, r, acc);
        }
    }
}

#define EACH_PANEL(name, panel)                                                                                     \
    static void name(const struct packed_matrix *w, struct panel_range panels, const struct product_rows *rows) {   \
        for (int32_t p = panels.begin; p < panels.end; p++) panel(w, p, rows);                                      \
    }

EACH_PANEL(float_panels, float_panel)
EACH_PANEL(bfloat_panels, bfloat_panel)
EACH_PANEL(integer_panels, integer_panel)

const struct matmul_kernels matmul_portable = {
    .quantize_row = quantize_row,
    .panels = { float_panels, float_panels, bfloat_panels, integer_panels, integer_panels, integer_panels,
                integer_panels, integer_panels },
};

/* pack.h: from the blocks of a file to the panels of matmul.h, one panel at a time.
 * Panels are independent, so a team packs them in parallel. */
#ifndef TOKENMILL_PACK_H
#define TOKENMILL_PACK_H
#include "matmul.h"

/* Row-major [rows, cols] blocks of `format` (Core/ElementFormat numbers), rows row_bytes apart. */
struct pack_source {
    const uint8_t *blocks;
    int32_t format, rows, cols;
    size_t row_bytes;
};

/* Describes how a format is kept: layout, zero, quant_maximum, has_offsets; data stays NULL.
 * `float32` asks for LAYOUT_F32 whatever the format.  Integer layouts need cols % 32 == 0;
 * other widths are kept as f32.  Returns 0 when the format has no values. */
int32_t pack_plan(const struct pack_source *source, int32_t float32, struct packed_matrix *plan);

/* The largest magnitude among scales and offsets of a panel: what the common power of two must tame. */
float pack_scale_magnitude(const struct pack_source *source, const struct packed_matrix *plan, int32_t panel);

/* The power of two that brings `magnitude` to the top of f16; 1 for formats whose scales are f16 already. */
float pack_scale_factor(const struct pack_source *source, float magnitude);

/* Writes one panel to plan->data + panel * panel_bytes; scales are multiplied by scale_factor. */
void pack_panel(const struct pack_source *source, const struct packed_matrix *plan, int32_t panel,
                float scale_factor);

/* values[c], c in [0, cols): one row of a packed matrix, as its products count it.  For float layouts
 * and for formats whose scales are f16 in the file these are the bits of dequantize_row. */
void unpack_row(const struct packed_matrix *w, int32_t row, float *values);

#endif

/* panel_quants.h: a single quant of an integer panel, for the definition of products and for rows taken out again. */
#ifndef KERNELS_PANEL_QUANTS_H
#define KERNELS_PANEL_QUANTS_H
#include "matmul.h"

/* The quant of one of 16 rows and 32 columns of a block. */
static inline int32_t panel_quant(const struct packed_matrix *w, const uint8_t *block, size_t row, size_t column) {
    if (layout_bits(w->layout) == 8) return block[column / 4 * 64 + row * 4 + column % 4];
    uint8_t both = block[column % 16 / 4 * 64 + row * 4 + column % 4];
    int32_t nibble = column < 16 ? both & 15 : both >> 4;
    return w->table ? w->table[nibble] : nibble;
}

#endif

/* panels.h: what the panels of integer and of float weights share, and the activations of the integer ones. */
#ifndef KERNELS_X86_AVX512_PANELS_H
#define KERNELS_X86_AVX512_PANELS_H
#include "matmul.h"
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

matmul_panels_fn panels_f32_avx512, panels_f16_avx512, panels_bf16_avx512, panels_bf16_avx512bf16;
quantize_row_fn quantize_row_avx512;

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)

/* Outputs `first` ... `first + live - 1`, at most 16, of row t. */
INLINE void store_rows(const struct product_rows rows, int t, int32_t first, __m512 values, int32_t live) {
    float *y = rows.y + (size_t)t * rows.y_stride + first;
    __mmask16 mask = live >= PANEL_ROWS ? (__mmask16)0xffff : (__mmask16)((1u << live) - 1);
    if (rows.accumulate) values = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y), values);
    _mm512_mask_storeu_ps(y, mask, values);
}

/* Panels `first`, first + apart, ... times `tokens` rows; places * tokens <= FLOAT_TILE_SUMS.
 * fetches: the panel behind, while this one is worked on; past the matrix that does no harm. */
typedef void float_tile_fn(const int places, const int tokens, const int layout, const struct packed_matrix *w,
                           int32_t first, int32_t apart, const int fetches, const struct product_rows rows);

/* Sums of 16 outputs that a float tile holds in registers: of rows, or of panels. */
enum { FLOAT_TILE_SUMS = 16 };

INLINE void fetch_columns(const uint8_t *behind, size_t at) {
    if (at % FETCH_LINE == 0) __builtin_prefetch(behind + at, 0, 2);
}

INLINE void store_tile(const int places, const int tokens, const struct packed_matrix *w, int32_t first, int32_t apart,
                       const __m512 *sums, const struct product_rows rows) {
#pragma clang loop unroll(full)
    for (int i = 0; i < places * tokens; i++) {
        int32_t row = (first + i / tokens * apart) * PANEL_ROWS;
        store_rows(rows, i % tokens, row, sums[i], w->rows - row);
    }
}

/* Rows in tiles of 16, 8, 4, 2 and 1, of which a panel's first fetches.  A single row reads `places` of the matrix at
 * once.  That, `tile` and `layout` are constants after inlining. */
INLINE void float_panels(float_tile_fn *tile, const int layout, const int places, const struct packed_matrix *w,
                         struct panel_range panels, const struct product_rows rows) {
#define TILE(tokens) tile(1, tokens, layout, w, p, 0, t == 0, rows_from(rows, t, 1)), t += tokens
    int32_t p = panels.begin;
    if (places > 1 && rows.count == 1) {
        int32_t apart = (panels.end - panels.begin) / places;
        for (; p < panels.begin + apart; p++) tile(places, 1, layout, w, p, apart, 0, rows);
        p = panels.begin + places * apart;
    }
    for (; p < panels.end; p++) {
        for (int32_t t = 0; t < rows.count;) {
            int32_t left = rows.count - t;
            if (left >= 16) TILE(16);
            else if (left >= 8) TILE(8);
            else if (left >= 4) TILE(4);
            else if (left >= 2) TILE(2);
            else TILE(1);
        }
    }
#undef TILE
}

#pragma clang attribute pop

#define FLOAT_PANELS(name, tile, layout, places)                                                                   \
    void name(const struct packed_matrix *w, struct panel_range panels, const struct product_rows *rows) {          \
        float_panels(tile, layout, places, w, panels, *rows);                                                       \
    }

#endif

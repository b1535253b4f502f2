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
 * fetches: the panels behind, while these are worked on; past the matrix that does no harm. */
typedef void float_tile_fn(const int places, const int tokens, const int layout, const struct packed_matrix *w,
                           int32_t first, int32_t apart, const int fetches, const struct product_rows rows);

enum {
    FLOAT_TILE_SUMS = 24, /* of 16 outputs, that a float tile holds in registers */
    /* Panels that share a tile of many rows, whose elements are then loaded once for all.  Halves take two operations
     * to widen, which fewer panels share among more rows. */
    FLOAT_PANELS_TOGETHER = 3,
    HALF_PANELS_TOGETHER = 2,
    INTEGER_PANELS_TOGETHER = 3,
    /* Panels of 4 bits that cores of AMD take together: they are never written out (Sources/Kernels/README.md). */
    NARROW_PANELS_TOGETHER_AMD = 1,
    /* Fewer go one panel at a time: memory is then read in one place, and nothing is written out. */
    MANY_ROWS_MIN = 25,
    FLOAT_ALONE_ROWS = 16 /* of a tile with one panel */
};

/* By layout, where panels of 4 bits go `narrow` at a time. */
#define PANELS_TOGETHER(narrow)                                                                                    \
    { FLOAT_PANELS_TOGETHER, HALF_PANELS_TOGETHER, FLOAT_PANELS_TOGETHER, narrow, narrow, \
      INTEGER_PANELS_TOGETHER, INTEGER_PANELS_TOGETHER, INTEGER_PANELS_TOGETHER }

_Static_assert(MANY_ROWS_MIN > ACTIVATION_SLOTS, "so few rows may themselves lie in the scratch");
_Static_assert(PLACES_AT_ONCE <= FLOAT_PANELS_TOGETHER, "a tile has room for the weights of all its panels");

/* A sum is done before what follows is loaded: the compiler would otherwise load all rows at once, and keep sums in
 * memory for that. */
INLINE void in_order(__m512 *sum) { __asm__ volatile("" : "+v"(*sum) : : "memory"); }

/* A line for each of `panels` panels that lie at `base`, `panel` bytes each, where their columns begin one: of what
 * these read soon, and of the panels behind, as one piece, which suits the memory. */
INLINE void fetch_columns(const uint8_t *base, size_t panel, const int panels, size_t at) {
    if (at % FETCH_LINE) return;
#pragma clang loop unroll(full)
    for (int i = 0; i < panels; i++) fetch_near(base + (size_t)i * panel + at + FETCH_NEAR_BYTES, FETCH_LINE);
    fetch_block(base + (size_t)panels * (panel + at), (size_t)panels * FETCH_LINE);
}

INLINE void store_tile(const int places, const int tokens, const struct packed_matrix *w, int32_t first, int32_t apart,
                       const __m512 *sums, const struct product_rows rows) {
#pragma clang loop unroll(full)
    for (int i = 0; i < places * tokens; i++) {
        int32_t row = (first + i / tokens * apart) * PANEL_ROWS;
        store_rows(rows, i % tokens, row, sums[i], w->rows - row);
    }
}

/* `together` neighbouring panels times rows, in tiles of at most `most`, of which the first fetches. */
INLINE void float_rows(float_tile_fn *tile, const int layout, const int together, const int most,
                       const struct packed_matrix *w, int32_t panel, const struct product_rows rows) {
#define TILE(tokens) tile(together, tokens, layout, w, panel, 1, t == 0, rows_from(rows, t, 1)), t += tokens
    for (int32_t t = 0; t < rows.count;) {
        int32_t left = rows.count - t;
        if (left >= most) TILE(most);
        else if (most > 8 && left >= 8) TILE(8);
        else if (left >= 4) TILE(4);
        else if (left >= 2) TILE(2);
        else TILE(1);
    }
#undef TILE
}

INLINE void float_panels_together(float_tile_fn *tile, const int layout, const struct packed_matrix *w,
                                  struct panel_range panels, const struct product_rows rows) {
    const int together = layout == LAYOUT_F16 ? HALF_PANELS_TOGETHER : FLOAT_PANELS_TOGETHER;
    int32_t p = panels.begin;
    for (; p + together <= panels.end; p += together)
        float_rows(tile, layout, together, FLOAT_TILE_SUMS / together, w, p, rows);
    for (; p < panels.end; p++) float_rows(tile, layout, 1, FLOAT_ALONE_ROWS, w, p, rows);
}

/* A single row reads `places` of the matrix at once.  That, `tile` and `layout` are constants after inlining. */
INLINE void float_panels(float_tile_fn *tile, const int layout, const int places, const struct packed_matrix *w,
                         struct panel_range panels, const struct product_rows rows) {
    if (rows.count >= MANY_ROWS_MIN) return float_panels_together(tile, layout, w, panels, rows);
    int32_t p = panels.begin;
    if (places > 1 && rows.count == 1) {
        int32_t apart = (panels.end - panels.begin) / places;
        for (; p < panels.begin + apart; p++) tile(places, 1, layout, w, p, apart, 0, rows);
        p = panels.begin + places * apart;
    }
    for (; p < panels.end; p++) float_rows(tile, layout, 1, FLOAT_ALONE_ROWS, w, p, rows);
}

#pragma clang attribute pop

#define FLOAT_PANELS(name, tile, layout, places)                                                                   \
    void name(const struct packed_matrix *w, struct panel_range panels, const struct product_rows *rows) {          \
        float_panels(tile, layout, places, w, panels, *rows);                                                       \
    }

#endif

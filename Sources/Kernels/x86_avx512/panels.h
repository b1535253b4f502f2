/* panels.h: what the panels of integer and of float weights share. */
#ifndef KERNELS_X86_AVX512_PANELS_H
#define KERNELS_X86_AVX512_PANELS_H
#include "matmul.h"
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

matmul_panels_fn panels_f32_avx512, panels_f16_avx512, panels_bf16_avx512, panels_bf16_avx512bf16;

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)

INLINE void store_rows(float *y, __m512 values, int32_t live, int32_t accumulate) {
    __mmask16 mask = live >= PANEL_ROWS ? (__mmask16)0xffff : (__mmask16)((1u << live) - 1);
    if (accumulate) values = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, y), values);
    _mm512_mask_storeu_ps(y, mask, values);
}

/* One panel times `tokens` rows. */
typedef void float_tile_fn(const int tokens, const int layout, const uint8_t *base, int32_t cols, const uint8_t *x,
                           size_t x_stride, float *y, size_t y_stride, int32_t live, int32_t accumulate);

/* Rows in tiles of 8, 4, 2 and 1; `tile` and `layout` are constants after inlining. */
INLINE void float_panel(float_tile_fn *tile, const int layout, const struct packed_matrix *w, int32_t panel,
                        const void *x, size_t x_stride, int32_t count, float *y, size_t y_stride,
                        int32_t accumulate) {
    int32_t live = w->rows - panel * PANEL_ROWS;
    const uint8_t *base = w->data + (size_t)panel * panel_bytes(layout, 0, w->cols), *rows = x;
    y += panel * PANEL_ROWS;
    for (int32_t t = 0; t < count;) {
        const uint8_t *from = rows + (size_t)t * x_stride;
        float *out = y + (size_t)t * y_stride;
        int32_t left = count - t;
        if (left >= 8) {
            tile(8, layout, base, w->cols, from, x_stride, out, y_stride, live, accumulate), t += 8;
        } else if (left >= 4) {
            tile(4, layout, base, w->cols, from, x_stride, out, y_stride, live, accumulate), t += 4;
        } else if (left >= 2) {
            tile(2, layout, base, w->cols, from, x_stride, out, y_stride, live, accumulate), t += 2;
        } else {
            tile(1, layout, base, w->cols, from, x_stride, out, y_stride, live, accumulate), t += 1;
        }
    }
}

#pragma clang attribute pop

#define FLOAT_PANELS(name, tile, layout)                                                                           \
    void name(const struct packed_matrix *w, struct panel_range panels, const void *x, size_t x_stride,             \
              int32_t count, float *y, size_t y_stride, int32_t accumulate, struct fetch_list *meanwhile) {         \
        (void)meanwhile;                                                                                            \
        for (int32_t p = panels.begin; p < panels.end; p++)                                                         \
            float_panel(tile, layout, w, p, x, x_stride, count, y, y_stride, accumulate);                           \
    }

#endif

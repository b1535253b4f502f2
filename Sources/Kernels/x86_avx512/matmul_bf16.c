/* matmul_bf16.c (AVX-512 BF16): one `vdpbf16ps` is two columns of a panel.  It flushes and rounds as
 * matmul.h says whatever the thread's mode is. */
#if defined(__x86_64__)
#include "panels.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512bf16"))), apply_to = function)

/* rows: rounded, of which it reads the pairs. */
INLINE void dot_tile(const int places, const int tokens, const int layout, const struct packed_matrix *w,
                     int32_t first, int32_t apart, const int fetches, const struct product_rows rows) {
    size_t panel = panel_bytes(layout, 0, w->cols), stride = panel * (size_t)apart;
    const uint8_t *base = w->data + (size_t)first * panel;
    const uint8_t *pairs = (const uint8_t *)rounded_row_view(rows.x, w->cols).pairs;
    __m512 acc[FLOAT_TILE_SUMS];
#pragma clang loop unroll(full)
    for (int i = 0; i < places * tokens; i++) acc[i] = _mm512_setzero_ps();
    for (size_t at = 0; at < 2 * even_columns(w->cols); at += 4) {
        if (fetches) fetch_columns(base, panel, places, at * PANEL_ROWS);
        __m512i weights[FLOAT_PANELS_TOGETHER];
#pragma clang loop unroll(full)
        for (int s = 0; s < places; s++)
            weights[s] = _mm512_loadu_si512(base + (size_t)s * stride + at * PANEL_ROWS);
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            int32_t pair;
            __builtin_memcpy(&pair, pairs + (size_t)t * rows.x_stride + at, 4);
            __m512bh both = (__m512bh)_mm512_set1_epi32(pair);
#pragma clang loop unroll(full)
            for (int s = 0; s < places; s++) {
                __m512 *sum = &acc[s * tokens + t];
                *sum = _mm512_dpbf16_ps(*sum, (__m512bh)weights[s], both);
                if (places > 1) in_order(sum);
            }
        }
    }
    store_tile(places, tokens, w, first, apart, acc, rows);
}

FLOAT_PANELS(panels_bf16_avx512bf16, dot_tile, LAYOUT_BF16, PLACES_AT_ONCE)

#pragma clang attribute pop
#endif

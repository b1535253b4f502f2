/* matmul_bf16.c (AVX-512 BF16): one `vdpbf16ps` is two columns of a panel.  It flushes and rounds as
 * matmul.h says whatever the thread's mode is. */
#if defined(__x86_64__)
#include "panels.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512bf16"))), apply_to = function)

/* x: rounded rows, of which it reads the pairs. */
INLINE void dot_tile(const int tokens, const int layout, const uint8_t *base, int32_t cols, const uint8_t *x,
                     size_t x_stride, float *y, size_t y_stride, int32_t live, int32_t accumulate) {
    (void)layout;
    __m512 acc[tokens];
    const uint8_t *pairs = (const uint8_t *)rounded_row_view(x, cols).pairs;
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) acc[t] = _mm512_setzero_ps();
    for (size_t at = 0; at < 2 * even_columns(cols); at += 4) {
        __m512i w = _mm512_loadu_si512(base + at * PANEL_ROWS);
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            int32_t pair;
            __builtin_memcpy(&pair, pairs + (size_t)t * x_stride + at, 4);
            acc[t] = _mm512_dpbf16_ps(acc[t], (__m512bh)w, (__m512bh)_mm512_set1_epi32(pair));
        }
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) store_rows(y + (size_t)t * y_stride, acc[t], live, accumulate);
}

FLOAT_PANELS(panels_bf16_avx512bf16, dot_tile, LAYOUT_BF16)

#pragma clang attribute pop
#endif

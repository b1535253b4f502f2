/* panels.h: what the panels of integer and of float weights share. */
#ifndef KERNELS_X86_AVX2_PANELS_H
#define KERNELS_X86_AVX2_PANELS_H
#include "matmul.h"
#include <immintrin.h>

#define INLINE static inline __attribute__((always_inline))

matmul_panels_fn panels_f32_avx2, panels_f16_avx2, panels_bf16_avx2;

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

/* Outputs `first` ... `first + live - 1`, at most 16, of row t. */
INLINE void store_rows(const struct product_rows rows, int t, int32_t first, __m256 low, __m256 high, int32_t live) {
    float *y = rows.y + (size_t)t * rows.y_stride + first;
    if (live >= PANEL_ROWS) {
        if (rows.accumulate) {
            low = _mm256_add_ps(_mm256_loadu_ps(y), low);
            high = _mm256_add_ps(_mm256_loadu_ps(y + 8), high);
        }
        _mm256_storeu_ps(y, low);
        _mm256_storeu_ps(y + 8, high);
        return;
    }
    float values[PANEL_ROWS];
    _mm256_storeu_ps(values, low);
    _mm256_storeu_ps(values + 8, high);
    for (int32_t r = 0; r < live; r++) y[r] = rows.accumulate ? y[r] + values[r] : values[r];
}

#pragma clang attribute pop
#endif

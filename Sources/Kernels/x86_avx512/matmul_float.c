/* matmul_float.c (AVX-512): FMA over a panel's 16 rows, a tile of activation rows sharing every weight load.
 * bf16 weights multiply rounded rows the same way, two columns at a time and with denormals flushed: the
 * bits of the instruction that matmul_bf16.c uses where there is one. */
#if defined(__x86_64__)
#include "../x86_avx2/flushing.h"
#include "panels.h"

#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)

/* See flushing.h. */
INLINE void pin(__m512 *value) { PIN(*value); }

/* Column c, or the column behind it. */
INLINE __m512 load_weights(const int layout, const uint8_t *base, int32_t c, const int behind) {
    if (layout == LAYOUT_F32) return _mm512_loadu_ps((const float *)base + (size_t)c * 16);
    if (layout == LAYOUT_F16) return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(base + (size_t)c * 32)));
    __m512i pairs = _mm512_loadu_si512(base + (size_t)c * 32);
    __m512i wide = behind ? _mm512_and_si512(pairs, _mm512_set1_epi32(~0xffff)) : _mm512_slli_epi32(pairs, 16);
    return _mm512_castsi512_ps(wide);
}

/* The layout is a constant after inlining.  x: f32, or rounded rows, whose f32 values stand first. */
INLINE void float_tile(const int tokens, const int layout, const uint8_t *base, int32_t cols, const uint8_t *x,
                       size_t x_stride, float *y, size_t y_stride, int32_t live, int32_t accumulate) {
    const int flushes = layout == LAYOUT_BF16, together = layout == LAYOUT_BF16 ? 2 : 1;
    __m512 acc[tokens];
    uint32_t mode = flushes ? flushing_begin() : 0;
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
        acc[t] = _mm512_setzero_ps();
        if (flushes) pin(&acc[t]);
    }
    for (int32_t c = 0; c < cols; c += together) {
#pragma clang loop unroll(full)
        for (int behind = together - 1; behind >= 0; behind--) {
            __m512 w = load_weights(layout, base, c, behind);
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                float value = ((const float *)(x + (size_t)t * x_stride))[c + behind];
                acc[t] = _mm512_fmadd_ps(w, _mm512_set1_ps(value), acc[t]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int t = 0; flushes && t < tokens; t++) pin(&acc[t]);
    if (flushes) flushing_end(mode);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
        if (flushes) pin(&acc[t]);
        store_rows(y + (size_t)t * y_stride, acc[t], live, accumulate);
    }
}

FLOAT_PANELS(panels_f32_avx512, float_tile, LAYOUT_F32)
FLOAT_PANELS(panels_f16_avx512, float_tile, LAYOUT_F16)
FLOAT_PANELS(panels_bf16_avx512, float_tile, LAYOUT_BF16)

#pragma clang attribute pop
#endif

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

/* rows: f32, or rounded, whose f32 values stand first. */
INLINE void float_tile(const int places, const int tokens, const int layout, const struct packed_matrix *w,
                       int32_t first, int32_t apart, const int fetches, const struct product_rows rows) {
    const int flushes = layout == LAYOUT_BF16, columns = flushes ? 2 : 1, sums = places * tokens;
    size_t panel = panel_bytes(layout, 0, w->cols), stride = panel * (size_t)apart;
    const uint8_t *base = w->data + (size_t)first * panel;
    __m512 acc[FLOAT_TILE_SUMS];
    uint32_t mode = flushes ? flushing_begin() : 0;
#pragma clang loop unroll(full)
    for (int i = 0; i < sums; i++) {
        acc[i] = _mm512_setzero_ps();
        if (flushes) pin(&acc[i]);
    }
    for (int32_t c = 0; c < w->cols; c += columns) {
        if (fetches) fetch_columns(base, panel, places, (size_t)c * (layout == LAYOUT_F32 ? 64 : 32));
#pragma clang loop unroll(full)
        for (int behind = columns - 1; behind >= 0; behind--) {
            __m512 weights[FLOAT_PANELS_TOGETHER];
#pragma clang loop unroll(full)
            for (int s = 0; s < places; s++) weights[s] = load_weights(layout, base + (size_t)s * stride, c, behind);
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                __m512 value = _mm512_set1_ps(((const float *)(rows.x + (size_t)t * rows.x_stride))[c + behind]);
#pragma clang loop unroll(full)
                for (int s = 0; s < places; s++) {
                    __m512 *sum = &acc[s * tokens + t];
                    *sum = _mm512_fmadd_ps(weights[s], value, *sum);
                    if (places > 1) in_order(sum);
                }
            }
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; flushes && i < sums; i++) pin(&acc[i]);
    if (flushes) flushing_end(mode);
#pragma clang loop unroll(full)
    for (int i = 0; flushes && i < sums; i++) pin(&acc[i]);
    store_tile(places, tokens, w, first, apart, acc, rows);
}

FLOAT_PANELS(panels_f32_avx512, float_tile, LAYOUT_F32, 1)
FLOAT_PANELS(panels_f16_avx512, float_tile, LAYOUT_F16, 1)
FLOAT_PANELS(panels_bf16_avx512, float_tile, LAYOUT_BF16, 1)

#pragma clang attribute pop
#endif

/* matmul_float.c (AVX2): FMA over 8 rows a register, a tile of up to six activation rows sharing every
 * weight load.  bf16 weights multiply rounded rows the same way, two columns at a time and with denormals
 * flushed, which is what one instruction of AVX-512 does. */
#if defined(__x86_64__)
#include "flushing.h"
#include "panels.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

/* See flushing.h. */
INLINE void pin(__m256 *value) { PIN(*value); }

/* Eight rows of column c, or of the column behind it; half picks rows 0-7 or 8-15. */
INLINE __m256 load_weights(const int layout, const uint8_t *base, int32_t c, const int behind, const int half) {
    size_t index = (size_t)c * 16 + (size_t)half * 8;
    if (layout == LAYOUT_F32) return _mm256_loadu_ps((const float *)base + index);
    if (layout == LAYOUT_F16) return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(base + index * 2)));
    __m256i pairs = _mm256_loadu_si256((const __m256i *)(base + (size_t)c * 32 + half * 32));
    __m256i wide = behind ? _mm256_and_si256(pairs, _mm256_set1_epi32(~0xffff)) : _mm256_slli_epi32(pairs, 16);
    return _mm256_castsi256_ps(wide);
}

/* One panel times `tokens` rows; the layout is a constant after inlining.  x: f32, or rounded rows, whose
 * f32 values stand first. */
INLINE void float_tile(const int tokens, const int layout, const uint8_t *base, int32_t cols, const float *const *x,
                       float *y, size_t y_stride, int32_t live, int32_t accumulate) {
    const int flushes = layout == LAYOUT_BF16, together = layout == LAYOUT_BF16 ? 2 : 1;
    __m256 acc[tokens][2];
    uint32_t mode = flushes ? flushing_begin() : 0;
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
        acc[t][0] = acc[t][1] = _mm256_setzero_ps();
        if (flushes) pin(&acc[t][0]), pin(&acc[t][1]);
    }
    for (int32_t c = 0; c < cols; c += together) {
#pragma clang loop unroll(full)
        for (int behind = together - 1; behind >= 0; behind--) {
            /* weights are loaded again rather than kept: registers are for sums */
            if (together > 1) __asm__ volatile("" ::: "memory");
            __m256 w0 = load_weights(layout, base, c, behind, 0), w1 = load_weights(layout, base, c, behind, 1);
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                __m256 v = _mm256_broadcast_ss(x[t] + c + behind);
                acc[t][0] = _mm256_fmadd_ps(w0, v, acc[t][0]);
                acc[t][1] = _mm256_fmadd_ps(w1, v, acc[t][1]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int t = 0; flushes && t < tokens; t++) pin(&acc[t][0]), pin(&acc[t][1]);
    if (flushes) flushing_end(mode);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
        if (flushes) pin(&acc[t][0]), pin(&acc[t][1]);
        store_rows(y + (size_t)t * y_stride, acc[t][0], acc[t][1], live, accumulate);
    }
}

enum { FLOAT_TILE_TOKENS = 6 };

INLINE void float_panel(const int layout, const struct packed_matrix *w, int32_t panel, const void *x,
                        size_t x_stride, int32_t count, float *y, size_t y_stride, int32_t accumulate) {
    int32_t live = w->rows - panel * PANEL_ROWS;
    const uint8_t *base = w->data + (size_t)panel * panel_bytes(layout, 0, w->cols);
    y += panel * PANEL_ROWS;
    for (int32_t t = 0; t < count;) {
        const float *rows[FLOAT_TILE_TOKENS];
        int32_t tokens = count - t < FLOAT_TILE_TOKENS ? count - t : FLOAT_TILE_TOKENS;
        for (int32_t i = 0; i < tokens; i++) rows[i] = (const float *)((const uint8_t *)x + (size_t)(t + i) * x_stride);
        float *out = y + (size_t)t * y_stride;
        switch (tokens) {
        case 6: float_tile(6, layout, base, w->cols, rows, out, y_stride, live, accumulate); break;
        case 5: float_tile(5, layout, base, w->cols, rows, out, y_stride, live, accumulate); break;
        case 4: float_tile(4, layout, base, w->cols, rows, out, y_stride, live, accumulate); break;
        case 3: float_tile(3, layout, base, w->cols, rows, out, y_stride, live, accumulate); break;
        case 2: float_tile(2, layout, base, w->cols, rows, out, y_stride, live, accumulate); break;
        default: float_tile(1, layout, base, w->cols, rows, out, y_stride, live, accumulate);
        }
        t += tokens;
    }
}

#define FLOAT_PANEL(name, layout)                                                                                  \
    void name(const struct packed_matrix *w, int32_t panel, const void *x, size_t x_stride, int32_t count, float *y, \
              size_t y_stride, int32_t accumulate) {                                                               \
        float_panel(layout, w, panel, x, x_stride, count, y, y_stride, accumulate);                                 \
    }

FLOAT_PANEL(panel_f32_avx2, LAYOUT_F32)
FLOAT_PANEL(panel_f16_avx2, LAYOUT_F16)
FLOAT_PANEL(panel_bf16_avx2, LAYOUT_BF16)

#pragma clang attribute pop
#endif

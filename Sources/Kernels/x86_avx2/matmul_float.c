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

/* Sums of 16 outputs that a tile holds in registers: of rows, or of panels. */
enum { TILE_SUMS = 6 };

/* Panels `first`, first + apart, ... times `tokens` rows; the layout is a constant after inlining.
 * fetches: the panel behind, while this one is worked on; past the matrix that does no harm.
 * rows: f32, or rounded, whose f32 values stand first. */
INLINE void float_tile(const int places, const int tokens, const int layout, const struct packed_matrix *w,
                       int32_t first, int32_t apart, const int fetches, const struct product_rows rows) {
    const int flushes = layout == LAYOUT_BF16, together = layout == LAYOUT_BF16 ? 2 : 1, sums = places * tokens;
    size_t panel = panel_bytes(layout, 0, w->cols), stride = panel * (size_t)apart;
    const uint8_t *base = w->data + (size_t)first * panel;
    __m256 acc[TILE_SUMS][2];
    const float *x[TILE_SUMS];
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) x[t] = (const float *)(rows.x + (size_t)t * rows.x_stride);
    uint32_t mode = flushes ? flushing_begin() : 0;
#pragma clang loop unroll(full)
    for (int i = 0; i < sums; i++) {
        acc[i][0] = acc[i][1] = _mm256_setzero_ps();
        if (flushes) pin(&acc[i][0]), pin(&acc[i][1]);
    }
    for (int32_t c = 0; c < w->cols; c += together) {
        size_t column = (size_t)c * (layout == LAYOUT_F32 ? 64 : 32);
        if (fetches && column % FETCH_LINE == 0) {
            fetch_near(base + column + FETCH_NEAR_BYTES, FETCH_LINE);
            fetch_block(base + panel + column, FETCH_LINE);
        }
#pragma clang loop unroll(full)
        for (int behind = together - 1; behind >= 0; behind--) {
#pragma clang loop unroll(full)
            for (int s = 0; s < places; s++) {
                /* weights are loaded again rather than kept: registers are for sums */
                if (together > 1) __asm__ volatile("" ::: "memory");
                __m256 w0 = load_weights(layout, base + (size_t)s * stride, c, behind, 0);
                __m256 w1 = load_weights(layout, base + (size_t)s * stride, c, behind, 1);
#pragma clang loop unroll(full)
                for (int t = 0; t < tokens; t++) {
                    __m256 v = _mm256_broadcast_ss(x[t] + c + behind), *sum = acc[s * tokens + t];
                    sum[0] = _mm256_fmadd_ps(w0, v, sum[0]);
                    sum[1] = _mm256_fmadd_ps(w1, v, sum[1]);
                }
            }
        }
    }
#pragma clang loop unroll(full)
    for (int i = 0; flushes && i < sums; i++) pin(&acc[i][0]), pin(&acc[i][1]);
    if (flushes) flushing_end(mode);
#pragma clang loop unroll(full)
    for (int i = 0; i < sums; i++) {
        if (flushes) pin(&acc[i][0]), pin(&acc[i][1]);
        int32_t row = (first + i / tokens * apart) * PANEL_ROWS;
        store_rows(rows, i % tokens, row, acc[i][0], acc[i][1], w->rows - row);
    }
}

INLINE void float_panels(const int layout, const struct packed_matrix *w, struct panel_range panels,
                         const struct product_rows rows) {
#define TILE(tokens, fetches) float_tile(1, tokens, layout, w, p, 0, fetches, rows_from(rows, t, 1))
    int32_t p = panels.begin;
    if (rows.count == 1) {
        int32_t apart = (panels.end - panels.begin) / PLACES_AT_ONCE;
        for (; p < panels.begin + apart; p++) float_tile(PLACES_AT_ONCE, 1, layout, w, p, apart, 0, rows);
        p = panels.begin + PLACES_AT_ONCE * apart;
    }
    for (; p < panels.end; p++) {
        for (int32_t t = 0; t < rows.count; t += TILE_SUMS) {
            switch (rows.count - t) {
            case 1: TILE(1, t == 0); break;
            case 2: TILE(2, t == 0); break;
            case 3: TILE(3, t == 0); break;
            case 4: TILE(4, t == 0); break;
            case 5: TILE(5, t == 0); break;
            default:
                if (t == 0) TILE(6, 1);
                else TILE(6, 0);
            }
        }
    }
#undef TILE
}

#define FLOAT_PANELS(name, layout)                                                                                  \
    void name(const struct packed_matrix *w, struct panel_range panels, const struct product_rows *rows) {          \
        float_panels(layout, w, panels, *rows);                                                                     \
    }

FLOAT_PANELS(panels_f32_avx2, LAYOUT_F32)
FLOAT_PANELS(panels_f16_avx2, LAYOUT_F16)
FLOAT_PANELS(panels_bf16_avx2, LAYOUT_BF16)

#pragma clang attribute pop
#endif

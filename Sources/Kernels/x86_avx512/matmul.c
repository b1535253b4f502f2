/* matmul.c (AVX-512 with VNNI): 16 rows a register, so that one `vpdpbusd` is four columns of a panel.
 * Sums are 32 bits wide from the start, so every quant width takes the same path; the zero point is
 * taken off afterwards with the activations' own sums, exactly. */
#if defined(__x86_64__)
#include "panels.h"
#include "vectors.h"

#pragma clang attribute push(                                                                                       \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)

INLINE __m512 load_half(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }

INLINE __m512i broadcast4(const int8_t *p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
}

INLINE __m512i load_quants(const int bits, const uint8_t *block, int k) {
    if (bits == 8) return _mm512_loadu_si512(block + k * 64);
    __m512i both = _mm512_loadu_si512(block + (k & 3) * 64);
    if (k >= 4) both = _mm512_srli_epi16(both, 4);
    return _mm512_and_si512(both, _mm512_set1_epi8(15));
}

/* Of activations that share a pass over a panel's quants. */
enum { TILE_ROWS = 2 * ACTIVATION_SLOTS };

/* Row t of a tile, block b: groups of four rows lie `x_stride` bytes apart. */
INLINE const struct activation_block *block_of(const uint8_t *x, size_t x_stride, int t, int32_t b) {
    return (const struct activation_block *)(x + (size_t)(t / ACTIVATION_SLOTS) * x_stride) + b;
}

/* One panel times `tokens` rows; bits, group and offsets are constants after inlining.
 * ahead: the panel to fetch, or NULL: then `meanwhile` is fetched, where not NULL. */
INLINE void integer_tile(const int tokens, const int bits, const int group, const int offsets,
                         const struct packed_matrix *w, const uint8_t *block, const uint8_t *ahead, const uint8_t *x,
                         size_t x_stride, float *y, size_t y_stride, int32_t live, int32_t accumulate,
                         struct fetch_list *meanwhile) {
    const int groups = 32 / group, steps = group / 4;
    const size_t block_bytes = (size_t)(bits == 4 ? 256 : 512) + (size_t)(groups * 32 * (offsets ? 2 : 1));
    __m512 acc[tokens];
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) acc[t] = _mm512_setzero_ps();
    for (int32_t b = 0; b < w->cols / 32; b++, block += block_bytes) {
        const uint16_t *scales = (const uint16_t *)(block + (bits == 4 ? 256 : 512));
        if (ahead) fetch_block(ahead + (size_t)b * block_bytes, block_bytes);
        else if (meanwhile) fetch_next(meanwhile);
#pragma clang loop unroll(full)
        for (int g = 0; g < groups; g++) {
            __m512i sum[tokens];
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                const struct activation_block *row = block_of(x, x_stride, t, b);
                int32_t xs = group == 32 ? row->sums32[t % 4] : row->sums16[g][t % 4];
                sum[t] = offsets ? _mm512_setzero_si512() : _mm512_set1_epi32(-w->zero * xs);
            }
#pragma clang loop unroll(full)
            for (int i = 0; i < steps; i++) {
                int k = g * steps + i;
                if (bits == 4 && group == 32) k = (i >> 1) | (i & 1) << 2; /* both nibbles of one load */
                __m512i q = load_quants(bits, block, k);
#pragma clang loop unroll(full)
                for (int t = 0; t < tokens; t++) {
                    const int8_t *quants = block_of(x, x_stride, t, b)->quants[t % 4];
                    sum[t] = _mm512_dpbusd_epi32(sum[t], q, broadcast4(quants + k * 4));
                }
            }
            __m512 scale = load_half(scales + g * 16);
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                __m512 both = _mm512_mul_ps(scale, _mm512_set1_ps(block_of(x, x_stride, t, b)->scales[t % 4]));
                acc[t] = _mm512_fmadd_ps(both, _mm512_cvtepi32_ps(sum[t]), acc[t]);
            }
            if (offsets) {
                __m512 offset = load_half(scales + groups * PANEL_ROWS + g * 16);
#pragma clang loop unroll(full)
                for (int t = 0; t < tokens; t++) {
                    const struct activation_block *row = block_of(x, x_stride, t, b);
                    float scaled = group == 32 ? row->scaled32[t % 4] : row->scaled16[g][t % 4];
                    acc[t] = _mm512_fmadd_ps(offset, _mm512_set1_ps(scaled), acc[t]);
                }
            }
        }
    }
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++)
        store_rows(y + (size_t)t * y_stride, _mm512_mul_ps(acc[t], _mm512_set1_ps(w->output_scale)), live, accumulate);
}

INLINE void integer_panel(const int bits, const int group, const int offsets, const struct packed_matrix *w,
                          int32_t panel, const void *x, size_t x_stride, int32_t count, float *y, size_t y_stride,
                          int32_t accumulate, struct fetch_list *meanwhile) {
    int32_t live = w->rows - panel * PANEL_ROWS;
    size_t bytes = panel_bytes(w->layout, w->has_offsets, w->cols);
    const uint8_t *base = w->data + (size_t)panel * bytes;
    const uint8_t *ahead = base + bytes; /* fetched by the first tile; past the matrix it does no harm */
    y += panel * PANEL_ROWS;
    for (int32_t t = 0; t < count; ahead = NULL) {
        const uint8_t *rows = (const uint8_t *)x + (size_t)(t / ACTIVATION_SLOTS) * x_stride;
        float *out = y + (size_t)t * y_stride;
#define TILE(tokens)                                                                                                \
    integer_tile(tokens, bits, group, offsets, w, base, ahead, rows, x_stride, out, y_stride, live, accumulate,     \
                 meanwhile),                                                                                        \
        t += tokens
        switch (count - t) {
        case 1: TILE(1); break;
        case 2: TILE(2); break;
        case 3: TILE(3); break;
        case 4:
        case 5:
        case 6:
        case 7: TILE(4); break;
        default: TILE(TILE_ROWS);
        }
#undef TILE
    }
}

#define INTEGER_PANELS(name, bits, group)                                                                          \
    static void name(const struct packed_matrix *w, struct panel_range panels, const void *x, size_t x_stride,      \
                     int32_t count, float *y, size_t y_stride, int32_t accumulate,                                  \
                     struct fetch_list *meanwhile) {                                                                \
        for (int32_t p = panels.begin; p < panels.end; p++) {                                                       \
            if (w->has_offsets)                                                                                     \
                integer_panel(bits, group, 1, w, p, x, x_stride, count, y, y_stride, accumulate, meanwhile);         \
            else                                                                                                    \
                integer_panel(bits, group, 0, w, p, x, x_stride, count, y, y_stride, accumulate, meanwhile);         \
        }                                                                                                           \
    }

INTEGER_PANELS(panels_u4_g32, 4, 32)
INTEGER_PANELS(panels_u4_g16, 4, 16)
INTEGER_PANELS(panels_u8_g32, 8, 32)
INTEGER_PANELS(panels_u8_g16, 8, 16)

/* --- activations ----------------------------------------------------------------------------- */

static void quantize_row(struct activation_block *group, int32_t slot, const float *x, int32_t begin, int32_t end) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    for (int32_t b = begin / 32; b < end / 32; b++) {
        __m512 low = _mm512_loadu_ps(x + b * 32), high = _mm512_loadu_ps(x + b * 32 + 16);
        __m512i magnitudes = _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(low), magnitude),
                                              _mm512_and_si512(_mm512_castps_si512(high), magnitude));
        struct block_scale by = block_scale(_mm512_reduce_max_epi32(magnitudes));
        __m512i q[2] = { quants_16(low, by), quants_16(high, by) };
        int32_t sums[2];
        for (int h = 0; h < 2; h++) {
            sums[h] = _mm512_reduce_add_epi32(q[h]);
            _mm_storeu_si128((__m128i *)(group[b].quants[slot] + h * 16), _mm512_cvtepi32_epi8(q[h]));
        }
        write_block_facts(&group[b], slot, by.scale, sums[0], sums[1]);
    }
}

#pragma clang attribute pop

const struct matmul_kernels matmul_x86_avx512 = {
    .quantize_row = quantize_row,
    .tile_rows = TILE_ROWS,
    .panels = { panels_f32_avx512, panels_f16_avx512, panels_bf16_avx512, panels_u4_g32,
                panels_u4_g16, panels_u8_g32, panels_u8_g16 },
};

const struct matmul_kernels matmul_x86_avx512bf16 = {
    .quantize_row = quantize_row,
    .tile_rows = TILE_ROWS,
    .panels = { panels_f32_avx512, panels_f16_avx512, panels_bf16_avx512bf16, panels_u4_g32,
                panels_u4_g16, panels_u8_g32, panels_u8_g16 },
};
#endif

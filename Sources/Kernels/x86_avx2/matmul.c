/* matmul.c (AVX2): 8 rows a register, `maddubs` on unsigned weights and signed activations.
 * Pairs of products are summed in 16 bits for as long as they cannot overflow: 8 pairs of 4-bit
 * quants, 4 of 5-bit, 2 of 6-bit.  8-bit quants go through the sign trick, one pair at a time.
 * A tile of a few activation rows shares every weight load; see Sources/Kernels/README.md. */
#if defined(__x86_64__)
#include "panels.h"
#include "vectors.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

INLINE __m256 load_half(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }

INLINE __m256i broadcast4(const int8_t *p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return _mm256_set1_epi32(word);
}

/* Eight rows of four columns: k counts columns by four, half picks rows 0-7 or 8-15. */
INLINE __m256i load_quants(const int bits, const uint8_t *block, int k, int half) {
    if (bits == 8) return _mm256_loadu_si256((const __m256i *)(block + k * 64 + half * 32));
    __m256i both = _mm256_loadu_si256((const __m256i *)(block + (k & 3) * 64 + half * 32));
    if (k >= 4) both = _mm256_srli_epi16(both, 4);
    return _mm256_and_si256(both, _mm256_set1_epi8(15));
}

/* The compiler would otherwise turn a chain of sums into a tree, whose branches it must spill. */
INLINE __m256i in_order(__m256i sum) {
    __asm__("" : "+x"(sum));
    return sum;
}

/* Sums of 16 outputs that a tile holds in registers: of rows, or of panels. */
enum { TILE_SUMS = 4 };

/* 32 columns of one panel times `tokens` rows of one group, added to their sums.  Everything but the pointers
 * is a constant after inlining.
 * chain: products that fit into 16 bits before they must widen (0: sign trick). */
INLINE void add_block(const int tokens, const int bits, const int group, const int chain, const int offsets,
                      const struct packed_matrix *w, const uint8_t *block, const struct activation_block *x,
                      __m256 (*acc)[2]) {
    const int groups = 32 / group, steps = group / 4, link = chain ? chain : 1;
    const __m256i ones = _mm256_set1_epi16(1), flip = _mm256_set1_epi8((char)0x80);
    const uint16_t *scales = (const uint16_t *)(block + (bits == 4 ? 256 : 512));
    /* the sign trick works on q - 128; the other chains on q itself */
    const int32_t zero = chain ? w->zero : w->zero - 128;
#pragma clang loop unroll(full)
    for (int g = 0; g < groups; g++) {
        __m256i sum[ACTIVATION_SLOTS][2];
#pragma clang loop unroll(full)
        for (int c = 0; c < steps / link; c++) {
            __m256i pairs[ACTIVATION_SLOTS][2];
#pragma clang loop unroll(full)
            for (int i = 0; i < link; i++) {
                int k = g * steps + c * link + i;
                /* weights are loaded again rather than kept: registers are for sums */
                __asm__ volatile("" ::: "memory");
                __m256i w0 = load_quants(bits, block, k, 0), w1 = load_quants(bits, block, k, 1);
                __m256i a0 = w0, a1 = w1;
                if (!chain) {
                    w0 = _mm256_xor_si256(w0, flip), w1 = _mm256_xor_si256(w1, flip);
                    a0 = _mm256_abs_epi8(w0), a1 = _mm256_abs_epi8(w1);
                }
#pragma clang loop unroll(full)
                for (int t = 0; t < tokens; t++) {
                    __m256i v = broadcast4(x->quants[t] + k * 4);
                    __m256i v0 = chain ? v : _mm256_sign_epi8(v, w0), v1 = chain ? v : _mm256_sign_epi8(v, w1);
                    __m256i p0 = _mm256_maddubs_epi16(a0, v0), p1 = _mm256_maddubs_epi16(a1, v1);
                    pairs[t][0] = i ? in_order(_mm256_add_epi16(pairs[t][0], p0)) : p0;
                    pairs[t][1] = i ? in_order(_mm256_add_epi16(pairs[t][1], p1)) : p1;
                }
            }
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                __m256i p0 = _mm256_madd_epi16(pairs[t][0], ones), p1 = _mm256_madd_epi16(pairs[t][1], ones);
                sum[t][0] = c ? in_order(_mm256_add_epi32(sum[t][0], p0)) : p0;
                sum[t][1] = c ? in_order(_mm256_add_epi32(sum[t][1], p1)) : p1;
            }
        }
        __m256 s0 = load_half(scales + g * 16), s1 = load_half(scales + g * 16 + 8);
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            if (!offsets) {
                int32_t xs = group == 32 ? x->sums32[t] : x->sums16[g][t];
                __m256i correction = _mm256_set1_epi32(zero * xs);
                sum[t][0] = _mm256_sub_epi32(sum[t][0], correction);
                sum[t][1] = _mm256_sub_epi32(sum[t][1], correction);
            }
            __m256 scale = _mm256_broadcast_ss(&x->scales[t]);
            acc[t][0] = _mm256_fmadd_ps(_mm256_mul_ps(s0, scale), _mm256_cvtepi32_ps(sum[t][0]), acc[t][0]);
            acc[t][1] = _mm256_fmadd_ps(_mm256_mul_ps(s1, scale), _mm256_cvtepi32_ps(sum[t][1]), acc[t][1]);
        }
        if (!offsets) continue;
        const uint16_t *at = scales + groups * PANEL_ROWS + g * 16;
        __m256 o0 = load_half(at), o1 = load_half(at + 8);
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            __m256 scaled = _mm256_broadcast_ss(group == 32 ? &x->scaled32[t] : &x->scaled16[g][t]);
            acc[t][0] = _mm256_fmadd_ps(o0, scaled, acc[t][0]);
            acc[t][1] = _mm256_fmadd_ps(o1, scaled, acc[t][1]);
        }
    }
}

/* Panels `first`, first + apart, ... times rows of one group; streams * tokens <= TILE_SUMS.
 * fetches: the panel behind, while this one is worked on; past the matrix that does no harm.
 * meanwhile: fetched otherwise, where not NULL. */
INLINE void integer_tile(const int streams, const int tokens, const int bits, const int group, const int chain,
                         const int offsets, const struct packed_matrix *w, int32_t first, int32_t apart,
                         const int fetches, struct fetch_list *meanwhile, const struct activation_block *x, float *y,
                         size_t y_stride, int32_t accumulate) {
    const size_t block_bytes = (size_t)(bits == 4 ? 256 : 512) + (size_t)(32 / group * 32 * (offsets ? 2 : 1));
    size_t panel = block_bytes * (size_t)(w->cols / 32), stride = panel * (size_t)apart;
    const uint8_t *block = w->data + (size_t)first * panel;
    __m256 acc[TILE_SUMS][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < streams * tokens; i++) acc[i][0] = acc[i][1] = _mm256_setzero_ps();
    for (int32_t b = 0; b < w->cols / 32; b++, block += block_bytes, x++) {
        if (fetches) fetch_block(block + panel, block_bytes);
        else if (meanwhile) fetch_next(meanwhile);
#pragma clang loop unroll(full)
        for (int s = 0; s < streams; s++)
            add_block(tokens, bits, group, chain, offsets, w, block + (size_t)s * stride, x, acc + s * tokens);
    }
    __m256 out = _mm256_set1_ps(w->output_scale);
#pragma clang loop unroll(full)
    for (int i = 0; i < streams * tokens; i++) {
        int32_t row = (first + i / tokens * apart) * PANEL_ROWS;
        store_rows(y + (size_t)(i % tokens) * y_stride + row, _mm256_mul_ps(acc[i][0], out),
                   _mm256_mul_ps(acc[i][1], out), w->rows - row, accumulate);
    }
}

INLINE void integer_panels(const int bits, const int group, const int chain, const int offsets,
                           const struct packed_matrix *w, struct panel_range panels, const void *x, size_t x_stride,
                           int32_t count, float *y, size_t y_stride, int32_t accumulate,
                           struct fetch_list *meanwhile) {
#define TILE(streams, tokens, apart, fetches, meanwhile)                                                            \
    integer_tile(streams, tokens, bits, group, chain, offsets, w, p, apart, fetches, meanwhile, rows, out, y_stride, \
                 accumulate)
    const struct activation_block *rows = x;
    float *out = y;
    int32_t p = panels.begin;
    if (count == 1) {
        int32_t apart = (panels.end - panels.begin) / STREAMS;
        for (; p < panels.begin + apart; p++) TILE(STREAMS, 1, apart, 0, NULL);
        for (p = panels.begin + STREAMS * apart; p < panels.end; p++) TILE(1, 1, 0, 1, NULL);
    }
    for (; p < panels.end; p++) {
        rows = x, out = y;
        for (int32_t t = 0; t < count; t += ACTIVATION_SLOTS, out += ACTIVATION_SLOTS * y_stride) {
            switch (count - t) {
            case 1: TILE(1, 1, 0, 0, NULL); break;
            case 2: TILE(1, 2, 0, t == 0, NULL); break;
            case 3: TILE(1, 3, 0, t == 0, NULL); break;
            default:
                if (t == 0) TILE(1, 4, 0, 1, NULL);
                else TILE(1, 4, 0, 0, meanwhile);
            }
            rows = (const void *)((const uint8_t *)rows + x_stride);
        }
    }
#undef TILE
}

#define INTEGER_PANELS(name, bits, group, chain, offsets)                                                          \
    static void name(const struct packed_matrix *w, struct panel_range panels, const void *x, size_t x_stride,      \
                     int32_t count, float *y, size_t y_stride, int32_t accumulate,                                  \
                     struct fetch_list *meanwhile) {                                                                \
        integer_panels(bits, group, chain, offsets, w, panels, x, x_stride, count, y, y_stride, accumulate,         \
                       meanwhile);                                                                                  \
    }

INTEGER_PANELS(u4_g32_offsets, 4, 32, 8, 1)
INTEGER_PANELS(u4_g32_zero, 4, 32, 8, 0)
INTEGER_PANELS(u4_g16_offsets, 4, 16, 4, 1)
INTEGER_PANELS(u4_g16_zero, 4, 16, 4, 0)
INTEGER_PANELS(u5_g32_offsets, 8, 32, 4, 1)
INTEGER_PANELS(u5_g32_zero, 8, 32, 4, 0)
INTEGER_PANELS(u6_g16_offsets, 8, 16, 2, 1)
INTEGER_PANELS(u6_g16_zero, 8, 16, 2, 0)
INTEGER_PANELS(u8_g32_zero, 8, 32, 0, 0)
INTEGER_PANELS(u8_g16_zero, 8, 16, 0, 0)

/* The panels of a layout, by what the matrix says of its quants. */
#define PANELS(name, kernel)                                                                                        \
    static void name(const struct packed_matrix *w, struct panel_range panels, const void *x, size_t x_stride,      \
                     int32_t count, float *y, size_t y_stride, int32_t accumulate,                                  \
                     struct fetch_list *meanwhile) {                                                                \
        matmul_panels_fn *run = kernel;                                                                             \
        run(w, panels, x, x_stride, count, y, y_stride, accumulate, meanwhile);                                     \
    }

PANELS(panels_u4_g32, w->has_offsets ? u4_g32_offsets : u4_g32_zero)
PANELS(panels_u4_g16, w->has_offsets ? u4_g16_offsets : u4_g16_zero)
PANELS(panels_u8_g32, w->quant_maximum <= 31 ? w->has_offsets ? u5_g32_offsets : u5_g32_zero
                      : w->has_offsets       ? matmul_portable.panels[LAYOUT_U8_G32]
                                             : u8_g32_zero)
PANELS(panels_u8_g16, w->quant_maximum <= 63 ? w->has_offsets ? u6_g16_offsets : u6_g16_zero
                      : w->has_offsets       ? matmul_portable.panels[LAYOUT_U8_G16]
                                             : u8_g16_zero)

/* --- activations ----------------------------------------------------------------------------- */

INLINE int32_t sum_of_lanes(__m256i v) {
    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
    return _mm_cvtsi128_si32(_mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1)));
}

static void quantize_row(struct activation_block *group, int32_t slot, const float *x, int32_t begin, int32_t end) {
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    for (int32_t b = begin / 32; b < end / 32; b++) {
        __m256 v[4];
        __m256i m = _mm256_setzero_si256();
        for (int i = 0; i < 4; i++) {
            v[i] = _mm256_loadu_ps(x + b * 32 + i * 8);
            m = _mm256_max_epi32(_mm256_and_si256(_mm256_castps_si256(v[i]), magnitude), m);
        }
        struct block_scale by = block_scale(greatest_8(m));
        __m256i q[4];
        for (int i = 0; i < 4; i++) q[i] = quants_8(v[i], by);
        int32_t low = sum_of_lanes(_mm256_add_epi32(q[0], q[1])), high = sum_of_lanes(_mm256_add_epi32(q[2], q[3]));
        __m256i words = _mm256_packs_epi16(_mm256_packs_epi32(q[0], q[1]), _mm256_packs_epi32(q[2], q[3]));
        words = _mm256_permutevar8x32_epi32(words, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
        _mm256_storeu_si256((__m256i *)group[b].quants[slot], words);
        write_block_facts(&group[b], slot, by.scale, low, high);
    }
}

#pragma clang attribute pop

const struct matmul_kernels matmul_x86_avx2 = {
    .quantize_row = quantize_row,
    .panels = { panels_f32_avx2, panels_f16_avx2, panels_bf16_avx2, panels_u4_g32, panels_u4_g16, panels_u8_g32,
                panels_u8_g16 },
};
#endif

/* matmul.c (AVX-512 with VNNI): 16 rows a register, so that one `vpdpbusd` is four columns of a panel.
 * Sums are 32 bits wide from the start, so every quant width takes the same path; they begin with what the
 * zero point takes away, by the activations' own sums, exactly. */
#if defined(__x86_64__)
#include "../x86_avx2/pair_sums.h"
#include "panels.h"
#include "vectors.h"

#pragma clang attribute push(                                                                                       \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"))), apply_to = function)

INLINE __m512 load_half(const uint16_t *p) { return _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p)); }

INLINE __m512i broadcast4(const void *p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return _mm512_set1_epi32(word);
}

/* A kind of panels, a constant after inlining. */
struct integer_kind {
    int bits;    /* of a quant: 4 or 8 */
    int group;   /* columns of a scale: 16 or 32 */
    int offsets; /* one for each row and group, and no zero point */
};

INLINE __m512i load_quants(const int bits, const uint8_t *block, int k) {
    if (bits == 8) return _mm512_loadu_si512(block + k * 64);
    __m512i both = _mm512_loadu_si512(block + (k & 3) * 64);
    if (k >= 4) both = _mm512_srli_epi16(both, 4);
    return _mm512_and_si512(both, _mm512_set1_epi8(15));
}

/* Of activations that share a pass over a panel's quants. */
enum { TILE_ROWS = 3 * ACTIVATION_SLOTS };

/* Row t of a tile, block b. */
INLINE const struct activation_block *block_of(const struct product_rows rows, int t, int32_t b) {
    return (const struct activation_block *)(rows.x + (size_t)(t / ACTIVATION_SLOTS) * rows.x_stride) + b;
}

/* 32 columns of one panel times `tokens` rows, added to their sums. */
INLINE void add_block(const int tokens, const struct integer_kind kind, const struct packed_matrix *w,
                      const uint8_t *block, const struct product_rows rows, int32_t b, __m512 *acc) {
    const int groups = 32 / kind.group, steps = kind.group / 4;
    const uint16_t *scales = (const uint16_t *)(block + (kind.bits == 4 ? 256 : 512));
#pragma clang loop unroll(full)
    for (int g = 0; g < groups; g++) {
        __m512i sum[tokens];
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            sum[t] = _mm512_setzero_si512();
            if (kind.offsets) continue;
            const struct activation_block *row = block_of(rows, t, b);
            __m512i pairs = broadcast4(kind.group == 32 ? row->pairs32[t % 4] : row->pairs16[g][t % 4]);
            sum[t] = _mm512_dpwssd_epi32(sum[t], pairs, _mm512_set1_epi16((int16_t)-w->zero));
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < steps; i++) {
            int k = g * steps + i;
            if (kind.bits == 4 && kind.group == 32) k = (i >> 1) | (i & 1) << 2; /* both nibbles of one load */
            __m512i q = load_quants(kind.bits, block, k);
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                const int8_t *quants = block_of(rows, t, b)->quants[t % 4];
                sum[t] = _mm512_dpbusd_epi32(sum[t], q, broadcast4(quants + k * 4));
            }
        }
        __m512 scale = load_half(scales + g * 16);
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            __m512 both = _mm512_mul_ps(scale, _mm512_set1_ps(block_of(rows, t, b)->scales[t % 4]));
            acc[t] = _mm512_fmadd_ps(both, _mm512_cvtepi32_ps(sum[t]), acc[t]);
        }
        if (!kind.offsets) continue;
        __m512 offset = load_half(scales + groups * PANEL_ROWS + g * 16);
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            const struct activation_block *row = block_of(rows, t, b);
            float scaled = kind.group == 32 ? row->scaled32[t % 4] : row->scaled16[g][t % 4];
            acc[t] = _mm512_fmadd_ps(offset, _mm512_set1_ps(scaled), acc[t]);
        }
    }
}

/* Panels `first`, first + apart, ... times `tokens` rows; places * tokens <= TILE_ROWS.
 * fetches: the panel behind, while this one is worked on, instead of what the rows name; past the matrix that
 * does no harm. */
INLINE void integer_tile(const int places, const int tokens, const struct integer_kind kind,
                         const struct packed_matrix *w, int32_t first, int32_t apart, const int fetches,
                         const struct product_rows rows) {
    const size_t block_bytes =
        (size_t)(kind.bits == 4 ? 256 : 512) + (size_t)(32 / kind.group * 32 * (kind.offsets ? 2 : 1));
    size_t panel = block_bytes * (size_t)(w->cols / 32), stride = panel * (size_t)apart;
    const uint8_t *block = w->data + (size_t)first * panel;
    __m512 acc[places * tokens];
#pragma clang loop unroll(full)
    for (int i = 0; i < places * tokens; i++) acc[i] = _mm512_setzero_ps();
    for (int32_t b = 0; b < w->cols / 32; b++, block += block_bytes) {
        if (fetches) fetch_block(block + panel, block_bytes);
        else if (rows.meanwhile) fetch_next(rows.meanwhile);
#pragma clang loop unroll(full)
        for (int s = 0; s < places; s++)
            add_block(tokens, kind, w, block + (size_t)s * stride, rows, b, acc + s * tokens);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < places * tokens; i++) acc[i] = _mm512_mul_ps(acc[i], _mm512_set1_ps(w->output_scale));
    store_tile(places, tokens, w, first, apart, acc, rows);
}

/* One panel times rows, in tiles, of which the first fetches the panel behind. */
INLINE void integer_rows(const struct integer_kind kind, const struct packed_matrix *w, int32_t panel,
                         const struct product_rows rows) {
#define TILE(tokens)                                                                                                \
    integer_tile(1, tokens, kind, w, panel, 0, t == 0, rows_from(rows, t, ACTIVATION_SLOTS)), t += tokens
    for (int32_t t = 0; t < rows.count;) {
        switch (rows.count - t) {
        case 1: TILE(1); break;
        case 2: TILE(2); break;
        case 3: TILE(3); break;
        case 4:
        case 5:
        case 6:
        case 7: TILE(4); break;
        case 8:
        case 9:
        case 10:
        case 11: TILE(8); break;
        default: TILE(TILE_ROWS);
        }
    }
#undef TILE
}

INLINE void integer_panels(const struct integer_kind kind, const struct packed_matrix *w, struct panel_range panels,
                           const struct product_rows rows) {
    for (int32_t p = panels.begin; p < panels.end; p++) integer_rows(kind, w, p, rows);
}

/* The same where a single row reads several places of the matrix at once. */
INLINE void integer_panels_apart(const struct integer_kind kind, const struct packed_matrix *w,
                                 struct panel_range panels, const struct product_rows rows) {
    if (rows.count == 1) {
        int32_t end = panels.begin + (panels.end - panels.begin) / PLACES_AT_ONCE;
        struct product_rows row = rows;
        row.meanwhile = NULL;
        for (int32_t p = panels.begin; p < end; p++)
            integer_tile(PLACES_AT_ONCE, 1, kind, w, p, end - panels.begin, 0, row);
        panels.begin += PLACES_AT_ONCE * (end - panels.begin);
    }
    integer_panels(kind, w, panels, rows);
}

#define PANELS(name, run, bits, group)                                                                              \
    static void name(const struct packed_matrix *w, struct panel_range panels, const struct product_rows *rows) {   \
        if (w->has_offsets) run((struct integer_kind){ bits, group, 1 }, w, panels, *rows);                         \
        else run((struct integer_kind){ bits, group, 0 }, w, panels, *rows);                                        \
    }

/* A single row reads one place, or several (`name` followed by `_apart`). */
#define INTEGER_PANELS(name, bits, group)                                                                          \
    PANELS(name, integer_panels, bits, group)                                                                       \
    PANELS(name##_apart, integer_panels_apart, bits, group)

INTEGER_PANELS(u4_g32, 4, 32)
INTEGER_PANELS(u4_g16, 4, 16)
INTEGER_PANELS(u8_g32, 8, 32)
INTEGER_PANELS(u8_g16, 8, 16)

/* --- activations ----------------------------------------------------------------------------- */

/* 16 columns, added up by column modulo 8. */
INLINE __m256i folded(__m512i q) {
    return _mm256_add_epi32(_mm512_castsi512_si256(q), _mm512_extracti64x4_epi64(q, 1));
}

static void quantize_row(struct activation_block *group, int32_t slot, const float *x, int32_t begin, int32_t end) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    for (int32_t b = begin / 32; b < end / 32; b++) {
        __m512 low = _mm512_loadu_ps(x + b * 32), high = _mm512_loadu_ps(x + b * 32 + 16);
        __m512i magnitudes = _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(low), magnitude),
                                              _mm512_and_si512(_mm512_castps_si512(high), magnitude));
        struct block_scale by = block_scale(_mm512_reduce_max_epi32(magnitudes));
        __m512i q[2] = { quants_16(low, by), quants_16(high, by) };
        for (int h = 0; h < 2; h++)
            _mm_storeu_si128((__m128i *)(group[b].quants[slot] + h * 16), _mm512_cvtepi32_epi8(q[h]));
        int16_t pairs[2][2];
        pair_sums(pairs, folded(q[0]), folded(q[1]));
        write_block_facts(&group[b], slot, by.scale, pairs);
    }
}

#pragma clang attribute pop

/* One row: cores of Intel run fastest from one place with fetching, 1.14 times as fast as from three; those of
 * AMD, for which the other table is, from three without (Sources/Kernels/README.md).  Panels of f32 and f16 have one
 * place in both. */
const struct matmul_kernels matmul_x86_avx512 = {
    .quantize_row = quantize_row,
    .tile_rows = TILE_ROWS,
    .panels = { panels_f32_avx512, panels_f16_avx512, panels_bf16_avx512, u4_g32, u4_g16, u8_g32, u8_g16 },
};

const struct matmul_kernels matmul_x86_avx512bf16 = {
    .quantize_row = quantize_row,
    .tile_rows = TILE_ROWS,
    .panels = { panels_f32_avx512, panels_f16_avx512, panels_bf16_avx512bf16, u4_g32_apart, u4_g16_apart,
                u8_g32_apart, u8_g16_apart },
};
#endif

/* integers.h (AVX-512 with VNNI): what tiles of few rows and of many read: panels, and rows in groups of four. */
#ifndef KERNELS_X86_AVX512_INTEGERS_H
#define KERNELS_X86_AVX512_INTEGERS_H
#include "panels.h"

#define INTEGERS_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,avx2,fma,f16c"
#pragma clang attribute push(__attribute__((target(INTEGERS_TARGET))), apply_to = function)

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
    int table;   /* quants are numbers in the matrix's table */
};

/* Columns 4 k to 4 k + 3 of a block's 16 rows. */
INLINE __m512i load_quants(const struct integer_kind kind, const struct packed_matrix *w, const uint8_t *block, int k) {
    if (kind.bits == 8) return _mm512_loadu_si512(block + k * 64);
    __m512i both = _mm512_loadu_si512(block + (k & 3) * 64);
    if (k >= 4) both = _mm512_srli_epi16(both, 4);
    __m512i nibbles = _mm512_and_si512(both, _mm512_set1_epi8(15));
    if (!kind.table) return nibbles;
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)w->table)), nibbles);
}

/* Row t of a tile, block b. */
INLINE const struct activation_block *block_of(const struct product_rows rows, int t, int32_t b) {
    return (const struct activation_block *)(rows.x + (size_t)(t / ACTIVATION_SLOTS) * rows.x_stride) + b;
}

INLINE size_t quant_bytes(const struct integer_kind kind) { return kind.bits == 4 ? 256 : 512; }

INLINE size_t scale_bytes(const struct integer_kind kind) {
    return (size_t)(32 / kind.group) * PANEL_ROWS * 2 * (kind.offsets ? 2 : 1);
}

INLINE size_t block_bytes_of(const struct integer_kind kind) { return quant_bytes(kind) + scale_bytes(kind); }

/* Where a panel begins; past the matrix it may be fetched. */
INLINE const uint8_t *panel_at(const struct integer_kind kind, const struct packed_matrix *w, int32_t panel) {
    return w->data + block_bytes_of(kind) * (size_t)(w->cols / ACTIVATION_BLOCK) * (size_t)panel;
}

/* A float between 2^23 and 2^24 counts whole numbers in its last place.  A sum of integers that begins with the bits
 * of this one, and adds less than 2^22 either way, is then a float already, `COUNTING_FROM` too large, and needs no
 * conversion: by a fused multiplication with a scale, of which `COUNTING_FROM` times the scale is taken away, it comes
 * out as the scaled sum, rounded once.  That product is exact, since scales have 11 bits. */
#define COUNTING_FROM 12582912.0f

/* `begin`, less what the zero point takes away from the products of row t with a group's quants. */
INLINE __m512i less_zero(const struct integer_kind kind, const struct packed_matrix *w, const struct product_rows rows,
                         int t, int32_t b, int g, __m512i begin) {
    if (kind.offsets) return begin;
    const struct activation_block *row = block_of(rows, t, b);
    __m512i pairs = broadcast4(kind.group == 32 ? row->pairs32[t % 4] : row->pairs16[g][t % 4]);
    return _mm512_dpwssd_epi32(begin, pairs, _mm512_set1_epi16((int16_t)-w->zero));
}

/* Where the sum of those products begins. */
INLINE __m512i begin_sum(const struct integer_kind kind, const struct packed_matrix *w, const struct product_rows rows,
                         int t, int32_t b, int g) {
    return less_zero(kind, w, rows, t, b, g, _mm512_castps_si512(_mm512_set1_ps(COUNTING_FROM)));
}

INLINE __m512 taken_away(__m512 scale) { return _mm512_mul_ps(scale, _mm512_set1_ps(-COUNTING_FROM)); }

/* scale * sum; `away` is taken_away(scale). */
INLINE __m512 scaled_products(__m512i sum, __m512 scale, __m512 away) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(sum), scale, away);
}

/* Row t's scaled sum of a group, which offsets multiply. */
INLINE float scaled_sum(const struct integer_kind kind, const struct product_rows rows, int t, int32_t b, int g) {
    const struct activation_block *row = block_of(rows, t, b);
    return kind.group == 32 ? row->scaled32[t % 4] : row->scaled16[g][t % 4];
}

/* What a tile of one panel fetches while it works on a block: what it reads soon, and a block of the panel behind;
 * without that, what the rows name. */
INLINE void fetch_beside(const uint8_t *block, const size_t block_bytes, const uint8_t *behind,
                         const size_t behind_bytes, const struct product_rows rows) {
    if (behind) {
        fetch_near(block + FETCH_NEAR_BLOCKS * block_bytes, block_bytes);
        fetch_block(behind, behind_bytes);
    } else if (rows.meanwhile) fetch_next(rows.meanwhile);
}

/* store_tile of sums that lack the matrix's common scale. */
INLINE void store_scaled_tile(const int places, const int tokens, const struct packed_matrix *w, int32_t first,
                              int32_t apart, __m512 *sums, const struct product_rows rows) {
#pragma clang loop unroll(full)
    for (int i = 0; i < places * tokens; i++) sums[i] = _mm512_mul_ps(sums[i], _mm512_set1_ps(w->output_scale));
    store_tile(places, tokens, w, first, apart, sums, rows);
}

#pragma clang attribute pop
#endif

/* crossed.h (AVX-512 with VNNI and GFNI): panels of 4 bits times tiles of many rows, in crossed products
 * (activations.h).
 * One `vpdpbusd` and two additions of bytes do what two `vpdpbusd` do.  That suits cores of AMD, which run one of those
 * a cycle, and two additions beside it. */
#ifndef KERNELS_X86_AVX512_CROSSED_H
#define KERNELS_X86_AVX512_CROSSED_H
#include "integers.h"

#define CROSSED_TARGET INTEGERS_TARGET ",gfni"
#pragma clang attribute push(__attribute__((target(CROSSED_TARGET))), apply_to = function)

enum {
    CROSSED_STEPS = 4, /* of a block: four columns of each half */
    CROSSED_ROWS = 12, /* of a tile, whose sums and accumulators are 24 registers */
    CROSSED_LAST_ROWS = 8, /* of the last tile, where so many are left */
    CROSSED_BLOCKS_MAX = PRODUCT_SCRATCH_BYTES / 64 /* of a panel, for each of which the scratch holds a register */
};

/* Quants of a step, of columns of the first half, with CROSSED_MIDDLE taken away, and of the second. */
struct crossed_quants {
    __m512i first, second;
};

/* Each bit of a byte is a sum of that byte's bits, by a matrix, and a constant: from 4 bits 8 are taken away by
 * turning the highest and writing it into all above. */
INLINE struct crossed_quants crossed_quants(const uint8_t *both) {
    _Static_assert(CROSSED_MIDDLE == 8, "what the matrix takes away");
    __m512i quants = _mm512_loadu_si512(both);
    return (struct crossed_quants){
        _mm512_gf2p8affine_epi64_epi8(quants, _mm512_set1_epi64(0x0102040808080808), 0xf8),
        _mm512_gf2p8affine_epi64_epi8(quants, _mm512_set1_epi64(0x1020408000000000), 0),
    };
}

/* Where the sums of each block of a panel begin: COUNTING_FROM less what the weights alone add.  begins: [blocks]. */
INLINE void write_crossed_begins(const struct integer_kind kind, const struct packed_matrix *w, int32_t panel,
                                 __m512i *begins) {
    const uint8_t *block = panel_at(kind, w, panel);
    for (int32_t b = 0; b < w->cols / ACTIVATION_BLOCK; b++, block += block_bytes_of(kind)) {
        __m512i own = _mm512_setzero_si512(), first = _mm512_setzero_si512();
#pragma clang loop unroll(full)
        for (int k = 0; k < CROSSED_STEPS; k++) {
            struct crossed_quants quants = crossed_quants(block + k * 64);
            own = _mm512_dpbusd_epi32(own, quants.second, quants.first);
            first = _mm512_add_epi8(first, quants.first);
        }
        own = _mm512_dpbusd_epi32(own, _mm512_set1_epi8(ACTIVATION_QUANT_MAX), first);
        begins[b] = _mm512_sub_epi32(_mm512_castps_si512(_mm512_set1_ps(COUNTING_FROM)), own);
    }
}

/* What is done stays before what follows, or the compiler would load all rows at once. */
INLINE void integers_in_order(__m512i *sum) { __asm__ volatile("" : "+v"(*sum) : : "memory"); }

/* The products of a step's columns, added to the rows' sums.  Raised activations and quants fill bytes without a carry,
 * so that four are added at once, from memory. */
INLINE void add_crossed(const int tokens, const struct crossed_quants quants, const struct product_rows rows, int32_t b,
                        int k, __m512i *sum) {
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
        const struct activation_block *row = block_of(rows, t, b);
        __m512i raised = _mm512_add_epi32(quants.second, broadcast4(row->raised[t % 4] + k * 4));
        __m512i other = broadcast4(row->quants[t % 4] + ACTIVATION_BLOCK / 2 + k * 4);
        sum[t] = _mm512_dpbusd_epi32(sum[t], raised, _mm512_add_epi8(quants.first, other));
        integers_in_order(&sum[t]);
    }
}

/* A block's sums, times scales, and offsets. */
INLINE void scale_crossed(const int tokens, const struct integer_kind kind, const uint16_t *scales,
                          const struct product_rows rows, int32_t b, const __m512i *sum, __m512 *acc) {
    __m512 scale = load_half(scales), away = taken_away(scale), products[CROSSED_ROWS];
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) products[t] = scaled_products(sum[t], scale, away), in_order(&products[t]);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
        __m512 own = _mm512_set1_ps(block_of(rows, t, b)->scales[t % 4]);
        acc[t] = _mm512_fmadd_ps(products[t], own, acc[t]);
        in_order(&acc[t]);
    }
    if (!kind.offsets) return;
    __m512 offset = load_half(scales + PANEL_ROWS);
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) {
        acc[t] = _mm512_fmadd_ps(offset, _mm512_set1_ps(scaled_sum(kind, rows, t, b, 0)), acc[t]);
        in_order(&acc[t]);
    }
}

/* One panel times `tokens` rows; begins: of write_crossed_begins.
 * Each step unpacks the next one's quants, of the next block at the end, as what waits for them would wait long.
 * behind: as integer_tile has it. */
INLINE void crossed_tile(const int tokens, const struct integer_kind kind, const struct packed_matrix *w, int32_t panel,
                         const __m512i *begins, const uint8_t *behind, const size_t behind_bytes,
                         const struct product_rows rows) {
    const int32_t blocks = w->cols / ACTIVATION_BLOCK;
    const size_t block_bytes = block_bytes_of(kind);
    const uint8_t *block = panel_at(kind, w, panel);
    struct crossed_quants quants = crossed_quants(block);
    __m512 acc[CROSSED_ROWS];
#pragma clang loop unroll(full)
    for (int t = 0; t < tokens; t++) acc[t] = _mm512_setzero_ps();
    for (int32_t b = 0; b < blocks; b++) {
        const uint8_t *next = b + 1 < blocks ? block + block_bytes : block;
        fetch_beside(block, block_bytes, behind ? behind + (size_t)b * behind_bytes : NULL, behind_bytes, rows);
        __m512i sum[CROSSED_ROWS];
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            __m512i crossed = _mm512_set1_epi32(block_of(rows, t, b)->crossed[t % 4]);
            sum[t] = _mm512_sub_epi32(less_zero(kind, w, rows, t, b, 0, begins[b]), crossed);
        }
#pragma clang loop unroll(full)
        for (int k = 0; k < CROSSED_STEPS; k++) {
            struct crossed_quants later = crossed_quants(k + 1 < CROSSED_STEPS ? block + (k + 1) * 64 : next);
            integers_in_order(&later.first), integers_in_order(&later.second);
            add_crossed(tokens, quants, rows, b, k, sum);
            quants = later;
        }
        scale_crossed(tokens, kind, (const uint16_t *)(block + quant_bytes(kind)), rows, b, sum, acc);
        block = next;
    }
    store_scaled_tile(1, tokens, w, panel, 0, acc, rows);
}

#pragma clang attribute pop
#endif

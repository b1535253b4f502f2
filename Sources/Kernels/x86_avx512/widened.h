/* widened.h (AVX-512 with VNNI): panels times many rows.
 * Three panels go through a tile of four rows together, so that what a row has is loaded once for all.  They are
 * written out for that, some columns at a time, with quants of 8 bits and scales of f32, which all tiles behind then
 * need not unpack:
 *   [8][16 rows][4] bytes, then f32 [32 / group][16] each: scales, taken_away of those, and offsets, if there are any
 * In a pass of its own: stores among a tile's loads cost more than they save (Sources/Kernels/README.md). */
#ifndef KERNELS_X86_AVX512_WIDENED_H
#define KERNELS_X86_AVX512_WIDENED_H
#include "integers.h"

#pragma clang attribute push(__attribute__((target(INTEGERS_TARGET))), apply_to = function)

enum { WIDENED_QUANT_BYTES = 512 };

/* Floats of a block's scales. */
INLINE size_t scale_floats(const struct integer_kind kind) { return (size_t)(32 / kind.group) * PANEL_ROWS; }

INLINE size_t widened_block_bytes(const struct integer_kind kind) {
    return WIDENED_QUANT_BYTES + (kind.offsets ? 3 : 2) * scale_floats(kind) * sizeof(float);
}

enum {
    /* Blocks of a panel that are written out at a time, at most: three panels of them stay in L1 while all rows go by,
     * whose sums wait in the scratch for the next. */
    WIDENED_BLOCKS_MAX = 12,
    WIDENED_BLOCK_BYTES_MAX = WIDENED_QUANT_BYTES + 6 * PANEL_ROWS * 4,
    WIDENED_BYTES = INTEGER_PANELS_TOGETHER * WIDENED_BLOCKS_MAX * WIDENED_BLOCK_BYTES_MAX,
    WIDENED_SUMS = INTEGER_PANELS_TOGETHER * ACTIVATION_SLOTS /* of 16 outputs, of a tile */
};

_Static_assert(MANY_ROWS_MIN > (TILES_PER_FETCHED_PANEL * INTEGER_PANELS_TOGETHER - 1) * ACTIVATION_SLOTS,
               "there are tiles enough to fetch all panels behind");
_Static_assert(WIDENED_BYTES + PRODUCT_ROWS_MAX / ACTIVATION_SLOTS * WIDENED_SUMS * 64 <= PRODUCT_SCRATCH_BYTES,
               "there is room for panels and sums");

/* Blocks [begin, end) of a panel. */
struct block_range {
    int32_t begin, end;
};

INLINE void widen_panel(const struct integer_kind kind, const struct packed_matrix *w, int32_t panel,
                        struct block_range blocks, uint8_t *widened) {
    const uint8_t *block = panel_at(kind, w, panel) + (size_t)blocks.begin * block_bytes_of(kind);
    for (int32_t b = blocks.begin; b < blocks.end; b++) {
        for (int k = 0; k < 8; k++) _mm512_storeu_si512(widened + k * 64, load_quants(kind, w, block, k));
        const uint16_t *halves = (const uint16_t *)(block + quant_bytes(kind));
        const size_t count = scale_floats(kind);
        float *scales = (float *)(widened + WIDENED_QUANT_BYTES), *away = scales + count, *offsets = away + count;
        for (size_t i = 0; i < count; i += PANEL_ROWS) {
            __m512 scale = load_half(halves + i);
            _mm512_storeu_ps(scales + i, scale);
            _mm512_storeu_ps(away + i, taken_away(scale));
            if (kind.offsets) _mm512_storeu_ps(offsets + i, load_half(halves + count + i));
        }
        block += block_bytes_of(kind), widened += widened_block_bytes(kind);
    }
}

/* 32 columns of three panels, `apart` bytes from one to the next, times `tokens` rows, added to their sums. */
INLINE void add_widened(const int tokens, const struct integer_kind kind, const struct packed_matrix *w,
                        const uint8_t *block, size_t apart, const struct product_rows rows, int32_t b, __m512 *acc) {
    const int together = INTEGER_PANELS_TOGETHER, groups = 32 / kind.group, steps = kind.group / 4;
    const size_t away = scale_floats(kind) * sizeof(float), offsets = 2 * away; /* bytes behind the scales */
#pragma clang loop unroll(full)
    for (int g = 0; g < groups; g++) {
        __m512i sum[INTEGER_PANELS_TOGETHER * ACTIVATION_SLOTS];
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            __m512i begin = begin_sum(kind, w, rows, t, b, g);
#pragma clang loop unroll(full)
            for (int p = 0; p < together; p++) sum[p * tokens + t] = begin;
        }
#pragma clang loop unroll(full)
        for (int k = g * steps; k < (g + 1) * steps; k++) {
            __m512i quants[INTEGER_PANELS_TOGETHER];
#pragma clang loop unroll(full)
            for (int p = 0; p < together; p++) quants[p] = _mm512_loadu_si512(block + (size_t)p * apart + k * 64);
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                __m512i four = broadcast4(block_of(rows, t, b)->quants[t] + k * 4);
#pragma clang loop unroll(full)
                for (int p = 0; p < together; p++)
                    sum[p * tokens + t] = _mm512_dpbusd_epi32(sum[p * tokens + t], quants[p], four);
            }
        }
        const uint8_t *scales = block + WIDENED_QUANT_BYTES + g * PANEL_ROWS * 4;
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            __m512 own = _mm512_set1_ps(block_of(rows, t, b)->scales[t]);
#pragma clang loop unroll(full)
            for (int p = 0; p < together; p++) {
                int i = p * tokens + t;
                const uint8_t *scale = scales + (size_t)p * apart;
                __m512 products =
                    scaled_products(sum[i], _mm512_loadu_ps(scale), _mm512_loadu_ps(scale + away));
                acc[i] = _mm512_fmadd_ps(products, own, acc[i]);
            }
        }
        if (!kind.offsets) continue;
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            __m512 scaled = _mm512_set1_ps(scaled_sum(kind, rows, t, b, g));
#pragma clang loop unroll(full)
            for (int p = 0; p < together; p++) {
                __m512 offset = _mm512_loadu_ps(scales + (size_t)p * apart + offsets), *to = &acc[p * tokens + t];
                *to = _mm512_fmadd_ps(offset, scaled, *to);
            }
        }
    }
}

/* The first or the second half of a block, in whole lines. */
INLINE void fetch_half(const uint8_t *block, const size_t bytes, int second) {
    const size_t half = (bytes / FETCH_LINE + 1) / 2 * FETCH_LINE;
    if (second) fetch_block(block + half, bytes - half);
    else fetch_block(block, half);
}

/* Three widened panels, of which `panel` is the first, times at most a group of rows, whose sums of the blocks before
 * and of these lie at `sums`.
 * behind: a panel of which one half of each block is fetched meanwhile; NULL: what the rows name. */
INLINE void widened_tile(const int tokens, const struct integer_kind kind, const struct packed_matrix *w, int32_t panel,
                         struct block_range blocks, const uint8_t *widened, float *sums, const uint8_t *behind,
                         int half, const struct product_rows rows) {
    const size_t apart = WIDENED_BLOCKS_MAX * widened_block_bytes(kind);
    const int count = INTEGER_PANELS_TOGETHER * tokens;
    __m512 acc[WIDENED_SUMS];
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) acc[i] = blocks.begin ? _mm512_loadu_ps(sums + 16 * i) : _mm512_setzero_ps();
    for (int32_t b = blocks.begin; b < blocks.end; b++, widened += widened_block_bytes(kind)) {
        if (behind) fetch_half(behind + (size_t)b * block_bytes_of(kind), block_bytes_of(kind), half);
        else if (rows.meanwhile) fetch_next(rows.meanwhile);
        add_widened(tokens, kind, w, widened, apart, rows, b, acc);
    }
    if (blocks.end < w->cols / ACTIVATION_BLOCK) {
#pragma clang loop unroll(full)
        for (int i = 0; i < count; i++) _mm512_storeu_ps(sums + 16 * i, acc[i]);
        return;
    }
    store_scaled_tile(INTEGER_PANELS_TOGETHER, tokens, w, panel, 1, acc, rows);
}

/* The first six tiles fetch the three panels behind. */
INLINE void widened_rows(const struct integer_kind kind, const struct packed_matrix *w, int32_t panel,
                         struct block_range blocks, const struct product_rows rows) {
    float *sums = (float *)(rows.scratch + WIDENED_BYTES);
#define TILE(tokens)                                                                                                \
    widened_tile(tokens, kind, w, panel, blocks, rows.scratch, sums, behind, tile % TILES_PER_FETCHED_PANEL,        \
                 rows_from(rows, t, ACTIVATION_SLOTS))
    for (int32_t t = 0; t < rows.count; t += ACTIVATION_SLOTS, sums += WIDENED_SUMS * PANEL_ROWS) {
        int32_t tile = t / ACTIVATION_SLOTS, after = panel + INTEGER_PANELS_TOGETHER + tile / TILES_PER_FETCHED_PANEL;
        const uint8_t *behind = tile < fetching_tiles(INTEGER_PANELS_TOGETHER) ? panel_at(kind, w, after) : NULL;
        switch (rows.count - t) {
        case 1: TILE(1); break;
        case 2: TILE(2); break;
        case 3: TILE(3); break;
        default: TILE(ACTIVATION_SLOTS);
        }
    }
#undef TILE
}

/* Few enough for a part of a panel, and as many in each. */
INLINE int32_t widened_blocks(int32_t blocks) {
    int32_t parts = (blocks + WIDENED_BLOCKS_MAX - 1) / WIDENED_BLOCKS_MAX;
    return (blocks + parts - 1) / parts;
}

/* Three panels at a time; answers which panel is the first of fewer. */
INLINE int32_t widened_panels(const struct integer_kind kind, const struct packed_matrix *w, struct panel_range panels,
                              const struct product_rows rows) {
    const int32_t blocks = w->cols / ACTIVATION_BLOCK, most = widened_blocks(blocks);
    int32_t panel = panels.begin;
    for (; panel + INTEGER_PANELS_TOGETHER <= panels.end; panel += INTEGER_PANELS_TOGETHER)
        for (struct block_range part = { 0, 0 }; part.begin < blocks; part.begin = part.end) {
            part.end = part.begin + most < blocks ? part.begin + most : blocks;
            for (int i = 0; i < INTEGER_PANELS_TOGETHER; i++)
                widen_panel(kind, w, panel + i, part,
                            rows.scratch + (size_t)i * WIDENED_BLOCKS_MAX * widened_block_bytes(kind));
            widened_rows(kind, w, panel, part, rows);
        }
    return panel;
}

#pragma clang attribute pop
#endif

/* matmul.c (AVX-512 with VNNI): 16 rows a register, so that one `vpdpbusd` is four columns of a panel.
 * Sums are 32 bits wide from the start, so every quant width takes the same path; they begin with what the
 * zero point takes away, by the activations' own sums, exactly. */
#if defined(__x86_64__)
#include "crossed.h"
#include "integers.h"
#include "widened.h"

#pragma clang attribute push(__attribute__((target(INTEGERS_TARGET))), apply_to = function)

/* Of activations that share a pass over a panel's quants. */
enum { TILE_ROWS = INTEGER_PANELS_TOGETHER * ACTIVATION_SLOTS };

/* 32 columns of one panel times `tokens` rows, added to their sums. */
INLINE void add_block(const int tokens, const struct integer_kind kind, const struct packed_matrix *w,
                      const uint8_t *block, const struct product_rows rows, int32_t b, __m512 *acc) {
    const int groups = 32 / kind.group, steps = kind.group / 4;
    const uint16_t *scales = (const uint16_t *)(block + quant_bytes(kind));
#pragma clang loop unroll(full)
    for (int g = 0; g < groups; g++) {
        __m512i sum[TILE_ROWS];
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) sum[t] = begin_sum(kind, w, rows, t, b, g);
#pragma clang loop unroll(full)
        for (int i = 0; i < steps; i++) {
            int k = g * steps + i;
            if (kind.bits == 4 && kind.group == 32) k = (i >> 1) | (i & 1) << 2; /* both nibbles of one load */
            __m512i q = load_quants(kind, w, block, k);
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                const int8_t *quants = block_of(rows, t, b)->quants[t % 4];
                sum[t] = _mm512_dpbusd_epi32(sum[t], q, broadcast4(quants + k * 4));
            }
        }
        __m512 scale = load_half(scales + g * 16), away = taken_away(scale);
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            __m512 own = _mm512_set1_ps(block_of(rows, t, b)->scales[t % 4]);
            acc[t] = _mm512_fmadd_ps(scaled_products(sum[t], scale, away), own, acc[t]);
        }
        if (!kind.offsets) continue;
        __m512 offset = load_half(scales + groups * PANEL_ROWS + g * 16);
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++)
            acc[t] = _mm512_fmadd_ps(offset, _mm512_set1_ps(scaled_sum(kind, rows, t, b, g)), acc[t]);
    }
}

/* Panels `first`, first + apart, ... times `tokens` rows; places * tokens <= TILE_ROWS.
 * behind: what is fetched meanwhile, `behind_bytes` a block; NULL: what the rows name. */
INLINE void integer_tile(const int places, const int tokens, const struct integer_kind kind,
                         const struct packed_matrix *w, int32_t first, int32_t apart, const uint8_t *behind,
                         const size_t behind_bytes, const struct product_rows rows) {
    const int32_t blocks = w->cols / ACTIVATION_BLOCK;
    const size_t block_bytes = block_bytes_of(kind), stride = block_bytes * (size_t)blocks * (size_t)apart;
    const uint8_t *block = panel_at(kind, w, first);
    __m512 acc[TILE_ROWS];
#pragma clang loop unroll(full)
    for (int i = 0; i < places * tokens; i++) acc[i] = _mm512_setzero_ps();
    for (int32_t b = 0; b < blocks; b++, block += block_bytes) {
        fetch_beside(block, block_bytes, behind ? behind + (size_t)b * behind_bytes : NULL, behind_bytes, rows);
#pragma clang loop unroll(full)
        for (int s = 0; s < places; s++)
            add_block(tokens, kind, w, block + (size_t)s * stride, rows, b, acc + s * tokens);
    }
    store_scaled_tile(places, tokens, w, first, apart, acc, rows);
}

/* One panel times rows, in tiles, of which the first fetches what is behind the panel. */
INLINE void integer_rows(const struct integer_kind kind, const struct packed_matrix *w, int32_t panel,
                         const uint8_t *behind, const size_t behind_bytes, const struct product_rows rows) {
#define TILE(tokens)                                                                                                \
    integer_tile(1, tokens, kind, w, panel, 0, t ? NULL : behind, behind_bytes,                                     \
                 rows_from(rows, t, ACTIVATION_SLOTS)), t += tokens
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

/* together: panels that many rows share, which are written out for that, or one, which is not. */
INLINE void integer_panels(const int together, const struct integer_kind kind, const struct packed_matrix *w,
                           struct panel_range panels, const struct product_rows rows) {
    if (together > 1 && rows.count >= MANY_ROWS_MIN) panels.begin = widened_panels(kind, w, panels, rows);
    for (int32_t p = panels.begin; p < panels.end; p++)
        integer_rows(kind, w, p, panel_at(kind, w, p + 1), block_bytes_of(kind), rows);
}

/* The same where a single row reads several places of the matrix at once. */
INLINE void integer_panels_apart(const int together, const struct integer_kind kind, const struct packed_matrix *w,
                                 struct panel_range panels, const struct product_rows rows) {
    if (rows.count == 1) {
        int32_t end = panels.begin + (panels.end - panels.begin) / PLACES_AT_ONCE;
        struct product_rows row = rows;
        row.meanwhile = NULL;
        for (int32_t p = panels.begin; p < end; p++)
            integer_tile(PLACES_AT_ONCE, 1, kind, w, p, end - panels.begin, NULL, 0, row);
        panels.begin += PLACES_AT_ONCE * (end - panels.begin);
    }
    integer_panels(together, kind, w, panels, rows);
}

#define PANELS(name, run, together, bits, group, table)                                                             \
    static void name(const struct packed_matrix *w, struct panel_range panels, const struct product_rows *rows) {   \
        if (w->has_offsets) run(together, (struct integer_kind){ bits, group, 1, table }, w, panels, *rows);        \
        else run(together, (struct integer_kind){ bits, group, 0, table }, w, panels, *rows);                       \
    }

/* For Intel, and for AMD (`name` followed by `_apart`). */
#define INTEGER_PANELS(name, bits, group, table)                                                                    \
    PANELS(name, integer_panels, INTEGER_PANELS_TOGETHER, bits, group, table)                                       \
    PANELS(name##_apart, integer_panels_apart,                                                                     \
           (bits) == 4 && !(table) ? NARROW_PANELS_TOGETHER_AMD : INTEGER_PANELS_TOGETHER, bits, group, table)

PANELS(u4_g32, integer_panels, INTEGER_PANELS_TOGETHER, 4, 32, 0) /* AMD: u4_g32_crossed */
INTEGER_PANELS(u4_g16, 4, 16, 0)
INTEGER_PANELS(t4_g32, 4, 32, 1)
INTEGER_PANELS(u8_g32, 8, 32, 0)
INTEGER_PANELS(u8_g16, 8, 16, 0)

#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target(CROSSED_TARGET))), apply_to = function)

/* One panel times many rows, in crossed tiles, and what is left of them. */
INLINE void crossed_rows(const struct integer_kind kind, const struct packed_matrix *w, int32_t panel,
                         const struct product_rows rows) {
    __m512i *begins = (__m512i *)rows.scratch;
    const uint8_t *behind = panel_at(kind, w, panel + 1);
    int32_t t = 0;
    write_crossed_begins(kind, w, panel, begins);
    for (; t + CROSSED_ROWS <= rows.count; t += CROSSED_ROWS)
        crossed_tile(CROSSED_ROWS, kind, w, panel, begins, t ? NULL : behind, block_bytes_of(kind),
                     rows_from(rows, t, ACTIVATION_SLOTS));
    if (t + CROSSED_LAST_ROWS <= rows.count) {
        crossed_tile(CROSSED_LAST_ROWS, kind, w, panel, begins, NULL, 0, rows_from(rows, t, ACTIVATION_SLOTS));
        t += CROSSED_LAST_ROWS;
    }
    integer_rows(kind, w, panel, NULL, 0, rows_from(rows, t, ACTIVATION_SLOTS));
}

INLINE void crossed_panels(const int together, const struct integer_kind kind, const struct packed_matrix *w,
                           struct panel_range panels, const struct product_rows rows) {
    if (rows.count < MANY_ROWS_MIN || w->cols / ACTIVATION_BLOCK > CROSSED_BLOCKS_MAX)
        return integer_panels_apart(together, kind, w, panels, rows);
    for (int32_t p = panels.begin; p < panels.end; p++) crossed_rows(kind, w, p, rows);
}

PANELS(u4_g32_crossed, crossed_panels, NARROW_PANELS_TOGETHER_AMD, 4, 32, 0)

#pragma clang attribute pop

/* One row: cores of Intel run fastest from one place with fetching, 1.14 times as fast as from three; those of
 * AMD, for which the other table is, from three without (Sources/Kernels/README.md).  Panels of f32 and f16 have one
 * place in both.  Many rows: on AMD's a panel of 4 bits stays as it is, as storing takes longer than unpacking, and is
 * multiplied crosswise. */
const struct matmul_kernels matmul_x86_avx512 = {
    .quantize_row = quantize_row_avx512,
    .tile_rows = TILE_ROWS,
    .many_rows = MANY_ROWS_MIN,
    .panels_together = PANELS_TOGETHER(INTEGER_PANELS_TOGETHER),
    .panels = { panels_f32_avx512, panels_f16_avx512, panels_bf16_avx512, u4_g32, u4_g16, t4_g32,
                u8_g32, u8_g16 },
};

const struct matmul_kernels matmul_x86_avx512bf16 = {
    .quantize_row = quantize_row_avx512,
    .tile_rows = TILE_ROWS,
    .many_rows = MANY_ROWS_MIN,
    .panels_together = PANELS_TOGETHER(NARROW_PANELS_TOGETHER_AMD),
    .panels = { panels_f32_avx512, panels_f16_avx512, panels_bf16_avx512bf16, u4_g32_crossed, u4_g16_apart,
                t4_g32_apart, u8_g32_apart, u8_g16_apart },
};
#endif

/* matmul.c (AVX-512 with VNNI): 16 rows a register, so that one `vpdpbusd` is four columns of a panel.
 * Sums are 32 bits wide from the start, so every quant width takes the same path; they begin with what the
 * zero point takes away, by the activations' own sums, exactly. */
#if defined(__x86_64__)
#include "panels.h"

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

INLINE size_t quant_bytes(const struct integer_kind kind) { return kind.bits == 4 ? 256 : 512; }

INLINE size_t scale_bytes(const struct integer_kind kind) {
    return (size_t)(32 / kind.group) * PANEL_ROWS * 2 * (kind.offsets ? 2 : 1);
}

INLINE size_t block_bytes_of(const struct integer_kind kind) { return quant_bytes(kind) + scale_bytes(kind); }

/* Where a panel begins; past the matrix it may be fetched. */
INLINE const uint8_t *panel_at(const struct integer_kind kind, const struct packed_matrix *w, int32_t panel) {
    return w->data + block_bytes_of(kind) * (size_t)(w->cols / ACTIVATION_BLOCK) * (size_t)panel;
}

/* 32 columns of one panel times `tokens` rows, added to their sums. */
INLINE void add_block(const int tokens, const struct integer_kind kind, const struct packed_matrix *w,
                      const uint8_t *block, const struct product_rows rows, int32_t b, __m512 *acc) {
    const int groups = 32 / kind.group, steps = kind.group / 4;
    const uint16_t *scales = (const uint16_t *)(block + quant_bytes(kind));
#pragma clang loop unroll(full)
    for (int g = 0; g < groups; g++) {
        __m512i sum[TILE_ROWS];
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
        if (behind) fetch_block(behind + (size_t)b * behind_bytes, behind_bytes);
        else if (rows.meanwhile) fetch_next(rows.meanwhile);
#pragma clang loop unroll(full)
        for (int s = 0; s < places; s++)
            add_block(tokens, kind, w, block + (size_t)s * stride, rows, b, acc + s * tokens);
    }
#pragma clang loop unroll(full)
    for (int i = 0; i < places * tokens; i++) acc[i] = _mm512_mul_ps(acc[i], _mm512_set1_ps(w->output_scale));
    store_tile(places, tokens, w, first, apart, acc, rows);
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

enum {
    UNPACKING_ROWS_MIN = 2 * TILE_ROWS + 1, /* two further tiles pay for the pass */
    UNPACKED_BLOCKS_MAX = 128               /* of a panel, for which the stack has room: 4,096 columns */
};

/* A panel of 4 bits becomes one of 8. */
INLINE void unpack_panel(const struct integer_kind kind, const struct integer_kind to, const uint8_t *block,
                         int32_t blocks, uint8_t *unpacked) {
    for (int32_t b = 0; b < blocks; b++) {
        for (int k = 0; k < 8; k++) _mm512_storeu_si512(unpacked + k * 64, load_quants(kind.bits, block, k));
        __builtin_memcpy(unpacked + quant_bytes(to), block + quant_bytes(kind), scale_bytes(kind));
        block += block_bytes_of(kind);
        unpacked += block_bytes_of(to);
    }
}

/* Panels of 4 bits times many rows: their quants are unpacked once for all tiles.  In a pass of its own:
 * stores among a tile's loads cost more than they save (Sources/Kernels/README.md). */
INLINE void unpacked_panels(const struct integer_kind kind, const struct packed_matrix *w, struct panel_range panels,
                            struct product_rows rows) {
    _Alignas(64) uint8_t room[UNPACKED_BLOCKS_MAX * (512 + 128)];
    const struct integer_kind unpacked = { 8, kind.group, kind.offsets };
    struct packed_matrix panel = *w;
    panel.data = room;
    rows.y += panels.begin * PANEL_ROWS;
    panel.rows = w->rows - panels.begin * PANEL_ROWS;
    for (int32_t p = panels.begin; p < panels.end; p++, rows.y += PANEL_ROWS, panel.rows -= PANEL_ROWS) {
        unpack_panel(kind, unpacked, panel_at(kind, w, p), w->cols / 32, room);
        integer_rows(unpacked, &panel, 0, panel_at(kind, w, p + 1), block_bytes_of(kind), rows);
    }
}

INLINE void integer_panels(const struct integer_kind kind, const struct packed_matrix *w, struct panel_range panels,
                           const struct product_rows rows) {
    if (kind.bits == 4 && rows.count >= UNPACKING_ROWS_MIN && w->cols / 32 <= UNPACKED_BLOCKS_MAX)
        return unpacked_panels(kind, w, panels, rows);
    for (int32_t p = panels.begin; p < panels.end; p++)
        integer_rows(kind, w, p, panel_at(kind, w, p + 1), block_bytes_of(kind), rows);
}

/* The same where a single row reads several places of the matrix at once. */
INLINE void integer_panels_apart(const struct integer_kind kind, const struct packed_matrix *w,
                                 struct panel_range panels, const struct product_rows rows) {
    if (rows.count == 1) {
        int32_t end = panels.begin + (panels.end - panels.begin) / PLACES_AT_ONCE;
        struct product_rows row = rows;
        row.meanwhile = NULL;
        for (int32_t p = panels.begin; p < end; p++)
            integer_tile(PLACES_AT_ONCE, 1, kind, w, p, end - panels.begin, NULL, 0, row);
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

#pragma clang attribute pop

/* One row: cores of Intel run fastest from one place with fetching, 1.14 times as fast as from three; those of
 * AMD, for which the other table is, from three without (Sources/Kernels/README.md).  Panels of f32 and f16 have one
 * place in both. */
const struct matmul_kernels matmul_x86_avx512 = {
    .quantize_row = quantize_row_avx512,
    .tile_rows = TILE_ROWS,
    .panels_together = PANELS_TOGETHER,
    .panels = { panels_f32_avx512, panels_f16_avx512, panels_bf16_avx512, u4_g32, u4_g16, u8_g32, u8_g16 },
};

const struct matmul_kernels matmul_x86_avx512bf16 = {
    .quantize_row = quantize_row_avx512,
    .tile_rows = TILE_ROWS,
    .panels_together = PANELS_TOGETHER,
    .panels = { panels_f32_avx512, panels_f16_avx512, panels_bf16_avx512bf16, u4_g32_apart, u4_g16_apart,
                u8_g32_apart, u8_g16_apart },
};
#endif

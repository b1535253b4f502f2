/* matmul.c (AVX2): 8 rows a register, `maddubs` on unsigned weights and signed activations.
 * Pairs of products are summed in 16 bits for as long as they cannot overflow: 8 pairs of 4-bit
 * quants, 4 of 5-bit, 2 of 6-bit.  8-bit quants go through the sign trick, one pair at a time.
 * A tile of a few activation rows shares every weight load, and the first tile of a panel prepares its
 * quants for the others; see Sources/Kernels/README.md. */
#if defined(__x86_64__)
#include "panels.h"
#include "vectors.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

INLINE __m256 load_half(const uint16_t *p) { return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)); }

INLINE __m256i broadcast4(const void *p) {
    int32_t word;
    __builtin_memcpy(&word, p, 4);
    return _mm256_set1_epi32(word);
}

/* How a block keeps its quants. */
enum quants {
    QUANTS_4,
    QUANTS_TABLE, /* 4 bits, which number an entry of 8 bits in the matrix's table */
    QUANTS_8,
    QUANTS_SIGNED /* 8 bits less 128, which only a tile prepares for the next */
};

/* What makes a row's value of its quant, beside the scale. */
enum shift {
    SHIFT_CENTERED, /* 8 bits around 128, which the sign trick takes away itself */
    SHIFT_ZERO,     /* the matrix's zero point */
    SHIFT_OFFSETS   /* an offset for each row and group */
};

/* A kind of panels, a constant after inlining. */
struct integer_kind {
    enum quants quants;
    int group; /* columns of a scale: 16 or 32 */
    int chain; /* products that fit into 16 bits before they must widen; 0: the sign trick */
    enum shift shift;
};

INLINE size_t quant_bytes(const enum quants quants) { return quants <= QUANTS_TABLE ? 256 : 512; }

/* What the products of all blocks of a matrix ask for. */
struct matrix_facts {
    __m256i minus_zero; /* in 16 bits */
    __m256i table;      /* twice */
};

/* Eight rows of four columns: k counts columns by four, half picks rows 0-7 or 8-15. */
INLINE __m256i load_quants(const enum quants quants, const struct matrix_facts *facts, const uint8_t *block, int k,
                           int half) {
    if (quants > QUANTS_TABLE) return _mm256_loadu_si256((const __m256i *)(block + k * 64 + half * 32));
    __m256i both = _mm256_loadu_si256((const __m256i *)(block + (k & 3) * 64 + half * 32));
    if (k >= 4) both = _mm256_srli_epi16(both, 4);
    __m256i nibbles = _mm256_and_si256(both, _mm256_set1_epi8(15));
    return quants == QUANTS_TABLE ? _mm256_shuffle_epi8(facts->table, nibbles) : nibbles;
}

/* The compiler would otherwise turn a chain of sums into a tree, whose branches it must spill. */
INLINE __m256i in_order(__m256i sum) {
    __asm__("" : "+x"(sum));
    return sum;
}

/* Sums of 16 outputs that a tile holds in registers: of rows, or of panels. */
enum { TILE_SUMS = 4 };

/* Group g of one panel's block times `tokens` rows: sums of (q - 128) * x, by the sign trick, since such
 * products fill 16 bits.
 * prepared: where the quants go for later tiles, or NULL. */
INLINE void sum_wide(const int tokens, const struct integer_kind kind, const struct matrix_facts *facts,
                     const uint8_t *block, int g, const struct activation_block *x, __m256i (*sum)[2],
                     uint8_t *prepared) {
    const int steps = kind.group / 4, begin = g * steps;
    const __m256i ones = _mm256_set1_epi16(1), flip = _mm256_set1_epi8((char)0x80);
#pragma clang loop unroll(full)
    for (int k = begin; k < begin + steps; k++) {
        __m256i v[ACTIVATION_SLOTS];
        __asm__ volatile("" ::: "memory");
#pragma clang loop unroll(full)
        for (int half = 0; half < 2; half++) {
            __m256i w = load_quants(kind.quants, facts, block, k, half);
            if (kind.quants != QUANTS_SIGNED) w = _mm256_xor_si256(w, flip);
            if (prepared) _mm256_store_si256((__m256i *)(prepared + k * 64 + half * 32), w);
            __m256i magnitude = _mm256_abs_epi8(w);
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                if (!half) v[t] = broadcast4(x->quants[t] + k * 4);
                __m256i p = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(v[t], w));
                p = _mm256_madd_epi16(p, ones);
                sum[t][half] = in_order(k > begin ? _mm256_add_epi32(sum[t][half], p) : p);
            }
        }
    }
}

/* A group's sums of 16 bits before the first product: what the zero point takes away, in every lane for the
 * columns that the lane adds up.  Sums may pass 16 bits on the way, as long as they end within. */
INLINE __m256i first_sums(const int group, __m256i minus_zero, const struct activation_block *x, int t, int g) {
    return _mm256_mullo_epi16(broadcast4(group == 32 ? x->pairs32[t] : x->pairs16[g][t]), minus_zero);
}

/* The same without signs: sums of q * x, a chain of products at a time in 16 bits, or of (q - zero) * x, where
 * the chain is the whole group.
 * prepared: where the quants go as 8-bit ones, or NULL. */
INLINE void sum_chains(const int tokens, const struct integer_kind kind, const struct matrix_facts *facts,
                       const uint8_t *block, int g, const struct activation_block *x, __m256i (*sum)[2],
                       uint8_t *prepared) {
    const int steps = kind.group / 4, begin = g * steps, shifts = kind.shift == SHIFT_ZERO;
    const __m256i ones = _mm256_set1_epi16(1);
#pragma clang loop unroll(full)
    for (int c = 0; c < steps; c += kind.chain) {
        __m256i pairs[ACTIVATION_SLOTS][2];
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens && shifts; t++)
            pairs[t][0] = pairs[t][1] = first_sums(kind.group, facts->minus_zero, x, t, g);
#pragma clang loop unroll(full)
        for (int i = 0; i < kind.chain; i++) {
            int k = begin + c + i;
            /* weights are loaded again rather than kept: registers are for sums */
            __asm__ volatile("" ::: "memory");
            __m256i w0 = load_quants(kind.quants, facts, block, k, 0);
            __m256i w1 = load_quants(kind.quants, facts, block, k, 1);
            if (prepared) {
                _mm256_store_si256((__m256i *)(prepared + k * 64), w0);
                _mm256_store_si256((__m256i *)(prepared + k * 64 + 32), w1);
            }
#pragma clang loop unroll(full)
            for (int t = 0; t < tokens; t++) {
                __m256i v = broadcast4(x->quants[t] + k * 4);
                __m256i p0 = _mm256_maddubs_epi16(w0, v), p1 = _mm256_maddubs_epi16(w1, v);
                const int adds = i || shifts;
                pairs[t][0] = adds ? in_order(_mm256_add_epi16(pairs[t][0], p0)) : p0;
                pairs[t][1] = adds ? in_order(_mm256_add_epi16(pairs[t][1], p1)) : p1;
            }
        }
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            __m256i p0 = _mm256_madd_epi16(pairs[t][0], ones), p1 = _mm256_madd_epi16(pairs[t][1], ones);
            sum[t][0] = c ? in_order(_mm256_add_epi32(sum[t][0], p0)) : p0;
            sum[t][1] = c ? in_order(_mm256_add_epi32(sum[t][1], p1)) : p1;
        }
    }
}

/* 32 columns of one panel times `tokens` rows of one group of activations, added to their sums. */
INLINE void add_block(const int tokens, const struct integer_kind kind, const struct matrix_facts *facts,
                      const uint8_t *block, const struct activation_block *x, __m256 (*acc)[2], uint8_t *prepared) {
    const int groups = 32 / kind.group;
    const uint16_t *scales = (const uint16_t *)(block + quant_bytes(kind.quants));
#pragma clang loop unroll(full)
    for (int g = 0; g < groups; g++) {
        __m256i sum[ACTIVATION_SLOTS][2];
        if (kind.chain) sum_chains(tokens, kind, facts, block, g, x, sum, prepared);
        else sum_wide(tokens, kind, facts, block, g, x, sum, prepared);
        __m256 s0 = load_half(scales + g * 16), s1 = load_half(scales + g * 16 + 8);
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            __m256 scale = _mm256_broadcast_ss(&x->scales[t]);
            acc[t][0] = _mm256_fmadd_ps(_mm256_mul_ps(s0, _mm256_cvtepi32_ps(sum[t][0])), scale, acc[t][0]);
            acc[t][1] = _mm256_fmadd_ps(_mm256_mul_ps(s1, _mm256_cvtepi32_ps(sum[t][1])), scale, acc[t][1]);
        }
        if (kind.shift != SHIFT_OFFSETS) continue;
        const uint16_t *at = scales + groups * PANEL_ROWS + g * 16;
        __m256 o0 = load_half(at), o1 = load_half(at + 8);
#pragma clang loop unroll(full)
        for (int t = 0; t < tokens; t++) {
            __m256 scaled = _mm256_broadcast_ss(kind.group == 32 ? &x->scaled32[t] : &x->scaled16[g][t]);
            acc[t][0] = _mm256_fmadd_ps(o0, scaled, acc[t][0]);
            acc[t][1] = _mm256_fmadd_ps(o1, scaled, acc[t][1]);
        }
    }
}

INLINE size_t scale_bytes_of(const struct integer_kind kind) {
    return (size_t)(32 / kind.group) * PANEL_ROWS * 2 * (kind.shift == SHIFT_OFFSETS ? 2 : 1);
}

/* Panels `first`, first + apart, ... times rows of one group; places * tokens <= TILE_SUMS.
 * fetches: the panel behind, while this one is worked on, instead of what the rows name; past the matrix that
 * does no harm.
 * prepared: where the panel goes as later tiles want it, or NULL. */
INLINE void integer_tile(const int places, const int tokens, const struct integer_kind kind,
                         const struct packed_matrix *w, int32_t first, int32_t apart, const int fetches,
                         const struct product_rows rows, uint8_t *prepared) {
    const size_t scale_bytes = scale_bytes_of(kind), block_bytes = quant_bytes(kind.quants) + scale_bytes;
    const struct activation_block *x = (const void *)rows.x;
    const int32_t blocks = w->cols / ACTIVATION_BLOCK; /* read once: the loop's barriers would read it anew */
    size_t panel = block_bytes * (size_t)blocks, stride = panel * (size_t)apart;
    const uint8_t *block = w->data + (size_t)first * panel;
    struct matrix_facts facts = { .minus_zero = _mm256_set1_epi16((int16_t)-w->zero) };
    if (kind.quants == QUANTS_TABLE)
        facts.table = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)w->table));
    __m256 acc[TILE_SUMS][2];
#pragma clang loop unroll(full)
    for (int i = 0; i < places * tokens; i++) acc[i][0] = acc[i][1] = _mm256_setzero_ps();
    for (int32_t b = 0; b < blocks; b++, block += block_bytes, x++) {
        if (fetches) {
            fetch_near(block + FETCH_NEAR_BLOCKS * block_bytes, block_bytes);
            fetch_block(block + panel, block_bytes);
        } else if (rows.meanwhile) fetch_next(rows.meanwhile);
#pragma clang loop unroll(full)
        for (int s = 0; s < places; s++)
            add_block(tokens, kind, &facts, block + (size_t)s * stride, x, acc + s * tokens, prepared);
        if (!prepared) continue;
        __builtin_memcpy(prepared + quant_bytes(QUANTS_8), block + quant_bytes(kind.quants), scale_bytes);
        prepared += quant_bytes(QUANTS_8) + scale_bytes;
    }
    __m256 out = _mm256_set1_ps(w->output_scale);
#pragma clang loop unroll(full)
    for (int i = 0; i < places * tokens; i++) {
        int32_t row = (first + i / tokens * apart) * PANEL_ROWS;
        store_rows(rows, i % tokens, row, _mm256_mul_ps(acc[i][0], out), _mm256_mul_ps(acc[i][1], out),
                   w->rows - row);
    }
}

/* One panel times rows, group by group. */
INLINE void integer_rows(const struct integer_kind kind, const struct packed_matrix *w, int32_t panel,
                         const struct product_rows rows) {
#define TILE(tokens) integer_tile(1, tokens, kind, w, panel, 0, 0, rows_from(rows, t, ACTIVATION_SLOTS), NULL)
    for (int32_t t = 0; t < rows.count; t += ACTIVATION_SLOTS) {
        switch (rows.count - t) {
        case 1: TILE(1); break;
        case 2: TILE(2); break;
        case 3: TILE(3); break;
        default: TILE(4);
        }
    }
#undef TILE
}

enum {
    PREPARING_ROWS_MIN = 2 * ACTIVATION_SLOTS + 1, /* two further tiles pay for the stores of the first */
    PREPARED_BLOCKS_MAX = 128                      /* of a panel, for which the stack has room: 4,096 columns */
};

/* Panels times more rows than a tile has.  The first tile of a panel unpacks 4-bit quants, and takes 128 from
 * 8-bit ones, for all others. */
INLINE void integer_groups(const struct integer_kind kind, const struct packed_matrix *w, struct panel_range panels,
                           const struct product_rows rows) {
    struct integer_kind later = kind;
    later.quants = kind.chain ? QUANTS_8 : QUANTS_SIGNED;
    _Alignas(64) uint8_t room[PREPARED_BLOCKS_MAX * (512 + 128)];
    const int prepares =
        later.quants != kind.quants && rows.count >= PREPARING_ROWS_MIN && w->cols / 32 <= PREPARED_BLOCKS_MAX;
    struct packed_matrix panel = *w; /* the one that is prepared */
    panel.data = room;
    const struct product_rows rest = rows_from(rows, ACTIVATION_SLOTS, ACTIVATION_SLOTS);
    for (int32_t p = panels.begin; p < panels.end; p++) {
        integer_tile(1, 4, kind, w, p, 0, 1, rows, prepares ? room : NULL);
        if (prepares) {
            struct product_rows own = rest;
            own.y += p * PANEL_ROWS;
            panel.rows = w->rows - p * PANEL_ROWS;
            integer_rows(later, &panel, 0, own);
        } else {
            integer_rows(kind, w, p, rest);
        }
    }
}

/* A single row, at several places of the matrix at once. */
INLINE void integer_places(const struct integer_kind kind, const struct packed_matrix *w, struct panel_range panels,
                           struct product_rows row) {
    int32_t p = panels.begin, apart = (panels.end - panels.begin) / PLACES_AT_ONCE;
    row.meanwhile = NULL;
    for (; p < panels.begin + apart; p++) integer_tile(PLACES_AT_ONCE, 1, kind, w, p, apart, 0, row, NULL);
    p = panels.begin + PLACES_AT_ONCE * apart;
    for (; p < panels.end; p++) integer_tile(1, 1, kind, w, p, 0, 1, row, NULL);
}

INLINE void integer_panels(const struct integer_kind kind, const struct packed_matrix *w, struct panel_range panels,
                           const struct product_rows rows) {
#define TILES(tokens) \
    for (int32_t p = panels.begin; p < panels.end; p++) integer_tile(1, tokens, kind, w, p, 0, 1, rows, NULL)
    switch (rows.count) {
    case 1: integer_places(kind, w, panels, rows); break;
    case 2: TILES(2); break;
    case 3: TILES(3); break;
    case 4: TILES(4); break;
    default: integer_groups(kind, w, panels, rows);
    }
#undef TILES
}

#define INTEGER_PANELS(name, quants, group, chain, shift)                                                          \
    static void name(const struct packed_matrix *w, struct panel_range panels, const struct product_rows *rows) {  \
        integer_panels((struct integer_kind){ quants, group, chain, shift }, w, panels, *rows);                    \
    }

INTEGER_PANELS(u4_g32_offsets, QUANTS_4, 32, 8, SHIFT_OFFSETS)
INTEGER_PANELS(u4_g32_zero, QUANTS_4, 32, 8, SHIFT_ZERO)
INTEGER_PANELS(u4_g16_offsets, QUANTS_4, 16, 4, SHIFT_OFFSETS)
INTEGER_PANELS(u4_g16_zero, QUANTS_4, 16, 4, SHIFT_ZERO)
INTEGER_PANELS(t4_g32_zero, QUANTS_TABLE, 32, 8, SHIFT_ZERO)
INTEGER_PANELS(t4_g32_centered, QUANTS_TABLE, 32, 0, SHIFT_CENTERED)
INTEGER_PANELS(u5_g32_offsets, QUANTS_8, 32, 4, SHIFT_OFFSETS)
INTEGER_PANELS(u5_g32_zero, QUANTS_8, 32, 8, SHIFT_ZERO)
INTEGER_PANELS(u6_g16_offsets, QUANTS_8, 16, 2, SHIFT_OFFSETS)
INTEGER_PANELS(u6_g16_zero, QUANTS_8, 16, 4, SHIFT_ZERO)
INTEGER_PANELS(u8_g32_centered, QUANTS_8, 32, 0, SHIFT_CENTERED)
INTEGER_PANELS(u8_g16_centered, QUANTS_8, 16, 0, SHIFT_CENTERED)

/* Every format with quants of 8 bits has them around 128. */
INLINE int is_centered(const struct packed_matrix *w) { return !w->has_offsets && w->zero == 128; }

/* Whether no quant is further than `reach` from the zero point: 16 for chains of 8, 32 for chains of 4.  Then
 * the sums of a chain end within 16 bits, wherever they begin. */
INLINE int is_balanced(const struct packed_matrix *w, int32_t reach) {
    return !w->has_offsets && w->zero <= reach && w->quant_maximum - w->zero <= reach;
}

/* The panels of a layout, by what the matrix says of its quants. */
#define PANELS(name, kernel)                                                                                        \
    static void name(const struct packed_matrix *w, struct panel_range panels, const struct product_rows *rows) {   \
        matmul_panels_fn *run = kernel;                                                                             \
        run(w, panels, rows);                                                                                       \
    }

PANELS(panels_u4_g32, w->has_offsets ? u4_g32_offsets : u4_g32_zero)
PANELS(panels_u4_g16, w->has_offsets ? u4_g16_offsets : u4_g16_zero)
PANELS(panels_t4_g32, is_balanced(w, 16) ? t4_g32_zero
                      : is_centered(w)   ? t4_g32_centered
                                         : matmul_portable.panels[LAYOUT_T4_G32])
PANELS(panels_u8_g32, w->has_offsets && w->quant_maximum <= 31 ? u5_g32_offsets
                      : is_balanced(w, 16)                     ? u5_g32_zero
                      : is_centered(w)                         ? u8_g32_centered
                                                               : matmul_portable.panels[LAYOUT_U8_G32])
PANELS(panels_u8_g16, w->has_offsets && w->quant_maximum <= 63 ? u6_g16_offsets
                      : is_balanced(w, 32)                     ? u6_g16_zero
                      : is_centered(w)                         ? u8_g16_centered
                                                               : matmul_portable.panels[LAYOUT_U8_G16])

/* --- activations ----------------------------------------------------------------------------- */

/* pairs: as pairs16 of activations.h.  low, high: quants of a block's halves, added up by column modulo 8. */
INLINE void pair_sums(int16_t pairs[2][2], __m256i low, __m256i high) {
    __m128i low4 = _mm_add_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    __m128i high4 = _mm_add_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    __m128i sums = _mm_hadd_epi32(low4, high4);
    _mm_storeu_si64(pairs, _mm_packs_epi32(sums, sums));
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
        struct block_scale by = block_scale(greatest_8(m), ACTIVATION_QUANT_MAX);
        __m256i q[4];
        for (int i = 0; i < 4; i++) q[i] = quants_8(v[i], by);
        int16_t pairs[2][2];
        pair_sums(pairs, _mm256_add_epi32(q[0], q[1]), _mm256_add_epi32(q[2], q[3]));
        __m256i first = _mm256_packs_epi32(q[0], q[1]), second = _mm256_packs_epi32(q[2], q[3]);
        __m256i words = _mm256_packs_epi16(first, second);
        words = _mm256_permutevar8x32_epi32(words, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
        _mm256_storeu_si256((__m256i *)group[b].quants[slot], words);
        __m128i raised = _mm_add_epi8(_mm256_castsi256_si128(words), _mm_set1_epi8(ACTIVATION_QUANT_MAX));
        _mm_storeu_si128((__m128i *)group[b].raised[slot], raised);
        write_block_facts(&group[b], slot, by.scale, pairs, integers_sum(_mm256_madd_epi16(first, second)));
    }
}

#pragma clang attribute pop

const struct matmul_kernels matmul_x86_avx2 = {
    .quantize_row = quantize_row,
    .tile_rows = ACTIVATION_SLOTS,
    .panels = { panels_f32_avx2, panels_f16_avx2, panels_bf16_avx2, panels_u4_g32, panels_u4_g16, panels_t4_g32,
                panels_u8_g32, panels_u8_g16 },
};
#endif

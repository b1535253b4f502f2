/* activations.h: rows of activations as products read them: f32 as they are, or one of two forms made
 * from that.
 *
 * Quantized: a row of `cols` values (cols % 32 == 0) becomes int8 in blocks of 32 with one f32 scale each:
 * x[c] ~ scale[c / 32] * q[c], |q| <= ACTIVATION_QUANT_MAX.  Sums of the integers stand beside them, so that
 * the zero point and the offset of a weight block cost one operation a block.  The sums are kept for the
 * two halves of every four columns, which is how products of 8 bits are summed in 16: a sum that
 * begins with what the zero point takes away stays small enough for 16 bits twice as long.
 *
 * Four rows lie together, block by block: a tile of rows then reads one stream with constant
 * offsets.  Row t is slot t % 4 of group t / 4; slots that no row fills are never read.
 *
 * Crossed products are half as many products for the same sum (Winograd, A New Algorithm for Inner Product, 1968).
 * Of columns c and 16 + c, where a row has a and b and 4-bit weights have v and w:
 *   a v + b w = (a + 120 + w) (b + v - 8) - (a b - 8 a + 120 b) - (w + 120) (v - 8)
 * The first bracket is an unsigned byte, the second a signed one; what is then taken away is a matter of the
 * row alone, which stands beside its quants, and of the weights.
 *
 * Rounded: each value is rounded to bf16 as rows.h does it, and stands there twice: widened again, for
 * tables that multiply f32, and narrow, for those with an instruction for pairs of bf16.  A zero follows
 * an odd number of columns.
 *   f32   values[cols rounded up to 2]
 *   bf16  pairs[cols rounded up to 2]
 */
#ifndef TOKENMILL_ACTIVATIONS_H
#define TOKENMILL_ACTIVATIONS_H
#include <stddef.h>
#include <stdint.h>

enum {
    ACTIVATION_BLOCK = 32,
    ACTIVATION_SLOTS = 4,
    ACTIVATION_QUANT_MAX = 120, /* a quant and 4 bits of a weight together have 256 values then, which is a byte */
    CROSSED_MIDDLE = 8          /* what crossed products take from those 4 bits where a byte has a sign */
};

enum activation_form { ACTIVATION_F32, ACTIVATION_ROUNDED, ACTIVATION_QUANTIZED };

/* 32 columns of four rows.  A group of rows is [cols / 32] of these; the first begins a cache line. */
struct activation_block {
    int8_t quants[ACTIVATION_SLOTS][ACTIVATION_BLOCK];
    float scales[ACTIVATION_SLOTS];
    float scaled32[ACTIVATION_SLOTS];        /* scale * sum of q over the block */
    int16_t pairs32[ACTIVATION_SLOTS][2];    /* sums of q: columns c % 4 < 2, and the others */
    int16_t pairs16[2][ACTIVATION_SLOTS][2]; /* the same for half blocks */
    float scaled16[2][ACTIVATION_SLOTS];
    int32_t crossed[ACTIVATION_SLOTS];       /* what a row adds to a block's sum of crossed products */
    uint8_t raised[ACTIVATION_SLOTS][ACTIVATION_BLOCK / 2]; /* q + ACTIVATION_QUANT_MAX of the first half */
};

_Static_assert(sizeof(struct activation_block) % 64 == 0, "every block of a group begins a cache line");

/* Bytes of one group of four rows. */
static inline size_t activation_group_bytes(int32_t cols) {
    return (size_t)cols / ACTIVATION_BLOCK * sizeof(struct activation_block);
}

/* Bytes of `rows` rows, begun groups counted whole. */
static inline size_t activation_rows_bytes(int32_t rows, int32_t cols) {
    return (size_t)((rows + ACTIVATION_SLOTS - 1) / ACTIVATION_SLOTS) * activation_group_bytes(cols);
}

/* The group of a row of `cols` columns among the rows at `first`. */
static inline struct activation_block *activation_group(uint8_t *first, int32_t row, int32_t cols) {
    return (struct activation_block *)(first + (size_t)(row / ACTIVATION_SLOTS) * activation_group_bytes(cols));
}

/* Blocks whose magnitudes all lie below this count as zeros: ACTIVATION_QUANT_MAX / max must be finite, and no
 * product with the least scale of f16 so small that it becomes a zero, whose sign would depend on how it came about. */
#define ACTIVATION_MAGNITUDE_LEAST 1e-30f

/* Quantizes columns [begin, end) of a row, both multiples of 32, into its slot of a group.
 * x: f32, the row from column 0 on.
 * scale = max |x| / ACTIVATION_QUANT_MAX; q rounds to nearest even.  A block of zeros gets scale 0.  A block with an
 * infinity or a NaN gets scale NaN and quants 0, so that no product hides it. */
typedef void quantize_row_fn(struct activation_block *group, int32_t slot, const float *x, int32_t begin, int32_t end);

struct rounded_row {
    const float *values;
    const uint16_t *pairs;
};

static inline size_t even_columns(int32_t cols) { return ((size_t)cols + 1) & ~(size_t)1; }

/* Bytes of one rounded row: an odd number of cache lines, so that a column of rows spreads over all sets. */
static inline size_t rounded_row_bytes(int32_t cols) { return ((even_columns(cols) * 6 + 63) / 64 | 1) * 64; }

static inline struct rounded_row rounded_row_view(const void *row, int32_t cols) {
    const float *values = (const float *)row;
    struct rounded_row view = { values, (const uint16_t *)(values + even_columns(cols)) };
    return view;
}

struct row_kernels;

/* Rounds columns [begin, end) of a row by a table's conversions; begin is even, end is even or `cols`. */
void round_row(const struct row_kernels *kernels, void *row, const float *x, int32_t cols, int32_t begin,
               int32_t end);

#endif

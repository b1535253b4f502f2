/* activations.h: rows of activations as the integer kernels read them.
 * One row of `cols` values (cols % 32 == 0) becomes int8 in blocks of 32 with one f32 scale each:
 * x[c] ~ scale[c / 32] * q[c], |q| <= 127.  Sums of the integers stand beside them, so that the
 * zero point and the offset of a weight block cost one operation a block.
 *
 * A row is one piece of memory:
 *   int8  quants[cols]
 *   f32   scales[cols / 32]
 *   i32   sums32[cols / 32]      sum of q over each block
 *   f32   scaled32[cols / 32]    scale * sums32
 *   i32   sums16[cols / 16]      the same for half blocks
 *   f32   scaled16[cols / 16]
 */
#ifndef TOKENMILL_ACTIVATIONS_H
#define TOKENMILL_ACTIVATIONS_H
#include <stddef.h>
#include <stdint.h>

enum { ACTIVATION_BLOCK = 32 };

struct activation_row {
    const int8_t *quants;
    const float *scales;
    const int32_t *sums32;
    const float *scaled32;
    const int32_t *sums16;
    const float *scaled16;
};

/* Bytes of one quantized row, a multiple of 64. */
static inline size_t activation_row_bytes(int32_t cols) {
    size_t blocks = (size_t)cols / ACTIVATION_BLOCK;
    return ((size_t)cols + blocks * 28 + 63) & ~(size_t)63;
}

static inline struct activation_row activation_row_view(const void *row, int32_t cols) {
    const int8_t *quants = (const int8_t *)row;
    size_t blocks = (size_t)cols / ACTIVATION_BLOCK;
    const float *scales = (const float *)(quants + cols);
    const int32_t *sums32 = (const int32_t *)(scales + blocks);
    const float *scaled32 = (const float *)(sums32 + blocks);
    const int32_t *sums16 = (const int32_t *)(scaled32 + blocks);
    const float *scaled16 = (const float *)(sums16 + 2 * blocks);
    struct activation_row view = { quants, scales, sums32, scaled32, sums16, scaled16 };
    return view;
}

/* Blocks whose magnitudes all lie below this count as zeros: 127 / max would not be finite. */
#define ACTIVATION_MAGNITUDE_LEAST 1e-36f

/* Quantizes columns [begin, end) of a row, both multiples of 32.  x: f32 [cols].
 * scale = max |x| / 127; q rounds to nearest even.  A block of zeros gets scale 0.  A block with an
 * infinity or a NaN gets scale NaN and quants 0, so that no product hides it. */
typedef void quantize_row_fn(void *row, const float *x, int32_t cols, int32_t begin, int32_t end);

#endif

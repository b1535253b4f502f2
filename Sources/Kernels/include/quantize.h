/* quantize.h: floats as the blocks of checkpoint formats: the way back of dequantize.h.
 * Runs when a file is made, never per token. Its one idea: the scale of a block is searched, not
 * taken from its extremes, and quants are then rounded under the scale as the file keeps it.
 *
 * Formats are named by ElementFormat's raw values: F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0,
 * Q4_K, Q5_K, Q6_K; dequantize.h describes their blocks. F16, BF16 and Q8_0 give the same bytes
 * again for the values that they decode to.
 *
 * All functions are pure, allocate nothing and may be called from any thread. Blocks need no
 * alignment; buffers must not overlap. Hosts are little-endian. */
#ifndef TOKENMILL_QUANTIZE_H
#define TOKENMILL_QUANTIZE_H

#include <stdint.h>

/* The greatest magnitude that a format is given: 65504 where scales or values are F16. 0 for a
 * format that cannot be written. */
float quantize_magnitude_max(int32_t format);

/* The first i in [0, elements) whose value is no number, or above `magnitude_max`; -1 if none is. */
int64_t quantize_first_unfit(const float *values, int64_t elements, float magnitude_max);

/* Writes the blocks of values[i], i in [0, elements), none of them unfit.
 * elements: a multiple of the format's block. Answers 1, or 0 for a format that cannot be written or
 * elements that do not fill blocks; then nothing is written. */
int quantize_row(int32_t format, const float *values, void *blocks, int64_t elements);

#endif

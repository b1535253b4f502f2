/* dequantize.h: the weight formats of checkpoints as floats, and as small integers with scales.
 * Runs at load and in tests, never per token. Its one idea: each block format has one decoder, into
 * unsigned integers with a scale and an offset per group; the float values follow from those.
 *
 * Formats are named by ElementFormat's raw values, which below 1000 are GGUF's type numbers:
 *   0 F32   1 F16   30 BF16
 *   number  name    elements  bytes   group  quants   zero point or offset
 *        2  Q4_0          32     18      32  0..15    zero point 8
 *        3  Q4_1          32     20      32  0..15    offset
 *        6  Q5_0          32     22      32  0..31    zero point 16
 *        7  Q5_1          32     24      32  0..31    offset
 *        8  Q8_0          32     34      32  0..255   zero point 128
 *       10  Q2_K         256     84      16  0..3     offset
 *       11  Q3_K         256    110      16  0..7     zero point 4
 *       12  Q4_K         256    144      32  0..15    offset
 *       13  Q5_K         256    176      32  0..31    offset
 *       14  Q6_K         256    210      16  0..63    zero point 32
 *       20  IQ4_NL        32     18      32  1..241   zero point 128 (16 values from a table)
 *       23  IQ4_XS       256    136      32  1..241   zero point 128 (the same table)
 *       39  MXFP4         32     17      32  0..24    zero point 12 (doubled E2M1, halved scale)
 * MXFP4 is GGUF's block: the low nibbles are elements 0..15, the high ones 16..31.
 *
 * All functions are pure, allocate nothing, read exactly the blocks of `elements` values and may be
 * called from any thread. Blocks need no alignment; buffers must not overlap. Hosts are
 * little-endian. */
#ifndef TOKENMILL_DEQUANTIZE_H
#define TOKENMILL_DEQUANTIZE_H

#include <stdint.h>

/* How integer_view presents a format. All fields are 0 when the format has no integer view. */
struct integer_view_shape {
    int32_t block_elements; /* elements of one block: 32 or 256 */
    int32_t block_bytes;
    int32_t group_elements; /* consecutive elements that share scale and offset: 16 or 32 */
    int32_t quant_max;      /* largest quant that can occur */
    int32_t zero_point;     /* without has_offset: the quant that means 0 */
    int32_t has_offset;     /* 1: each group has an offset of its own, and zero_point is 0 */
    const uint8_t *table;   /* [16]: the quants there are, where a block has their numbers; NULL elsewhere */
};

struct integer_view_shape integer_view_shape(int32_t format);

/* values[i], i in [0, elements), exactly as the format's definition rounds them (ggml's reference).
 * elements: a multiple of the format's block. Answers 1, or 0 for a format that it does not know,
 * or elements that do not fill blocks; then nothing is written. */
int dequantize_row(int32_t format, const void *blocks, float *values, int64_t elements);

/* values[i] == scales[i / group] * quants[i] + offsets[i / group], up to the rounding of that sum.
 * quants: u8 [elements].  scales, offsets: f32 [elements / group], exact; either sign, or 0.
 * Both arrays are always written: without an offset of its own, a group's is -zero_point * scale.
 * Answers as dequantize_row. */
int integer_view(int32_t format, const void *blocks, int64_t elements, uint8_t *quants,
                 float *scales, float *offsets);

#endif

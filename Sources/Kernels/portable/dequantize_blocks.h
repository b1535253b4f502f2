/* dequantize_blocks.h: what the decoders of block formats share.
 * Private to portable/dequantize*.c. */
#ifndef TOKENMILL_DEQUANTIZE_BLOCKS_H
#define TOKENMILL_DEQUANTIZE_BLOCKS_H

#include <stdint.h>
#include <string.h>

#include "conversions.h"

enum { block_elements_max = 256, block_groups_max = 16 };

/* Decodes `count` blocks. quants: u8 [count * elements].  scales: f32 [count * groups].
 * minimums: f32 [count * groups], what is added to scale * quant; only formats with offsets write
 * it. The buffers do not overlap. */
typedef void decode_fn(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                       float *restrict scales, float *restrict minimums);

decode_fn decode_q4_0, decode_q4_1, decode_q5_0, decode_q5_1, decode_q8_0, decode_mxfp4;
decode_fn decode_q2_k, decode_q3_k, decode_q4_k, decode_q5_k, decode_q6_k;
decode_fn decode_iq4_nl, decode_iq4_xs;

/* The 16 values of IQ4_NL and IQ4_XS, plus 128. */
extern const uint8_t iq4_values[16];

/* E2M1 values 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives, doubled, plus 12. */
extern const uint8_t mxfp4_values[16];

static inline float f16_at(const uint8_t *bytes) {
    uint16_t half;
    memcpy(&half, bytes, 2);
    return half_to_float(half);
}

#endif

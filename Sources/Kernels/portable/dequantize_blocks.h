/* dequantize_blocks.h: what the decoders of block formats share.
 * Private to portable/dequantize*.c. */
#ifndef TOKENMILL_DEQUANTIZE_BLOCKS_H
#define TOKENMILL_DEQUANTIZE_BLOCKS_H

#include <stdint.h>
#include <string.h>

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

/* Exact, also for subnormal numbers, infinities and NaN, and where subnormal floats are flushed. */
static inline float f16_value(uint16_t half) {
    const uint32_t magnitude = (uint32_t)(half & 0x7fff) << 13;
    const uint32_t exponent = magnitude & 0x0f800000u;
    uint32_t bits = magnitude + 0x38000000u;             /* bias 15 to bias 127 */
    bits += exponent == 0x0f800000u ? 0x38000000u : 0u;  /* infinity, NaN */
    const uint32_t subnormal = bits + 0x00800000u;
    float value, base;
    const uint32_t base_bits = 0x38800000u;              /* 2^-14 */
    memcpy(&value, &subnormal, 4);
    memcpy(&base, &base_bits, 4);
    value -= base;
    uint32_t small;
    memcpy(&small, &value, 4);
    bits = (exponent == 0 ? small : bits) | (uint32_t)(half & 0x8000) << 16;
    memcpy(&value, &bits, 4);
    return value;
}

static inline float f16_at(const uint8_t *bytes) {
    uint16_t half;
    memcpy(&half, bytes, 2);
    return f16_value(half);
}

#endif

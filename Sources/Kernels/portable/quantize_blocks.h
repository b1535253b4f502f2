/* quantize_blocks.h: what the encoders of block formats share.
 * Private to portable/quantize*.c. */
#ifndef TOKENMILL_QUANTIZE_BLOCKS_H
#define TOKENMILL_QUANTIZE_BLOCKS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "conversions.h"

/* Encodes `count` blocks, one after the other. */
typedef void encode_fn(const float *restrict values, int64_t count, uint8_t *restrict blocks);

encode_fn encode_q4_0, encode_q4_1, encode_q5_0, encode_q5_1, encode_q8_0;
encode_fn encode_q4_k, encode_q5_k, encode_q6_k;

/* scale, such that scale * q, q a whole number in [low, high], is near to all values: least squares,
 * in which greater values count more. low: negative. count: 16 or 32. */
float fit_scale(const float *values, int32_t count, int32_t low, int32_t high);

struct line {
    float scale, minimum;
};

/* As fit_scale, for scale * q + minimum, q in [0, high].  at_most_zero: minimum may not be above. */
struct line fit_line(const float *values, int32_t count, int32_t high, int32_t at_most_zero);

/* The nearest whole number, ties to even. |x| < 2^22. */
static inline int32_t nearest(float x) {
    return (int32_t)(float_bits(x + 0x1.8p23f) & 0x7fffff) - 0x400000;
}

/* The quant of x under 1 / scale; values far outside saturate before they leave nearest's range. */
static inline int32_t quant_within(float x, float inverse, int32_t low, int32_t high) {
    const float q = fminf(fmaxf(x * inverse, (float)low), (float)high);
    return nearest(q);
}

static inline float inverse_of(float scale) { return scale != 0 ? 1 / scale : 0; }

/* Stores a scale as F16 and answers what was stored. Among denormals, where rounding down would put
 * the greatest values out of reach, it rounds up. */
static inline float put_scale(uint8_t *bytes, float scale) {
    uint16_t half = float_to_half(scale);
    if (fabsf(half_to_float(half)) < fabsf(scale) * (1 - 0x1p-9f)) half++;
    memcpy(bytes, &half, 2);
    return half_to_float(half);
}

/* The same for a minimum, which least squares may put beyond the greatest F16. */
static inline float put_half(uint8_t *bytes, float value) {
    const uint16_t half = float_to_half(fminf(fmaxf(value, -65504), 65504));
    memcpy(bytes, &half, 2);
    return half_to_float(half);
}

#endif

/* quantize_blocks32.c: encoders of the formats with blocks of 32 elements; see
 * dequantize_blocks32.c for where each bit lies. */
#include "quantize_blocks.h"

/* Elements 0..15 are the low nibbles of 16 bytes, 16..31 the high ones. */
static inline void put_nibbles(uint8_t *restrict bytes, const int32_t *restrict quants) {
    for (int i = 0; i < 16; i++) bytes[i] = (uint8_t)((quants[i] & 15) | (quants[i + 16] & 15) << 4);
}

/* Bit i belongs to element i. */
static inline void put_fifth_bits(uint8_t *restrict bytes, const int32_t *restrict quants) {
    uint32_t bits = 0;
    for (int i = 0; i < 32; i++) bits |= (uint32_t)(quants[i] >> 4 & 1) << i;
    memcpy(bytes, &bits, 4);
}

/* Writes the scale; quants: [32], 0 to 2 * zero - 1. */
static inline void quantize_around(const float *restrict values, int32_t zero, uint8_t *restrict scale_bytes,
                                   int32_t *restrict quants) {
    const float scale = put_scale(scale_bytes, fit_scale(values, 32, -zero, zero - 1));
    const float inverse = inverse_of(scale);
    for (int i = 0; i < 32; i++) quants[i] = quant_within(values[i], inverse, -zero, zero - 1) + zero;
}

/* Writes scale and minimum; quants: [32], 0 to high. */
static inline void quantize_between(const float *restrict values, int32_t high, uint8_t *restrict line_bytes,
                                    int32_t *restrict quants) {
    const struct line line = fit_line(values, 32, high, 0);
    const float inverse = inverse_of(put_scale(line_bytes, line.scale));
    const float minimum = put_half(line_bytes + 2, line.minimum);
    for (int i = 0; i < 32; i++) quants[i] = quant_within(values[i] - minimum, inverse, 0, high);
}

void encode_q4_0(const float *restrict values, int64_t count, uint8_t *restrict blocks) {
    int32_t quants[32];
    for (; count > 0; count--, values += 32, blocks += 18) {
        quantize_around(values, 8, blocks, quants);
        put_nibbles(blocks + 2, quants);
    }
}

void encode_q4_1(const float *restrict values, int64_t count, uint8_t *restrict blocks) {
    int32_t quants[32];
    for (; count > 0; count--, values += 32, blocks += 20) {
        quantize_between(values, 15, blocks, quants);
        put_nibbles(blocks + 4, quants);
    }
}

void encode_q5_0(const float *restrict values, int64_t count, uint8_t *restrict blocks) {
    int32_t quants[32];
    for (; count > 0; count--, values += 32, blocks += 22) {
        quantize_around(values, 16, blocks, quants);
        put_fifth_bits(blocks + 2, quants);
        put_nibbles(blocks + 6, quants);
    }
}

void encode_q5_1(const float *restrict values, int64_t count, uint8_t *restrict blocks) {
    int32_t quants[32];
    for (; count > 0; count--, values += 32, blocks += 24) {
        quantize_between(values, 31, blocks, quants);
        put_fifth_bits(blocks + 4, quants);
        put_nibbles(blocks + 8, quants);
    }
}

/* With 255 quants there is nothing to gain by cutting: the greatest value becomes 127 or -127. */
void encode_q8_0(const float *restrict values, int64_t count, uint8_t *restrict blocks) {
    for (; count > 0; count--, values += 32, blocks += 34) {
        float magnitude = 0;
        for (int i = 0; i < 32; i++) magnitude = fmaxf(magnitude, fabsf(values[i]));
        const float inverse = inverse_of(put_scale(blocks, magnitude / 127));
        for (int i = 0; i < 32; i++) blocks[2 + i] = (uint8_t)quant_within(values[i], inverse, -127, 127);
    }
}

/* dequantize_blocks32.c: decoders of the formats with blocks of 32 elements and one group each.
 * In all of them the low nibbles of 16 bytes are elements 0..15 and the high nibbles 16..31.
 * Source: the block definitions of GGUF; MXFP4: OCP Microscaling Formats 1.0. */
#include "dequantize_blocks.h"

const uint8_t iq4_values[16] = {
    1, 24, 45, 63, 79, 93, 106, 118, 129, 141, 153, 166, 181, 197, 217, 241,
};

const uint8_t mxfp4_values[16] = {12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0};

static inline void decode_nibbles(const uint8_t *restrict bytes, uint8_t *restrict quants) {
    for (int i = 0; i < 16; i++) {
        quants[i] = bytes[i] & 15;
        quants[i + 16] = bytes[i] >> 4;
    }
}

static inline void decode_table(const uint8_t *restrict bytes, const uint8_t *table,
                                uint8_t *restrict quants) {
    for (int i = 0; i < 16; i++) {
        quants[i] = table[bytes[i] & 15];
        quants[i + 16] = table[bytes[i] >> 4];
    }
}

/* Nibbles plus a fifth bit: bit i of `high` belongs to element i. */
static inline void decode_five_bits(const uint8_t *restrict bytes, const uint8_t *high,
                                    uint8_t *restrict quants) {
    uint32_t bits;
    memcpy(&bits, high, 4);
    for (int i = 0; i < 16; i++) {
        quants[i] = (uint8_t)((bytes[i] & 15) | (bits >> i & 1) << 4);
        quants[i + 16] = (uint8_t)(bytes[i] >> 4 | (bits >> (i + 16) & 1) << 4);
    }
}

/* block: scale f16 | 16 bytes */
void decode_q4_0(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                 float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (int64_t i = 0; i < count; i++, blocks += 18) {
        scales[i] = f16_at(blocks);
        decode_nibbles(blocks + 2, quants + i * 32);
    }
}

/* block: scale f16 | minimum f16 | 16 bytes */
void decode_q4_1(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                 float *restrict scales, float *restrict minimums) {
    for (int64_t i = 0; i < count; i++, blocks += 20) {
        scales[i] = f16_at(blocks);
        minimums[i] = f16_at(blocks + 2);
        decode_nibbles(blocks + 4, quants + i * 32);
    }
}

/* block: scale f16 | fifth bits u32 | 16 bytes */
void decode_q5_0(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                 float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (int64_t i = 0; i < count; i++, blocks += 22) {
        scales[i] = f16_at(blocks);
        decode_five_bits(blocks + 6, blocks + 2, quants + i * 32);
    }
}

/* block: scale f16 | minimum f16 | fifth bits u32 | 16 bytes */
void decode_q5_1(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                 float *restrict scales, float *restrict minimums) {
    for (int64_t i = 0; i < count; i++, blocks += 24) {
        scales[i] = f16_at(blocks);
        minimums[i] = f16_at(blocks + 2);
        decode_five_bits(blocks + 8, blocks + 4, quants + i * 32);
    }
}

/* block: scale f16 | 32 signed bytes */
void decode_q8_0(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                 float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (int64_t i = 0; i < count; i++, blocks += 34) {
        scales[i] = f16_at(blocks);
        for (int j = 0; j < 32; j++) quants[i * 32 + j] = blocks[2 + j] ^ 0x80;
    }
}

/* block: scale f16 | 16 bytes of indices into iq4_values */
void decode_iq4_nl(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                   float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (int64_t i = 0; i < count; i++, blocks += 18) {
        scales[i] = f16_at(blocks);
        decode_table(blocks + 2, iq4_values, quants + i * 32);
    }
}

/* Half of 2^(exponent - 127), as the table's values are doubled. Subnormal for exponents 0, 1. */
static inline float half_power(uint8_t exponent) {
    const uint32_t bits =
        exponent < 2 ? 0x00200000u << exponent : (uint32_t)(exponent - 1) << 23;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

/* block: exponent u8 | 16 bytes of E2M1 values */
void decode_mxfp4(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                  float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (int64_t i = 0; i < count; i++, blocks += 17) {
        scales[i] = half_power(blocks[0]);
        decode_table(blocks + 1, mxfp4_values, quants + i * 32);
    }
}

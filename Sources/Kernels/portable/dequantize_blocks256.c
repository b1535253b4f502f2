/* dequantize_blocks256.c: decoders of the formats with blocks of 256 elements and scales
 * of their own for groups of 16 or 32. Source: the block definitions of GGUF. */
#include "dequantize_blocks.h"

/* block: 16 bytes (low nibble scale, high nibble minimum, of 16 elements) | 64 bytes of 2 bits |
 * scale f16 | minimum f16.  Bits 2s of byte 32h + i are element 128h + 32s + i. */
void decode_q2_k(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                 float *restrict scales, float *restrict minimums) {
    for (; count > 0; count--, blocks += 84, quants += 256, scales += 16, minimums += 16) {
        const float scale = f16_at(blocks + 80), minimum = f16_at(blocks + 82);
        for (int group = 0; group < 16; group++) {
            scales[group] = scale * (float)(blocks[group] & 15);
            minimums[group] = -(minimum * (float)(blocks[group] >> 4));
        }
        for (int half = 0; half < 2; half++) {
            const uint8_t *bytes = blocks + 16 + half * 32;
            for (int part = 0; part < 4; part++) {
                uint8_t *quant = quants + half * 128 + part * 32;
                for (int i = 0; i < 32; i++) quant[i] = bytes[i] >> (2 * part) & 3;
            }
        }
    }
}

/* block: 32 bytes of third bits | 64 bytes of 2 bits | 12 bytes of 16 6-bit scales | scale f16.
 * Two bits as in Q2_K; the third of element 32p + i is bit p of byte i. A scale's lower four bits
 * are nibbles of the first eight bytes, its upper two bits lie in the last four; 32 means 0. */
void decode_q3_k(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                 float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (; count > 0; count--, blocks += 110, quants += 256, scales += 16) {
        const uint8_t *packed = blocks + 96;
        const float scale = f16_at(blocks + 108);
        for (int group = 0; group < 16; group++) {
            const int lower = packed[group & 7] >> (group < 8 ? 0 : 4) & 15;
            const int upper = packed[8 + (group & 3)] >> (2 * (group >> 2)) & 3;
            scales[group] = scale * (float)((lower | upper << 4) - 32);
        }
        for (int part = 0; part < 8; part++) {
            const uint8_t *bytes = blocks + 32 + (part >> 2) * 32;
            const int shift = 2 * (part & 3);
            uint8_t *quant = quants + part * 32;
            for (int i = 0; i < 32; i++) {
                quant[i] = (uint8_t)((bytes[i] >> shift & 3) | (blocks[i] >> part & 1) << 2);
            }
        }
    }
}

/* The eight 6-bit scales and minimums of Q4_K and Q5_K. Four of each lie in the low bits of bytes
 * 0..3 and 4..7; the others have their low bits in bytes 8..11, their high bits above the first. */
static inline void decode_scales_k(const uint8_t *block, float *scales, float *minimums) {
    const float scale = f16_at(block), minimum = f16_at(block + 2);
    const uint8_t *packed = block + 4;
    for (int i = 0; i < 4; i++) {
        scales[i] = scale * (float)(packed[i] & 63);
        minimums[i] = -(minimum * (float)(packed[i + 4] & 63));
        scales[i + 4] = scale * (float)((packed[i + 8] & 15) | packed[i] >> 6 << 4);
        minimums[i + 4] = -(minimum * (float)(packed[i + 8] >> 4 | packed[i + 4] >> 6 << 4));
    }
}

/* block: scale f16 | minimum f16 | 12 bytes of scales | 128 bytes.
 * The low nibbles of 32 bytes are 32 elements, their high nibbles the next 32. */
void decode_q4_k(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                 float *restrict scales, float *restrict minimums) {
    for (; count > 0; count--, blocks += 144, quants += 256, scales += 8, minimums += 8) {
        decode_scales_k(blocks, scales, minimums);
        for (int part = 0; part < 4; part++) {
            const uint8_t *bytes = blocks + 16 + part * 32;
            uint8_t *quant = quants + part * 64;
            for (int i = 0; i < 32; i++) {
                quant[i] = bytes[i] & 15;
                quant[i + 32] = bytes[i] >> 4;
            }
        }
    }
}

/* block: as Q4_K, with 32 bytes of fifth bits before the 128: bit g of byte i belongs to element
 * 32g + i. */
void decode_q5_k(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                 float *restrict scales, float *restrict minimums) {
    for (; count > 0; count--, blocks += 176, quants += 256, scales += 8, minimums += 8) {
        const uint8_t *high = blocks + 16;
        decode_scales_k(blocks, scales, minimums);
        for (int part = 0; part < 4; part++) {
            const uint8_t *bytes = blocks + 48 + part * 32;
            uint8_t *quant = quants + part * 64;
            for (int i = 0; i < 32; i++) {
                quant[i] = (uint8_t)((bytes[i] & 15) | (high[i] >> (2 * part) & 1) << 4);
                quant[i + 32] = (uint8_t)(bytes[i] >> 4 | (high[i] >> (2 * part + 1) & 1) << 4);
            }
        }
    }
}

/* block: 128 bytes of low nibbles | 64 bytes of upper two bits | 16 signed scales | scale f16.
 * In each half of 128 elements, 64 bytes hold 64 low nibbles, then 64 high ones; the upper bits of
 * element 32s + i are bits 2s of byte i. */
void decode_q6_k(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                 float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (; count > 0; count--, blocks += 210, quants += 256, scales += 16) {
        const float scale = f16_at(blocks + 208);
        for (int group = 0; group < 16; group++) {
            scales[group] = scale * (float)(int8_t)blocks[192 + group];
        }
        for (int half = 0; half < 2; half++) {
            const uint8_t *low = blocks + half * 64, *high = blocks + 128 + half * 32;
            uint8_t *quant = quants + half * 128;
            for (int i = 0; i < 32; i++) {
                quant[i] = (uint8_t)((low[i] & 15) | (high[i] & 3) << 4);
                quant[i + 32] = (uint8_t)((low[i + 32] & 15) | (high[i] >> 2 & 3) << 4);
                quant[i + 64] = (uint8_t)(low[i] >> 4 | (high[i] >> 4 & 3) << 4);
                quant[i + 96] = (uint8_t)(low[i + 32] >> 4 | high[i] >> 6 << 4);
            }
        }
    }
}

/* block: scale f16 | upper two bits of eight scales u16 | four bytes of their lower nibbles |
 * 128 bytes.  32 means a scale of 0; each 16 bytes are 32 elements, as in IQ4_NL. */
void decode_iq4_xs(const uint8_t *restrict blocks, int64_t count, uint8_t *restrict quants,
                   float *restrict scales, float *restrict minimums) {
    (void)minimums;
    for (; count > 0; count--, blocks += 136, quants += 256, scales += 8) {
        const float scale = f16_at(blocks);
        uint16_t upper;
        memcpy(&upper, blocks + 2, 2);
        for (int group = 0; group < 8; group++) {
            const int low = blocks[4 + group / 2] >> (4 * (group & 1)) & 15;
            scales[group] = scale * (float)((low | (upper >> (2 * group) & 3) << 4) - 32);
            const uint8_t *bytes = blocks + 8 + group * 16;
            uint8_t *quant = quants + group * 32;
            for (int i = 0; i < 16; i++) {
                quant[i] = iq4_values[bytes[i] & 15];
                quant[i + 16] = iq4_values[bytes[i] >> 4];
            }
        }
    }
}

/* quantize_blocks256.c: encoders of the formats with blocks of 256 elements, whose groups have
 * scales that are quantized in turn; see dequantize_blocks256.c for where each bit lies. */
#include "quantize_blocks.h"

/* Q4_K and Q5_K: writes d, dmin and the packed scales; quants: [256], 0 to high. */
static void quantize_groups_k(const float *restrict values, int32_t high, uint8_t *restrict block,
                              uint8_t *restrict quants) {
    struct line lines[8];
    float scale_max = 0, depth_max = 0;
    for (int group = 0; group < 8; group++) {
        lines[group] = fit_line(values + group * 32, 32, high, 1);
        scale_max = fmaxf(scale_max, lines[group].scale);
        depth_max = fmaxf(depth_max, -lines[group].minimum);
    }
    const float scale = put_scale(block, scale_max / 63), depth = put_scale(block + 2, depth_max / 63);
    int32_t scales[8], depths[8];
    for (int group = 0; group < 8; group++) {
        scales[group] = quant_within(lines[group].scale, inverse_of(scale), 0, 63);
        depths[group] = quant_within(-lines[group].minimum, inverse_of(depth), 0, 63);
        const float inverse = inverse_of(scale * (float)scales[group]);
        const float lift = depth * (float)depths[group];
        for (int i = group * 32; i < group * 32 + 32; i++)
            quants[i] = (uint8_t)quant_within(values[i] + lift, inverse, 0, high);
    }
    uint8_t *packed = block + 4;
    for (int i = 0; i < 4; i++) {
        packed[i] = (uint8_t)(scales[i] | scales[i + 4] >> 4 << 6);
        packed[i + 4] = (uint8_t)(depths[i] | depths[i + 4] >> 4 << 6);
        packed[i + 8] = (uint8_t)((scales[i + 4] & 15) | (depths[i + 4] & 15) << 4);
    }
}

static inline void put_nibbles_k(uint8_t *restrict bytes, const uint8_t *restrict quants) {
    for (int part = 0; part < 4; part++, bytes += 32, quants += 64)
        for (int i = 0; i < 32; i++) bytes[i] = (uint8_t)((quants[i] & 15) | (quants[i + 32] & 15) << 4);
}

void encode_q4_k(const float *restrict values, int64_t count, uint8_t *restrict blocks) {
    uint8_t quants[256];
    for (; count > 0; count--, values += 256, blocks += 144) {
        quantize_groups_k(values, 15, blocks, quants);
        put_nibbles_k(blocks + 16, quants);
    }
}

void encode_q5_k(const float *restrict values, int64_t count, uint8_t *restrict blocks) {
    uint8_t quants[256];
    for (; count > 0; count--, values += 256, blocks += 176) {
        quantize_groups_k(values, 31, blocks, quants);
        memset(blocks + 16, 0, 32);
        for (int group = 0; group < 8; group++)
            for (int i = 0; i < 32; i++) blocks[16 + i] |= (uint8_t)(quants[group * 32 + i] >> 4 << group);
        put_nibbles_k(blocks + 48, quants);
    }
}

/* block: 128 bytes of low nibbles | 64 bytes of upper two bits | 16 signed scales | scale f16 */
static void put_q6_k_quants(uint8_t *restrict block, const uint8_t *restrict quants) {
    for (int half = 0; half < 2; half++) {
        uint8_t *low = block + half * 64, *high = block + 128 + half * 32;
        const uint8_t *quant = quants + half * 128;
        for (int i = 0; i < 64; i++) low[i] = (uint8_t)((quant[i] & 15) | (quant[i + 64] & 15) << 4);
        for (int i = 0; i < 32; i++)
            high[i] = (uint8_t)(quant[i] >> 4 | quant[i + 32] >> 4 << 2 | quant[i + 64] >> 4 << 4
                                | quant[i + 96] >> 4 << 6);
    }
}

void encode_q6_k(const float *restrict values, int64_t count, uint8_t *restrict blocks) {
    uint8_t quants[256];
    for (; count > 0; count--, values += 256, blocks += 210) {
        float scales[16], extreme = 0;
        for (int group = 0; group < 16; group++) {
            scales[group] = fit_scale(values + group * 16, 16, -32, 31);
            if (fabsf(scales[group]) > fabsf(extreme)) extreme = scales[group];
        }
        /* The greatest scale becomes -128: the common one has the opposite sign. */
        const float scale = put_scale(blocks + 208, extreme / -128), inverse_scale = inverse_of(scale);
        for (int group = 0; group < 16; group++) {
            const int32_t own = quant_within(scales[group], inverse_scale, -128, 127);
            const float inverse = inverse_of(scale * (float)own);
            blocks[192 + group] = (uint8_t)own;
            for (int i = group * 16; i < group * 16 + 16; i++)
                quants[i] = (uint8_t)(quant_within(values[i], inverse, -32, 31) + 32);
        }
        put_q6_k_quants(blocks, quants);
    }
}

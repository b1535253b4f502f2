/* half.h: 16-bit floats, bit by bit, for code that may not use F16C. */
#ifndef TOKENMILL_HALF_H
#define TOKENMILL_HALF_H
#include <stdint.h>
#include <string.h>

static inline float bits_to_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline uint32_t float_to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, 4);
    return bits;
}

static inline float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, rest = half & 0x7fff;
    if (rest >= 0x7c00) return bits_to_float(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    if (rest >= 0x0400) return bits_to_float(sign | (rest << 13) + (112u << 23));
    float value = (float)rest * 0x1p-24f;
    return bits_to_float(sign | float_to_bits(value));
}

/* Rounds to nearest even; too large becomes infinity. */
static inline uint16_t float_to_half(float value) {
    uint32_t bits = float_to_bits(value), sign = bits >> 16 & 0x8000, rest = bits & 0x7fffffff;
    if (rest > 0x7f800000) return (uint16_t)(sign | 0x7e00);
    if (rest >= 0x477ff000) return (uint16_t)(sign | 0x7c00);
    if (rest < 0x38800000) {
        float scaled = bits_to_float(rest) + 0.5f; /* 2^-24 is the last bit of 0.5 */
        return (uint16_t)(sign | (float_to_bits(scaled) - float_to_bits(0.5f)));
    }
    rest += 0xfff + (rest >> 13 & 1);
    return (uint16_t)(sign | (rest - (112u << 23)) >> 13);
}

static inline float bfloat_to_float(uint16_t value) { return bits_to_float((uint32_t)value << 16); }

/* Rounds to nearest even; NaN stays NaN. */
static inline uint16_t float_to_bfloat(float value) {
    uint32_t bits = float_to_bits(value);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif

// conversions.h: f32 to and from the 16-bit float formats, one element, in integer arithmetic.
// Never relies on the machine's half-precision instructions, and gives the bits that those give.
#ifndef KERNELS_PORTABLE_CONVERSIONS_H
#define KERNELS_PORTABLE_CONVERSIONS_H

#include <stdint.h>
#include <string.h>

static inline uint32_t float_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float bits_float(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1f;
    uint32_t fraction = half & 0x3ff;
    if (exponent == 0x1f) {
        uint32_t quiet = fraction != 0 ? 0x400000 : 0;
        return bits_float(sign | 0x7f800000 | quiet | fraction << 13);
    }
    if (exponent == 0) {
        // fraction * 2^-24 is exact in f32.
        return bits_float(sign | float_bits((float)fraction * 0x1p-24f));
    }
    return bits_float(sign | (exponent + 112) << 23 | fraction << 13);
}

static inline uint16_t float_to_half(float x) {
    uint32_t bits = float_bits(x);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000);
    uint32_t magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) return sign | 0x7e00 | (uint16_t)(magnitude >> 13 & 0x3ff);
    // 65520 is halfway between the largest half and the next power of two.
    if (magnitude >= 0x477ff000) return sign | 0x7c00;
    if (magnitude < 0x38800000) {
        // Adding 0.5 leaves multiples of 2^-24, rounded to even, in the low bits.
        return sign | (uint16_t)(float_bits(bits_float(magnitude) + 0.5f) - 0x3f000000);
    }
    uint32_t odd = magnitude >> 13 & 1;
    return sign | (uint16_t)((magnitude - 0x38000000 + 0xfff + odd) >> 13);
}

static inline float bfloat_to_float(uint16_t x) { return bits_float((uint32_t)x << 16); }

static inline uint16_t float_to_bfloat(float x) {
    uint32_t bits = float_bits(x);
    if ((bits & 0x7fffffff) > 0x7f800000) return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

#endif

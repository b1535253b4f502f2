// exponential.h: exp and tanh as every table computes them, here for one float.
// Never calls the C library's own, whose bits differ between machines; only fmaf, which is exact.
// One idea: the constants and the order of operations are the contract; the SIMD twins repeat them.
#ifndef KERNELS_PORTABLE_EXPONENTIAL_H
#define KERNELS_PORTABLE_EXPONENTIAL_H

#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>

#define EXP_LOG2_E 0x1.715476p+0f
/* 2^23 + 2^22 + 127: adding it rounds to an integer whose biased form lands in the low bits. */
#define EXP_ROUNDER 0x1.8000fep+23f

/* 2^n; `rounded` is EXP_ROUNDER + n. */
static inline float power_of_two(float rounded) {
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    bits <<= 23;
    float power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* 2^x = 2^floor(x) 2^f, 0 <= f <= 1, 2^f = 1 + f c1 + ... + f^5 c5 (minimax in relative error, 8e-8).  Below
 * EXP2_LOWEST the result is 0, above EXP2_HIGHEST it stays that of EXP2_HIGHEST, so it is never denormal or infinite.
 * NaN stays NaN. */
#define EXP2_LOWEST -126.0f
#define EXP2_HIGHEST 127.0f
#define EXP2_C1 0x1.62e4bap-1f
#define EXP2_C2 0x1.ebdb56p-3f
#define EXP2_C3 0x1.c91ce6p-5f
#define EXP2_C4 0x1.277854p-7f
#define EXP2_C5 0x1.e974fcp-10f

static inline float portable_exp2(float x) {
    if (x != x) return x;
    if (x < EXP2_LOWEST) return 0.0f;
    float clamped = EXP2_HIGHEST < x ? EXP2_HIGHEST : x, whole = floorf(clamped), f = clamped - whole;
    float p = fmaf(EXP2_C5, f, EXP2_C4);
    p = fmaf(p, f, EXP2_C3);
    p = fmaf(p, f, EXP2_C2);
    p = fmaf(p, f, EXP2_C1);
    p = fmaf(p, f, 1.0f);
    return p * power_of_two(EXP_ROUNDER + whole);
}

/* Within 1e-7 |x| and roundings: where exponents are great, what is left of them is small. */
static inline float portable_exp(float x) { return portable_exp2(x * EXP_LOG2_E); }

/* exp(x * factor) = 2^(x * exp2_factor(factor)), which is finite if `factor` is: 0 times it is 0. */
static inline float exp2_factor(float factor) { return fminf(factor * EXP_LOG2_E, FLT_MAX); }

/* 255 * 2^f, 0 <= f < 1, for weights of which 8 bits are kept; exact at 0 (minimax in relative error, 8.6e-5).  Powers
 * are counted from POWER_REACH below the greatest and lesser ones count as that: so none is denormal, whatever scale it
 * meets, and all fractions are exact. */
#define POWER_REACH 100.0f
#define POWER_C0 (0x1p-100f * 255.0f)
#define POWER_C1 (0x1p-100f * 0x1.628274p+7f)
#define POWER_C2 (0x1p-100f * 0x1.d0653cp+5f)
#define POWER_C3 (0x1p-100f * 0x1.3a6f26p+4f)

/* 255 * 2^(x - POWER_REACH), x < POWER_REACH + 20.  NaN stays NaN. */
static inline float power_weight(float x) {
    if (x != x) return x;
    float y = x < 0.0f ? 0.0f : x, whole = floorf(y), f = y - whole;
    float p = fmaf(POWER_C3, f, POWER_C2);
    p = fmaf(p, f, POWER_C1);
    p = fmaf(p, f, POWER_C0);
    return p * power_of_two(EXP_ROUNDER + whole);
}

/* 2^(f - INVERSE_REACH), 0 <= f < 1 (minimax in relative error, 8e-8). */
#define INVERSE_REACH 64.0f
#define INVERSE_C0 (0x1p-64f * 0x1.fffffep-1f)
#define INVERSE_C1 (0x1p-64f * 0x1.62e4f6p-1f)
#define INVERSE_C2 (0x1p-64f * 0x1.ebd5a8p-3f)
#define INVERSE_C3 (0x1p-64f * 0x1.c95446p-5f)
#define INVERSE_C4 (0x1p-64f * 0x1.26900ep-7f)
#define INVERSE_C5 (0x1p-64f * 0x1.ec320cp-10f)

/* 2^-x, |x| <= 50.  NaN stays NaN. */
static inline float inverse_power(float x) {
    if (x != x) return x;
    float y = INVERSE_REACH - x, whole = floorf(y), f = y - whole;
    float p = fmaf(INVERSE_C5, f, INVERSE_C4);
    p = fmaf(p, f, INVERSE_C3);
    p = fmaf(p, f, INVERSE_C2);
    p = fmaf(p, f, INVERSE_C1);
    p = fmaf(p, f, INVERSE_C0);
    return p * power_of_two(EXP_ROUNDER + whole);
}

/* log2(x) of numbers that are normal and positive, within 5e-8 and a rounding; the same everywhere, having no fma. */
static inline float portable_log2(float x) {
    static const float coefficients[] = {
        -0x1.29d354p-7f, 0x1.a2e4cp-5f, -0x1.1660e4p-3f, 0x1.ec5c3ep-3f, -0x1.62dda4p-2f,
        0x1.e9f288p-2f, -0x1.71383ep-1f, 0x1.7153fap+0f, 0x1.6b701ap-25f,
    };
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    uint32_t mantissa = (bits & 0x7fffff) | 0x3f800000;
    float t, p = 0.0f;
    memcpy(&t, &mantissa, sizeof t);
    t -= 1.0f;
    for (size_t i = 0; i < sizeof coefficients / sizeof *coefficients; i++) p = p * t + coefficients[i];
    return p + (float)((int32_t)(bits >> 23) - 127);
}

/* tanh(x): below TANH_SMALL x + x^3 * q(x^2) (minimax in relative error, 4e-9), else
 * 1 - 2 / (exp(2 |x|) + 1) with the sign of x.  NaN stays NaN. */
#define TANH_SMALL 0.625f
#define TANH_Q0 -0x1.555534p-2f
#define TANH_Q1 0x1.110768p-3f
#define TANH_Q2 -0x1.b84448p-5f
#define TANH_Q3 0x1.5256d8p-6f
#define TANH_Q4 -0x1.76ac1ap-8f

static inline float portable_tanh(float x) {
    float magnitude = fabsf(x);
    if (magnitude < TANH_SMALL) {
        float z = x * x;
        float q = fmaf(TANH_Q4, z, TANH_Q3);
        q = fmaf(q, z, TANH_Q2);
        q = fmaf(q, z, TANH_Q1);
        q = fmaf(q, z, TANH_Q0);
        return fmaf(x * z, q, x);
    }
    return copysignf(1.0f - 2.0f / (portable_exp(magnitude + magnitude) + 1.0f), x);
}

/* gelu, tanh form: v / (1 + 2^(GELU_FACTOR * v * (1 + GELU_CUBIC * v^2))); the factor is
 * -2 sqrt(2 / pi) log2 e. */
#define GELU_FACTOR -0x1.26aec2p+1f
#define GELU_CUBIC 0.044715f

#endif

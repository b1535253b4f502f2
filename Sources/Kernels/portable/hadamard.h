/* hadamard.h: the Walsh-Hadamard transform of rows.h, a register of floats at a time; one text for every table, which
 * each compiles with its own instructions; one whose registers hold 16 floats and not 8 says so before, as
 * HADAMARD_WIDTH.
 * Every result is one sum or difference a stage, so that no width or order changes a bit. */
#ifndef KERNELS_HADAMARD_H
#define KERNELS_HADAMARD_H
#include "../include/rows.h"

#ifndef HADAMARD_WIDTH
#define HADAMARD_WIDTH 8
#endif
#define HADAMARD_INLINE static inline __attribute__((always_inline))

typedef float eight_floats __attribute__((vector_size(32), aligned(4)));

/* Partners are `apart`: of two, the first becomes their sum, and the other the difference.  Negated or not, x joins its
 * partner in one rounding. */
#define HADAMARD_SIGN(i, apart) ((i) & (apart) ? -1.0f : 1.0f)
#define HADAMARD_SIGNS_4(i, apart)                                                                                  \
    HADAMARD_SIGN(i, apart), HADAMARD_SIGN(i + 1, apart), HADAMARD_SIGN(i + 2, apart), HADAMARD_SIGN(i + 3, apart)
#define HADAMARD_SIGNS_8(apart) HADAMARD_SIGNS_4(0, apart), HADAMARD_SIGNS_4(4, apart)
#define HADAMARD_PARTNERS_4(i, apart) (i) ^ (apart), (i + 1) ^ (apart), (i + 2) ^ (apart), (i + 3) ^ (apart)
#define HADAMARD_PARTNERS_8(apart) HADAMARD_PARTNERS_4(0, apart), HADAMARD_PARTNERS_4(4, apart)

HADAMARD_INLINE void hadamard_eight(eight_floats *at) {
    eight_floats x = *at;
    x = x * (eight_floats){ HADAMARD_SIGNS_8(1) } + __builtin_shufflevector(x, x, HADAMARD_PARTNERS_8(1));
    x = x * (eight_floats){ HADAMARD_SIGNS_8(2) } + __builtin_shufflevector(x, x, HADAMARD_PARTNERS_8(2));
    *at = x * (eight_floats){ HADAMARD_SIGNS_8(4) } + __builtin_shufflevector(x, x, HADAMARD_PARTNERS_8(4));
}

#if HADAMARD_WIDTH == 16
typedef float hadamard_floats __attribute__((vector_size(64), aligned(4)));
#define HADAMARD_SIGNS(apart) HADAMARD_SIGNS_8(apart), HADAMARD_SIGNS_4(8, apart), HADAMARD_SIGNS_4(12, apart)
#define HADAMARD_PARTNERS(apart)                                                                                    \
    HADAMARD_PARTNERS_8(apart), HADAMARD_PARTNERS_4(8, apart), HADAMARD_PARTNERS_4(12, apart)

HADAMARD_INLINE void hadamard_within(hadamard_floats *at) {
    hadamard_floats x = *at;
#define STAGE(apart)                                                                                                \
    x = __builtin_elementwise_fma(x, (hadamard_floats){ HADAMARD_SIGNS(apart) },                                    \
                                  __builtin_shufflevector(x, x, HADAMARD_PARTNERS(apart)))
    STAGE(1);
    STAGE(2);
    STAGE(4);
    STAGE(8);
#undef STAGE
    *at = x;
}
#else
typedef eight_floats hadamard_floats;
HADAMARD_INLINE void hadamard_within(hadamard_floats *at) { hadamard_eight(at); }
#endif

enum { HADAMARD_REGISTER = sizeof(hadamard_floats) / sizeof(float) };

/* One stage of `count` registers, whose partners are `apart`. */
HADAMARD_INLINE void hadamard_across(hadamard_floats *at, const int count, const int apart) {
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
        if (i & apart) continue;
        hadamard_floats sum = at[i] + at[i + apart], difference = at[i] - at[i + apart];
        at[i] = sum;
        at[i + apart] = difference;
    }
}

/* All stages of 16 to 64 floats, or as many as are in a register, in registers. */
HADAMARD_INLINE void hadamard_registers(float *out, const float *x, const int size) {
    const int count = size / HADAMARD_REGISTER;
    hadamard_floats registers[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
        registers[i] = ((const hadamard_floats *)x)[i];
        hadamard_within(&registers[i]);
    }
#pragma clang loop unroll(full)
    for (int apart = 1; apart < count; apart *= 2) hadamard_across(registers, count, apart);
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) ((hadamard_floats *)out)[i] = registers[i];
}

HADAMARD_INLINE void hadamard_one(float *out, const float *x, int32_t size) {
    const int apart = 64 / HADAMARD_REGISTER;
    switch (size) {
    case 8: *(eight_floats *)out = *(const eight_floats *)x; return hadamard_eight((eight_floats *)out);
    case 16: return hadamard_registers(out, x, 16);
    case 32: return hadamard_registers(out, x, 32);
    case 64: return hadamard_registers(out, x, 64);
    case 128:
        for (int i = 0; i < 2; i++) hadamard_registers(out + i * 64, x + i * 64, 64);
        return hadamard_across((hadamard_floats *)out, 2 * apart, apart);
    default:
        for (int i = 0; i < 4; i++) hadamard_registers(out + i * 64, x + i * 64, 64);
        hadamard_across((hadamard_floats *)out, 4 * apart, apart);
        hadamard_across((hadamard_floats *)out, 4 * apart, 2 * apart);
    }
}

HADAMARD_INLINE void hadamard_rows(float *out, const float *x, int32_t count) {
    const int32_t size = hadamard_size(count);
    for (int32_t at = 0; at < count; at += size) hadamard_one(out + at, x + at, size);
}

#endif

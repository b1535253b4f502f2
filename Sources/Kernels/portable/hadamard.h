/* hadamard.h: the Walsh-Hadamard transform of rows.h, 8 floats at a time; one text for every table, of which each
 * compiles it with its own instructions.
 * Every result is one sum or difference a stage, so that no width or order changes a bit. */
#ifndef KERNELS_HADAMARD_H
#define KERNELS_HADAMARD_H
#include "../include/rows.h"

#define HADAMARD_INLINE static inline __attribute__((always_inline))

typedef float eight_floats __attribute__((vector_size(32), aligned(4)));

/* The three stages within 8 floats: of two neighbours, their sum and their difference. */
HADAMARD_INLINE void hadamard_within(eight_floats *at) {
    const eight_floats ones = { 1, -1, 1, -1, 1, -1, 1, -1 }, pairs = { 1, 1, -1, -1, 1, 1, -1, -1 };
    const eight_floats fours = { 1, 1, 1, 1, -1, -1, -1, -1 };
    eight_floats x = *at;
    x = __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6) + x * ones;
    x = __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5) + x * pairs;
    *at = __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3) + x * fours;
}

/* One stage of `count` vectors, whose partners are `apart`. */
HADAMARD_INLINE void hadamard_across(eight_floats *at, const int count, const int apart) {
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
        if (i & apart) continue;
        eight_floats sum = at[i] + at[i + apart], difference = at[i] - at[i + apart];
        at[i] = sum;
        at[i + apart] = difference;
    }
}

/* All stages of up to 64 floats, in registers. */
HADAMARD_INLINE void hadamard_registers(float *out, const float *x, const int size) {
    const int count = size / 8;
    eight_floats registers[8];
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) {
        registers[i] = ((const eight_floats *)x)[i];
        hadamard_within(&registers[i]);
    }
#pragma clang loop unroll(full)
    for (int apart = 1; apart < count; apart *= 2) hadamard_across(registers, count, apart);
#pragma clang loop unroll(full)
    for (int i = 0; i < count; i++) ((eight_floats *)out)[i] = registers[i];
}

HADAMARD_INLINE void hadamard_one(float *out, const float *x, int32_t size) {
    switch (size) {
    case 8: return hadamard_registers(out, x, 8);
    case 16: return hadamard_registers(out, x, 16);
    case 32: return hadamard_registers(out, x, 32);
    case 64: return hadamard_registers(out, x, 64);
    case 128:
        for (int i = 0; i < 2; i++) hadamard_registers(out + i * 64, x + i * 64, 64);
        return hadamard_across((eight_floats *)out, 16, 8);
    default:
        for (int i = 0; i < 4; i++) hadamard_registers(out + i * 64, x + i * 64, 64);
        hadamard_across((eight_floats *)out, 32, 8);
        hadamard_across((eight_floats *)out, 32, 16);
    }
}

HADAMARD_INLINE void hadamard_rows(float *out, const float *x, int32_t count) {
    const int32_t size = hadamard_size(count);
    for (int32_t at = 0; at < count; at += size) hadamard_one(out + at, x + at, size);
}

#endif

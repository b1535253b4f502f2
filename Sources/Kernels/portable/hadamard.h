/* hadamard.h: the Walsh-Hadamard transform of rows.h, 8 floats at a time; one text for every table, of which each
 * compiles it with its own instructions.
 * Every result is one sum or difference a stage, so that no width or order changes a bit. */
#ifndef KERNELS_HADAMARD_H
#define KERNELS_HADAMARD_H
#include "../include/rows.h"

typedef float eight_floats __attribute__((vector_size(32), aligned(4)));

/* The three stages within 8 floats: a neighbour's sum where it is the first of two, else the difference. */
static inline __attribute__((always_inline)) void hadamard_eight(eight_floats *at) {
    const eight_floats ones = { 1, -1, 1, -1, 1, -1, 1, -1 }, pairs = { 1, 1, -1, -1, 1, 1, -1, -1 };
    const eight_floats fours = { 1, 1, 1, 1, -1, -1, -1, -1 };
    eight_floats x = *at;
    x = __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6) + x * ones;
    x = __builtin_shufflevector(x, x, 2, 3, 0, 1, 6, 7, 4, 5) + x * pairs;
    *at = __builtin_shufflevector(x, x, 4, 5, 6, 7, 0, 1, 2, 3) + x * fours;
}

static inline __attribute__((always_inline)) void hadamard_rows(float *x, int32_t count) {
    const int32_t size = hadamard_size(count);
    for (float *end = x + count; x < end; x += size) {
        eight_floats *at = (eight_floats *)x;
        for (int32_t i = 0; i < size / 8; i++) hadamard_eight(at + i);
        for (int32_t apart = 1; apart < size / 8; apart *= 2) {
            for (int32_t i = 0; i < size / 8; i++) {
                if (i & apart) continue;
                eight_floats sum = at[i] + at[i + apart], difference = at[i] - at[i + apart];
                at[i] = sum;
                at[i + apart] = difference;
            }
        }
    }
}

#endif

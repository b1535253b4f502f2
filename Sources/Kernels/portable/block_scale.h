/* block_scale.h: the scale of a block of activations from its greatest magnitude, and what stands
 * beside its quants; shared by every table, so that all write the same bytes. */
#ifndef KERNELS_BLOCK_SCALE_H
#define KERNELS_BLOCK_SCALE_H
#include "activations.h"
#include <math.h>
#include <string.h>

struct block_scale {
    float scale;
    float inverse; /* 0: all quants are 0 */
};

/* magnitude_bits: the greatest of the bits of |x|, compared as integers, under which an infinity is
 * greater than every number and a NaN greater still.
 * steps: what the greatest |x| becomes. */
static inline struct block_scale block_scale(int32_t magnitude_bits, int32_t steps) {
    float maximum;
    memcpy(&maximum, &magnitude_bits, sizeof maximum);
    struct block_scale by = { 0, 0 };
    if (!isfinite(maximum)) {
        by.scale = NAN;
    } else if (maximum >= ACTIVATION_MAGNITUDE_LEAST) {
        by.scale = maximum / (float)steps;
        by.inverse = (float)steps / maximum;
    }
    return by;
}

/* The greatest of the bits of |x[0 ..< count]|. */
static inline int32_t greatest_magnitude(const float *x, int32_t count) {
    int32_t greatest = 0;
    for (int32_t i = 0; i < count; i++) {
        int32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bits &= 0x7fffffff;
        if (bits > greatest) greatest = bits;
    }
    return greatest;
}

static inline int8_t quant_of(float x, struct block_scale by) {
    if (!(by.inverse > 0)) return 0;
    return (int8_t)nearbyintf(x * by.inverse);
}

/* pairs: as pairs16 of activations.h.
 * products: the sum of q[c] * q[16 + c], which tables have in registers: made here from bytes just stored, a row of
 * 576 took AVX2 357 instead of 206 ns. */
static inline void write_block_facts(struct activation_block *block, int32_t slot, float scale,
                                     const int16_t pairs[2][2], int32_t products) {
    int32_t low = pairs[0][0] + pairs[0][1], high = pairs[1][0] + pairs[1][1];
    block->scales[slot] = scale;
    block->scaled32[slot] = scale * (float)(low + high);
    for (int32_t i = 0; i < 2; i++) {
        block->pairs32[slot][i] = (int16_t)(pairs[0][i] + pairs[1][i]);
        block->pairs16[0][slot][i] = pairs[0][i];
        block->pairs16[1][slot][i] = pairs[1][i];
    }
    block->scaled16[0][slot] = scale * (float)low;
    block->scaled16[1][slot] = scale * (float)high;
    block->crossed[slot] = products - CROSSED_MIDDLE * low + ACTIVATION_QUANT_MAX * high;
}

#endif

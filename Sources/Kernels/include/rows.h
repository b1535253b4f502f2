// rows.h: what is done to one row between the matrix products: norms, rope, gates, conversions.
// Never allocates, never looks at more than the one row it is given, and is thread-agnostic.
// One idea: the portable table is the definition. Sums run over 16 lanes (element i belongs to lane
// i % 16, lanes are combined as a fixed tree), so every table gives the same bits for the same row.
#ifndef KERNELS_ROWS_H
#define KERNELS_ROWS_H

#include <stdint.h>

#pragma clang assume_nonnull begin

#ifdef __cplusplus
extern "C" {
#endif

enum {
    HADAMARD_MAX = 256,  /* floats of a row whose transform is asked for */
    BYTE_QUANT_MAX = 127 /* what the greatest value becomes in 8 bits */
};

/* The greatest power of two that divides count. */
static inline int32_t hadamard_size(int32_t count) { return count & -count; }

/* No pointer needs more than its element's natural alignment; every length may have any value >= 0.
 * `out` may be the same pointer as an input unless said otherwise; no partial overlap. */
struct row_kernels {
    /* out[i] = x[i] / sqrt(mean(x^2) + epsilon) * weight[i].  [width], width >= 1.
     * `weight` holds any "+ 1" of the family already; null means all ones. */
    void (*rmsnorm_f32)(
        float *out, const float *x, const float *_Nullable weight, int32_t width, float epsilon);

    /* rmsnorm_f32 of each of `heads` consecutive heads.  out, x: [heads, head_size]; weight:
     * [head_size]. */
    void (*rmsnorm_heads_f32)(
        float *out, const float *x, const float *_Nullable weight, int32_t heads, int32_t head_size,
        float epsilon);

    /* residual[i] += x[i], then out = rmsnorm_f32(residual): the bits of the two steps.
     * `out` may be `x` but not `residual`. */
    void (*add_rmsnorm_f32)(
        float *out, float *residual, const float *x, const float *_Nullable weight, int32_t width,
        float epsilon);

    /* out[i] = (x[i] - mean) / sqrt(variance + epsilon) * weight[i] + bias[i]; variance over
     * `width`.
     * Null weight: ones; null bias: zeros. */
    void (*layernorm_f32)(
        float *out, const float *x, const float *_Nullable weight, const float *_Nullable bias,
        int32_t width, float epsilon);

    /* Rotates in place the first `rotary` elements of each head of x [heads, head_size].
     * cosines, sines: [rotary / 2] of this row's position, any attention factor multiplied in.
     * rotary is even and <= head_size.  Pairs: (i, i + rotary / 2). */
    void (*rope_halves_f32)(
        float *x, const float *cosines, const float *sines, int32_t heads, int32_t head_size,
        int32_t rotary);

    /* The same with pairs (2i, 2i + 1). */
    void (*rope_interleaved_f32)(
        float *x, const float *cosines, const float *sines, int32_t heads, int32_t head_size,
        int32_t rotary);

    /* out[i] = silu(gate[i]) * up[i], silu(v) = v / (1 + exp(-v)). */
    void (*silu_multiply_f32)(float *out, const float *gate, const float *up, int32_t count);

    /* out[i] = gelu(gate[i]) * up[i], the tanh form:
     * gelu(v) = v / 2 * (1 + tanh(sqrt(2 / pi) * (v + 0.044715 v^3))). */
    void (*gelu_tanh_multiply_f32)(float *out, const float *gate, const float *up, int32_t count);

    /* residual[i] += x[i]. */
    void (*add_f32)(float *residual, const float *x, int32_t count);

    /* residual[i] = fma(x[i], factor, residual[i]): Granite's residual multiplier, weighted
     * experts. */
    void (*add_scaled_f32)(float *residual, const float *x, float factor, int32_t count);

    /* x[i] *= factor. */
    void (*scale_f32)(float *x, float factor, int32_t count);

    /* x[i] = cap * tanh(x[i] / cap), cap > 0. */
    void (*soft_cap_f32)(float *x, float cap, int32_t count);

    /* Conversions; narrowing rounds to nearest, ties to even, overflow becomes infinity, NaN stays
     * NaN
     * (quiet).  The narrow side is raw bits. */
    void (*f32_to_f16)(uint16_t *out, const float *x, int32_t count);
    void (*f16_to_f32)(float *out, const uint16_t *x, int32_t count);
    void (*f32_to_bf16)(uint16_t *out, const float *x, int32_t count);
    void (*bf16_to_f32)(float *out, const uint16_t *x, int32_t count);

    /* out[i] = x[i] / scale, rounded to nearest even, and returns scale = max |x| / BYTE_QUANT_MAX; zeros and
     * numbers that are none as in activations.h.  count: a multiple of 8. */
    float (*f32_to_i8)(int8_t *out, const float *x, int32_t count);

    /* The Walsh-Hadamard transform of each hadamard_size(count) floats: of n floats, sums under all n
     * patterns of signs, so that a product of two rows becomes n times what it was, and no float stands out.
     * count: a multiple of 8, HADAMARD_MAX at most. */
    void (*hadamard_f32)(float *out, const float *x, int32_t count);
};

extern const struct row_kernels row_kernels_portable;
#if defined(__x86_64__)
/* AVX2 + FMA + F16C. */
extern const struct row_kernels row_kernels_x86_avx2;
/* AVX-512 F, BW, DQ, VL. */
extern const struct row_kernels row_kernels_x86_avx512;
#endif

#ifdef __cplusplus
}
#endif

#pragma clang assume_nonnull end
#endif

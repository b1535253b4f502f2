// rows_avx512.c: the row kernels with 16 floats at a time; the bits of portable/rows.c.
// One idea: each operation is written once, under a mask that the main loop's constant removes.
#if defined(__x86_64__)

#include "../include/rows.h"

#include <immintrin.h>
#include <stddef.h>
#include <string.h>

#include "../portable/block_scale.h"
#include "../portable/conversions.h"
#include "vectors.h"

#pragma clang attribute push(__attribute__((target(AVX512_TARGET))), apply_to = function)

#define HADAMARD_WIDTH 16
#include "../portable/hadamard.h"

#define INLINED static inline __attribute__((always_inline))

static float sum(const float *x, int32_t count) {
    __m512 lanes = _mm512_setzero_ps();
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) lanes = _mm512_add_ps(lanes, _mm512_loadu_ps(x + i));
    if (i < count)
        lanes = _mm512_add_ps(lanes, _mm512_maskz_loadu_ps(first_lanes(count - i), x + i));
    return sum_16(lanes);
}

static float sum_of_squares(const float *x, float mean, int32_t count) {
    __m512 lanes = _mm512_setzero_ps(), means = _mm512_set1_ps(mean);
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512 centered = _mm512_sub_ps(_mm512_loadu_ps(x + i), means);
        lanes = _mm512_fmadd_ps(centered, centered, lanes);
    }
    if (i < count) {
        __mmask16 mask = first_lanes(count - i);
        __m512 centered = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), means);
        lanes = _mm512_mask3_fmadd_ps(centered, centered, lanes, mask);
    }
    return sum_16(lanes);
}

INLINED void normalize(
    float *out, const float *x, const float *weight, __m512 factor, __mmask16 mask) {
    __m512 normalized = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x), factor);
    if (weight != NULL)
        normalized = _mm512_mul_ps(normalized, _mm512_maskz_loadu_ps(mask, weight));
    _mm512_mask_storeu_ps(out, mask, normalized);
}

static void rmsnorm_f32(
    float *out, const float *x, const float *weight, int32_t width, float epsilon) {
    float mean = sum_of_squares(x, 0.0f, width) / (float)width;
    __m512 factor = _mm512_set1_ps(1.0f / __builtin_sqrtf(mean + epsilon));
    int32_t i = 0;
    for (; i + 16 <= width; i += 16)
        normalize(out + i, x + i, weight != NULL ? weight + i : NULL, factor, all_lanes);
    if (i < width)
        normalize(
            out + i, x + i, weight != NULL ? weight + i : NULL, factor, first_lanes(width - i));
}

static void rmsnorm_heads_f32(
    float *out, const float *x, const float *weight, int32_t heads, int32_t head_size,
    float epsilon) {
    for (ptrdiff_t head = 0; head < heads; head++)
        rmsnorm_f32(out + head * head_size, x + head * head_size, weight, head_size, epsilon);
}

INLINED void add(float *residual, const float *x, __mmask16 mask) {
    __m512 sums = _mm512_maskz_loadu_ps(mask, residual);
    _mm512_mask_storeu_ps(residual, mask, _mm512_add_ps(sums, _mm512_maskz_loadu_ps(mask, x)));
}

static void add_f32(float *residual, const float *x, int32_t count) {
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) add(residual + i, x + i, all_lanes);
    if (i < count) add(residual + i, x + i, first_lanes(count - i));
}

static void add_rmsnorm_f32(
    float *out, float *residual, const float *x, const float *weight, int32_t width,
    float epsilon) {
    add_f32(residual, x, width);
    rmsnorm_f32(out, residual, weight, width, epsilon);
}

static void layernorm_f32(
    float *out, const float *x, const float *weight, const float *bias, int32_t width,
    float epsilon) {
    float mean = sum(x, width) / (float)width;
    float variance = sum_of_squares(x, mean, width) / (float)width;
    __m512 means = _mm512_set1_ps(mean);
    __m512 factor = _mm512_set1_ps(1.0f / __builtin_sqrtf(variance + epsilon));
    for (int32_t i = 0; i < width; i += 16) {
        __mmask16 mask = first_lanes(width - i);
        __m512 normalized = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, x + i), means);
        normalized = _mm512_mul_ps(normalized, factor);
        __m512 weights = _mm512_set1_ps(1.0f), biases = _mm512_setzero_ps();
        if (weight != NULL) weights = _mm512_maskz_loadu_ps(mask, weight + i);
        if (bias != NULL) biases = _mm512_maskz_loadu_ps(mask, bias + i);
        _mm512_mask_storeu_ps(out + i, mask, _mm512_fmadd_ps(normalized, weights, biases));
    }
}

INLINED void rotate_halves(
    float *first, float *second, const float *cosines, const float *sines, __mmask16 mask) {
    __m512 a = _mm512_maskz_loadu_ps(mask, first), b = _mm512_maskz_loadu_ps(mask, second);
    __m512 c = _mm512_maskz_loadu_ps(mask, cosines), s = _mm512_maskz_loadu_ps(mask, sines);
    _mm512_mask_storeu_ps(first, mask, _mm512_fmsub_ps(a, c, _mm512_mul_ps(b, s)));
    _mm512_mask_storeu_ps(second, mask, _mm512_fmadd_ps(b, c, _mm512_mul_ps(a, s)));
}

static void rope_halves_f32(
    float *x, const float *cosines, const float *sines, int32_t heads, int32_t head_size,
    int32_t rotary) {
    int32_t half = rotary / 2;
    for (ptrdiff_t head = 0; head < heads; head++) {
        float *row = x + head * head_size;
        int32_t i = 0;
        for (; i + 16 <= half; i += 16)
            rotate_halves(row + i, row + half + i, cosines + i, sines + i, all_lanes);
        if (i < half)
            rotate_halves(
                row + i, row + half + i, cosines + i, sines + i, first_lanes(half - i));
    }
}

/* 8 pairs, of which `count` exist. */
INLINED void rotate_pairs(float *x, const float *cosines, const float *sines, int32_t count) {
    const __m512i twice = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
    __mmask16 mask = first_lanes(2 * count), narrow = first_lanes(count);
    __m512 pairs = _mm512_maskz_loadu_ps(mask, x);
    __m512 c = _mm512_permutexvar_ps(twice, _mm512_maskz_loadu_ps(narrow, cosines));
    __m512 s = _mm512_permutexvar_ps(twice, _mm512_maskz_loadu_ps(narrow, sines));
    __m512 swapped = _mm512_permute_ps(pairs, _MM_SHUFFLE(2, 3, 0, 1));
    __m512 rotated = _mm512_fmaddsub_ps(pairs, c, _mm512_mul_ps(swapped, s));
    _mm512_mask_storeu_ps(x, mask, rotated);
}

static void rope_interleaved_f32(
    float *x, const float *cosines, const float *sines, int32_t heads, int32_t head_size,
    int32_t rotary) {
    for (ptrdiff_t head = 0; head < heads; head++) {
        float *row = x + head * head_size;
        int32_t i = 0;
        for (; i + 8 <= rotary / 2; i += 8) rotate_pairs(row + 2 * i, cosines + i, sines + i, 8);
        if (i < rotary / 2)
            rotate_pairs(row + 2 * i, cosines + i, sines + i, rotary / 2 - i);
    }
}

INLINED __m512 silu(__m512 v) {
    __m512 power = exp2_16(_mm512_mul_ps(v, _mm512_set1_ps(-EXP_LOG2_E)));
    return _mm512_div_ps(v, _mm512_add_ps(_mm512_set1_ps(1.0f), power));
}

INLINED __m512 gelu_tanh(__m512 v) {
    const __m512 one = _mm512_set1_ps(1.0f);
    __m512 square = _mm512_mul_ps(v, v);
    __m512 inner = _mm512_fmadd_ps(square, _mm512_set1_ps(GELU_CUBIC), one);
    inner = _mm512_mul_ps(_mm512_mul_ps(v, inner), _mm512_set1_ps(GELU_FACTOR));
    return _mm512_div_ps(v, _mm512_add_ps(one, exp2_16(inner)));
}

INLINED void silu_multiply(float *out, const float *gate, const float *up, __mmask16 mask) {
    __m512 gated = silu(_mm512_maskz_loadu_ps(mask, gate));
    _mm512_mask_storeu_ps(out, mask, _mm512_mul_ps(gated, _mm512_maskz_loadu_ps(mask, up)));
}

INLINED void gelu_tanh_multiply(float *out, const float *gate, const float *up, __mmask16 mask) {
    __m512 gated = gelu_tanh(_mm512_maskz_loadu_ps(mask, gate));
    _mm512_mask_storeu_ps(out, mask, _mm512_mul_ps(gated, _mm512_maskz_loadu_ps(mask, up)));
}

static void silu_multiply_f32(float *out, const float *gate, const float *up, int32_t count) {
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) silu_multiply(out + i, gate + i, up + i, all_lanes);
    if (i < count) silu_multiply(out + i, gate + i, up + i, first_lanes(count - i));
}

static void gelu_tanh_multiply_f32(float *out, const float *gate, const float *up, int32_t count) {
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) gelu_tanh_multiply(out + i, gate + i, up + i, all_lanes);
    if (i < count) gelu_tanh_multiply(out + i, gate + i, up + i, first_lanes(count - i));
}

INLINED void add_scaled(float *residual, const float *x, __m512 factor, __mmask16 mask) {
    __m512 sums = _mm512_maskz_loadu_ps(mask, residual);
    sums = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, x), factor, sums);
    _mm512_mask_storeu_ps(residual, mask, sums);
}

static void add_scaled_f32(float *residual, const float *x, float factor, int32_t count) {
    __m512 factors = _mm512_set1_ps(factor);
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) add_scaled(residual + i, x + i, factors, all_lanes);
    if (i < count) add_scaled(residual + i, x + i, factors, first_lanes(count - i));
}

static void scale_f32(float *x, float factor, int32_t count) {
    __m512 factors = _mm512_set1_ps(factor);
    for (int32_t i = 0; i < count; i += 16) {
        __mmask16 mask = first_lanes(count - i);
        __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, x + i), factors);
        _mm512_mask_storeu_ps(x + i, mask, scaled);
    }
}

static void soft_cap_f32(float *x, float cap, int32_t count) {
    __m512 caps = _mm512_set1_ps(cap);
    for (int32_t i = 0; i < count; i += 16) {
        __mmask16 mask = first_lanes(count - i);
        __m512 ratio = _mm512_div_ps(_mm512_maskz_loadu_ps(mask, x + i), caps);
        _mm512_mask_storeu_ps(x + i, mask, _mm512_mul_ps(caps, tanh_16(ratio)));
    }
}

static void f32_to_f16(uint16_t *out, const float *x, int32_t count) {
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i halves = _mm512_cvtps_ph(_mm512_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
        _mm256_storeu_si256((__m256i *)(out + i), halves);
    }
    for (; i < count; i++) out[i] = float_to_half(x[i]);
}

static void f16_to_f32(float *out, const uint16_t *x, int32_t count) {
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m256i halves = _mm256_loadu_si256((const __m256i *)(x + i));
        _mm512_storeu_ps(out + i, _mm512_cvtph_ps(halves));
    }
    for (; i < count; i++) out[i] = half_to_float(x[i]);
}

static void f32_to_bf16(uint16_t *out, const float *x, int32_t count) {
    const __m512i half = _mm512_set1_epi32(0x7fff), one = _mm512_set1_epi32(1);
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512 values = _mm512_loadu_ps(x + i);
        __m512i bits = _mm512_castps_si512(values);
        __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), one);
        __m512i rounded = _mm512_add_epi32(bits, _mm512_add_epi32(half, odd));
        __mmask16 is_nan = _mm512_cmp_ps_mask(values, values, _CMP_UNORD_Q);
        rounded = _mm512_mask_or_epi32(rounded, is_nan, bits, _mm512_set1_epi32(0x400000));
        __m256i narrow = _mm512_cvtepi32_epi16(_mm512_srli_epi32(rounded, 16));
        _mm256_storeu_si256((__m256i *)(out + i), narrow);
    }
    for (; i < count; i++) out[i] = float_to_bfloat(x[i]);
}

static void bf16_to_f32(float *out, const uint16_t *x, int32_t count) {
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        __m512i wide = _mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)(x + i)));
        _mm512_storeu_ps(out + i, _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16)));
    }
    for (; i < count; i++) out[i] = bfloat_to_float(x[i]);
}

/* greatest_magnitude of a multiple of 8. */
static int32_t greatest_of(const float *x, int32_t count) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    __m512i greatest = _mm512_setzero_si512();
    for (int32_t i = 0; i < count; i += 16) {
        __m512 values = i + 16 <= count ? _mm512_loadu_ps(x + i) : _mm512_maskz_loadu_ps(0xff, x + i);
        greatest = _mm512_max_epi32(greatest, _mm512_and_si512(_mm512_castps_si512(values), magnitude));
    }
    return _mm512_reduce_max_epi32(greatest);
}

/* quant_of for 16 values and an inverse above 0: no product passes the greatest by as much as rounds up. */
INLINED __m512i quants_of(const float *x, __m512 inverse) {
    return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_loadu_ps(x), inverse));
}

static float f32_to_i8(int8_t *out, const float *x, int32_t count) {
    struct block_scale by = block_scale(greatest_of(x, count), BYTE_QUANT_MAX);
    if (!(by.inverse > 0)) {
        memset(out, 0, (size_t)count);
        return by.scale;
    }
    const __m512 inverse = _mm512_set1_ps(by.inverse);
    int32_t i = 0;
    for (; i + 64 <= count; i += 64)
        _mm512_storeu_si512(out + i, narrow(quants_of(x + i, inverse), quants_of(x + i + 16, inverse),
                                            quants_of(x + i + 32, inverse), quants_of(x + i + 48, inverse)));
    for (; i + 16 <= count; i += 16)
        _mm_storeu_si128((__m128i *)(out + i), _mm512_cvtepi32_epi8(quants_of(x + i, inverse)));
    if (i < count) {
        __m512 eight = _mm512_mul_ps(_mm512_maskz_loadu_ps(0xff, x + i), inverse);
        _mm_storel_epi64((__m128i *)(out + i), _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(eight)));
    }
    return by.scale;
}

static void hadamard_f32(float *out, const float *x, int32_t count) { hadamard_rows(out, x, count); }

#pragma clang attribute pop

const struct row_kernels row_kernels_x86_avx512 = {
    .rmsnorm_f32 = rmsnorm_f32,
    .rmsnorm_heads_f32 = rmsnorm_heads_f32,
    .add_rmsnorm_f32 = add_rmsnorm_f32,
    .layernorm_f32 = layernorm_f32,
    .rope_halves_f32 = rope_halves_f32,
    .rope_interleaved_f32 = rope_interleaved_f32,
    .silu_multiply_f32 = silu_multiply_f32,
    .gelu_tanh_multiply_f32 = gelu_tanh_multiply_f32,
    .add_f32 = add_f32,
    .add_scaled_f32 = add_scaled_f32,
    .scale_f32 = scale_f32,
    .soft_cap_f32 = soft_cap_f32,
    .f32_to_f16 = f32_to_f16,
    .f16_to_f32 = f16_to_f32,
    .f32_to_bf16 = f32_to_bf16,
    .bf16_to_f32 = bf16_to_f32,
    .f32_to_i8 = f32_to_i8,
    .hadamard_f32 = hadamard_f32,
};

#endif

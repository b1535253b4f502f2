// rows_avx2.c: the row kernels with 8 floats at a time; the bits of portable/rows.c.
// A row's sums keep lanes 0 ... 7 in one register and 8 ... 15 in another.
#if defined(__x86_64__)

#include "../include/rows.h"

#include <immintrin.h>
#include <stddef.h>

#include "../portable/block_scale.h"
#include "../portable/conversions.h"
#include "../portable/hadamard.h"
#include "vectors.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

static __m256 load_first(const float *x, __m256i mask) { return _mm256_maskload_ps(x, mask); }

static float sum(const float *x, int32_t count) {
    __m256 low = _mm256_setzero_ps(), high = low;
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        low = _mm256_add_ps(low, _mm256_loadu_ps(x + i));
        high = _mm256_add_ps(high, _mm256_loadu_ps(x + i + 8));
    }
    if (count - i >= 8) {
        low = _mm256_add_ps(low, _mm256_loadu_ps(x + i));
        high = _mm256_add_ps(high, load_first(x + i + 8, first_lanes(count - i - 8)));
    } else if (i < count) {
        low = _mm256_add_ps(low, load_first(x + i, first_lanes(count - i)));
    }
    return sum_16(low, high);
}

static __m256 add_square(__m256 total, __m256 x, __m256 mean) {
    __m256 centered = _mm256_sub_ps(x, mean);
    return _mm256_fmadd_ps(centered, centered, total);
}

static __m256 add_first_squares(__m256 total, const float *x, __m256 mean, int32_t count) {
    __m256i mask = first_lanes(count);
    __m256 centered = _mm256_sub_ps(load_first(x, mask), mean);
    centered = _mm256_and_ps(centered, _mm256_castsi256_ps(mask));
    return _mm256_fmadd_ps(centered, centered, total);
}

static float sum_of_squares(const float *x, float mean, int32_t count) {
    __m256 low = _mm256_setzero_ps(), high = low, means = _mm256_set1_ps(mean);
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        low = add_square(low, _mm256_loadu_ps(x + i), means);
        high = add_square(high, _mm256_loadu_ps(x + i + 8), means);
    }
    if (count - i >= 8) {
        low = add_square(low, _mm256_loadu_ps(x + i), means);
        high = add_first_squares(high, x + i + 8, means, count - i - 8);
    } else if (i < count) {
        low = add_first_squares(low, x + i, means, count - i);
    }
    return sum_16(low, high);
}

static void rmsnorm_f32(
    float *out, const float *x, const float *weight, int32_t width, float epsilon) {
    float mean = sum_of_squares(x, 0.0f, width) / (float)width;
    __m256 factor = _mm256_set1_ps(1.0f / __builtin_sqrtf(mean + epsilon));
    int32_t i = 0;
    for (; i + 8 <= width; i += 8) {
        __m256 normalized = _mm256_mul_ps(_mm256_loadu_ps(x + i), factor);
        if (weight != NULL) normalized = _mm256_mul_ps(normalized, _mm256_loadu_ps(weight + i));
        _mm256_storeu_ps(out + i, normalized);
    }
    if (i == width) return;
    __m256i mask = first_lanes(width - i);
    __m256 normalized = _mm256_mul_ps(load_first(x + i, mask), factor);
    if (weight != NULL) normalized = _mm256_mul_ps(normalized, load_first(weight + i, mask));
    _mm256_maskstore_ps(out + i, mask, normalized);
}

static void rmsnorm_heads_f32(
    float *out, const float *x, const float *weight, int32_t heads, int32_t head_size,
    float epsilon) {
    for (ptrdiff_t head = 0; head < heads; head++)
        rmsnorm_f32(out + head * head_size, x + head * head_size, weight, head_size, epsilon);
}

static void add_f32(float *residual, const float *x, int32_t count) {
    int32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 sums = _mm256_add_ps(_mm256_loadu_ps(residual + i), _mm256_loadu_ps(x + i));
        _mm256_storeu_ps(residual + i, sums);
    }
    for (; i < count; i++) residual[i] += x[i];
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
    __m256 means = _mm256_set1_ps(mean);
    __m256 factor = _mm256_set1_ps(1.0f / __builtin_sqrtf(variance + epsilon));
    for (int32_t i = 0; i < width; i += 8) {
        __m256i mask = first_lanes(width - i < 8 ? width - i : 8);
        __m256 normalized = _mm256_sub_ps(load_first(x + i, mask), means);
        normalized = _mm256_mul_ps(normalized, factor);
        __m256 weights = weight != NULL ? load_first(weight + i, mask) : _mm256_set1_ps(1.0f);
        __m256 biases = bias != NULL ? load_first(bias + i, mask) : _mm256_setzero_ps();
        __m256 result = _mm256_fmadd_ps(normalized, weights, biases);
        if (width - i >= 8) _mm256_storeu_ps(out + i, result);
        else _mm256_maskstore_ps(out + i, mask, result);
    }
}

static void rotate(float *first, float *second, float cosine, float sine) {
    float a = *first, b = *second;
    *first = __builtin_fmaf(a, cosine, -(b * sine));
    *second = __builtin_fmaf(b, cosine, a * sine);
}

static void rope_halves_f32(
    float *x, const float *cosines, const float *sines, int32_t heads, int32_t head_size,
    int32_t rotary) {
    int32_t half = rotary / 2;
    for (ptrdiff_t head = 0; head < heads; head++) {
        float *row = x + head * head_size;
        int32_t i = 0;
        for (; i + 8 <= half; i += 8) {
            __m256 a = _mm256_loadu_ps(row + i), b = _mm256_loadu_ps(row + half + i);
            __m256 c = _mm256_loadu_ps(cosines + i), s = _mm256_loadu_ps(sines + i);
            _mm256_storeu_ps(row + i, _mm256_fmsub_ps(a, c, _mm256_mul_ps(b, s)));
            _mm256_storeu_ps(row + half + i, _mm256_fmadd_ps(b, c, _mm256_mul_ps(a, s)));
        }
        for (; i < half; i++) rotate(&row[i], &row[i + half], cosines[i], sines[i]);
    }
}

static __m256 each_twice(const float *x) {
    const __m256i pairs = _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3);
    return _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_loadu_ps(x)), pairs);
}

static void rope_interleaved_f32(
    float *x, const float *cosines, const float *sines, int32_t heads, int32_t head_size,
    int32_t rotary) {
    for (ptrdiff_t head = 0; head < heads; head++) {
        float *row = x + head * head_size;
        int32_t i = 0;
        for (; i + 4 <= rotary / 2; i += 4) {
            __m256 pairs = _mm256_loadu_ps(row + 2 * i);
            __m256 swapped = _mm256_permute_ps(pairs, _MM_SHUFFLE(2, 3, 0, 1));
            __m256 turned = _mm256_mul_ps(swapped, each_twice(sines + i));
            __m256 rotated = _mm256_fmaddsub_ps(pairs, each_twice(cosines + i), turned);
            _mm256_storeu_ps(row + 2 * i, rotated);
        }
        for (; i < rotary / 2; i++)
            rotate(&row[2 * i], &row[2 * i + 1], cosines[i], sines[i]);
    }
}

static __m256 silu(__m256 v) {
    __m256 power = exp2_8(_mm256_mul_ps(v, _mm256_set1_ps(-EXP_LOG2_E)));
    return _mm256_div_ps(v, _mm256_add_ps(_mm256_set1_ps(1.0f), power));
}

static __m256 gelu_tanh(__m256 v) {
    const __m256 one = _mm256_set1_ps(1.0f);
    __m256 square = _mm256_mul_ps(v, v);
    __m256 inner = _mm256_fmadd_ps(square, _mm256_set1_ps(GELU_CUBIC), one);
    inner = _mm256_mul_ps(_mm256_mul_ps(v, inner), _mm256_set1_ps(GELU_FACTOR));
    return _mm256_div_ps(v, _mm256_add_ps(one, exp2_8(inner)));
}

static void silu_multiply_f32(float *out, const float *gate, const float *up, int32_t count) {
    int32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 gated = silu(_mm256_loadu_ps(gate + i));
        _mm256_storeu_ps(out + i, _mm256_mul_ps(gated, _mm256_loadu_ps(up + i)));
    }
    if (i == count) return;
    __m256i mask = first_lanes(count - i);
    __m256 gated = silu(load_first(gate + i, mask));
    _mm256_maskstore_ps(out + i, mask, _mm256_mul_ps(gated, load_first(up + i, mask)));
}

static void gelu_tanh_multiply_f32(float *out, const float *gate, const float *up, int32_t count) {
    int32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 gated = gelu_tanh(_mm256_loadu_ps(gate + i));
        _mm256_storeu_ps(out + i, _mm256_mul_ps(gated, _mm256_loadu_ps(up + i)));
    }
    if (i == count) return;
    __m256i mask = first_lanes(count - i);
    __m256 gated = gelu_tanh(load_first(gate + i, mask));
    _mm256_maskstore_ps(out + i, mask, _mm256_mul_ps(gated, load_first(up + i, mask)));
}

static void add_scaled_f32(float *residual, const float *x, float factor, int32_t count) {
    __m256 factors = _mm256_set1_ps(factor);
    int32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 sums = _mm256_loadu_ps(residual + i);
        sums = _mm256_fmadd_ps(_mm256_loadu_ps(x + i), factors, sums);
        _mm256_storeu_ps(residual + i, sums);
    }
    for (; i < count; i++) residual[i] = __builtin_fmaf(x[i], factor, residual[i]);
}

static void scale_f32(float *x, float factor, int32_t count) {
    __m256 factors = _mm256_set1_ps(factor);
    int32_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), factors));
    for (; i < count; i++) x[i] *= factor;
}

static void soft_cap_f32(float *x, float cap, int32_t count) {
    __m256 caps = _mm256_set1_ps(cap);
    int32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 ratio = _mm256_div_ps(_mm256_loadu_ps(x + i), caps);
        _mm256_storeu_ps(x + i, _mm256_mul_ps(caps, tanh_8(ratio)));
    }
    if (i == count) return;
    __m256i mask = first_lanes(count - i);
    __m256 ratio = _mm256_div_ps(load_first(x + i, mask), caps);
    _mm256_maskstore_ps(x + i, mask, _mm256_mul_ps(caps, tanh_8(ratio)));
}

static void f32_to_f16(uint16_t *out, const float *x, int32_t count) {
    int32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT);
        _mm_storeu_si128((__m128i *)(out + i), halves);
    }
    for (; i < count; i++) out[i] = float_to_half(x[i]);
}

static void f16_to_f32(float *out, const uint16_t *x, int32_t count) {
    int32_t i = 0;
    for (; i + 8 <= count; i += 8)
        _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
    for (; i < count; i++) out[i] = half_to_float(x[i]);
}

static void f32_to_bf16(uint16_t *out, const float *x, int32_t count) {
    const __m256i half = _mm256_set1_epi32(0x7fff), one = _mm256_set1_epi32(1);
    int32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256 values = _mm256_loadu_ps(x + i);
        __m256i bits = _mm256_castps_si256(values);
        __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), one);
        __m256i rounded = _mm256_add_epi32(bits, _mm256_add_epi32(half, odd));
        __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
        __m256 is_nan = _mm256_cmp_ps(values, values, _CMP_UNORD_Q);
        rounded = _mm256_blendv_epi8(rounded, quiet, _mm256_castps_si256(is_nan));
        rounded = _mm256_srli_epi32(rounded, 16);
        __m128i narrow = _mm_packus_epi32(
            _mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
        _mm_storeu_si128((__m128i *)(out + i), narrow);
    }
    for (; i < count; i++) out[i] = float_to_bfloat(x[i]);
}

static void bf16_to_f32(float *out, const uint16_t *x, int32_t count) {
    int32_t i = 0;
    for (; i + 8 <= count; i += 8) {
        __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)(x + i)));
        _mm256_storeu_ps(out + i, _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16)));
    }
    for (; i < count; i++) out[i] = bfloat_to_float(x[i]);
}

/* greatest_magnitude of a multiple of 8. */
static int32_t greatest_of(const float *x, int32_t count) {
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    __m256i greatest = _mm256_setzero_si256();
    for (int32_t i = 0; i < count; i += 8) {
        __m256i bits = _mm256_loadu_si256((const __m256i *)(x + i));
        greatest = _mm256_max_epi32(greatest, _mm256_and_si256(bits, magnitude));
    }
    return greatest_8(greatest);
}

static float f32_to_i8(int8_t *out, const float *x, int32_t count) {
    struct block_scale by = block_scale(greatest_of(x, count), BYTE_QUANT_MAX);
    for (int32_t i = 0; i < count; i += 8) {
        __m256i q = quants_8(_mm256_loadu_ps(x + i), by);
        __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(q), _mm256_extracti128_si256(q, 1));
        _mm_storel_epi64((__m128i *)(out + i), _mm_packs_epi16(words, words));
    }
    return by.scale;
}

static void hadamard_f32(float *out, const float *x, int32_t count) { hadamard_rows(out, x, count); }

#pragma clang attribute pop

const struct row_kernels row_kernels_x86_avx2 = {
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

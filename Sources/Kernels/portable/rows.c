// rows.c: the portable row kernels, which define what every other table computes, bit for bit.
#include "../include/rows.h"

#include <math.h>
#include <stddef.h>

#include "block_scale.h"
#include "conversions.h"
#include "exponential.h"
#include "hadamard.h"
#include "lanes.h"

static float sum(const float *x, int32_t count) {
    float lanes[lane_count] = {0};
    for (int32_t i = 0; i < count; i++) lanes[i % lane_count] += x[i];
    return lanes_sum(lanes);
}

static float sum_of_squares(const float *x, float mean, int32_t count) {
    float lanes[lane_count] = {0};
    for (int32_t i = 0; i < count; i++) {
        float centered = x[i] - mean;
        lanes[i % lane_count] = fmaf(centered, centered, lanes[i % lane_count]);
    }
    return lanes_sum(lanes);
}

static void rmsnorm_f32(
    float *out, const float *x, const float *weight, int32_t width, float epsilon) {
    float factor = 1.0f / sqrtf(sum_of_squares(x, 0.0f, width) / (float)width + epsilon);
    for (int32_t i = 0; i < width; i++) {
        float normalized = x[i] * factor;
        out[i] = weight != NULL ? normalized * weight[i] : normalized;
    }
}

static void rmsnorm_heads_f32(
    float *out, const float *x, const float *weight, int32_t heads, int32_t head_size,
    float epsilon) {
    for (ptrdiff_t head = 0; head < heads; head++)
        rmsnorm_f32(out + head * head_size, x + head * head_size, weight, head_size, epsilon);
}

static void add_f32(float *residual, const float *x, int32_t count) {
    for (int32_t i = 0; i < count; i++) residual[i] += x[i];
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
    float factor = 1.0f / sqrtf(sum_of_squares(x, mean, width) / (float)width + epsilon);
    for (int32_t i = 0; i < width; i++) {
        float normalized = (x[i] - mean) * factor;
        out[i] = fmaf(
            normalized, weight != NULL ? weight[i] : 1.0f, bias != NULL ? bias[i] : 0.0f);
    }
}

static void rotate(float *first, float *second, float cosine, float sine) {
    float a = *first, b = *second;
    *first = fmaf(a, cosine, -(b * sine));
    *second = fmaf(b, cosine, a * sine);
}

static void rope_halves_f32(
    float *x, const float *cosines, const float *sines, int32_t heads, int32_t head_size,
    int32_t rotary) {
    int32_t half = rotary / 2;
    for (ptrdiff_t head = 0; head < heads; head++) {
        float *row = x + head * head_size;
        for (int32_t i = 0; i < half; i++) rotate(&row[i], &row[i + half], cosines[i], sines[i]);
    }
}

static void rope_interleaved_f32(
    float *x, const float *cosines, const float *sines, int32_t heads, int32_t head_size,
    int32_t rotary) {
    for (ptrdiff_t head = 0; head < heads; head++) {
        float *row = x + head * head_size;
        for (int32_t i = 0; i < rotary / 2; i++)
            rotate(&row[2 * i], &row[2 * i + 1], cosines[i], sines[i]);
    }
}

static void silu_multiply_f32(float *out, const float *gate, const float *up, int32_t count) {
    for (int32_t i = 0; i < count; i++)
        out[i] = gate[i] / (1.0f + portable_exp2(gate[i] * -EXP_LOG2_E)) * up[i];
}

static void gelu_tanh_multiply_f32(float *out, const float *gate, const float *up, int32_t count) {
    // v / 2 * (1 + tanh(u)) = v / (1 + exp(-2 u)).
    for (int32_t i = 0; i < count; i++) {
        float v = gate[i];
        float inner = v * fmaf(v * v, GELU_CUBIC, 1.0f);
        out[i] = v / (1.0f + portable_exp2(inner * GELU_FACTOR)) * up[i];
    }
}

static void add_scaled_f32(float *residual, const float *x, float factor, int32_t count) {
    for (int32_t i = 0; i < count; i++) residual[i] = fmaf(x[i], factor, residual[i]);
}

static void scale_f32(float *x, float factor, int32_t count) {
    for (int32_t i = 0; i < count; i++) x[i] *= factor;
}

static void soft_cap_f32(float *x, float cap, int32_t count) {
    for (int32_t i = 0; i < count; i++) x[i] = cap * portable_tanh(x[i] / cap);
}

static void f32_to_f16(uint16_t *out, const float *x, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = float_to_half(x[i]);
}

static void f16_to_f32(float *out, const uint16_t *x, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = half_to_float(x[i]);
}

static void f32_to_bf16(uint16_t *out, const float *x, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = float_to_bfloat(x[i]);
}

static void bf16_to_f32(float *out, const uint16_t *x, int32_t count) {
    for (int32_t i = 0; i < count; i++) out[i] = bfloat_to_float(x[i]);
}

static float f32_to_i8(int8_t *out, const float *x, int32_t count) {
    struct block_scale by = block_scale(greatest_magnitude(x, count), BYTE_QUANT_MAX);
    for (int32_t i = 0; i < count; i++) out[i] = quant_of(x[i], by);
    return by.scale;
}

static void hadamard_f32(float *out, const float *x, int32_t count) { hadamard_rows(out, x, count); }

const struct row_kernels row_kernels_portable = {
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

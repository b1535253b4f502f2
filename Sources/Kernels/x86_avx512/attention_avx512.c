// attention_avx512.c: the attention steps with 16 floats at a time; the bits of attention_steps.c.
// One idea: a block of 16 slots is one register, and up to 24 accumulators share what is loaded: 6 rows x 64
// slots down to 1 row x 64 slots. A shape is an inlined function of constants.
#if defined(__x86_64__)

#include "../portable/attention_steps.h"

#include <immintrin.h>
#include <math.h>

#include "softmax.h"
#include "vectors.h"
#include "weights.h"

#pragma clang attribute push(__attribute__((target(AVX512_TARGET ",avx512vnni"))), apply_to = function)

enum {
    tile_rows = 6,
    lone_tile_rows = 8,
    /* Tiles this small read the pages themselves, and fetch them ahead. */
    fetching_rows = 4,
};
_Static_assert(lone_tile_rows <= attention_weighed_rows_max, "a tile is weighed at once");

/* Of what one lane of a register is multiplied by: 8-bit integers come in fours. */
INLINED ptrdiff_t unit_bytes(const enum attention_element element) {
    return element == attention_element_i8 ? 4 : (ptrdiff_t)attention_element_bytes(element);
}

/* sum + a * b; of fours of integers, all products, where those of a have no sign. */
INLINED __m512 multiply_add(__m512 a, __m512 b, __m512 sum, const enum attention_element element) {
    if (element != attention_element_i8) return _mm512_fmadd_ps(a, b, sum);
    return _mm512_castsi512_ps(
        _mm512_dpbusd_epi32(_mm512_castps_si512(sum), _mm512_castps_si512(a), _mm512_castps_si512(b)));
}

INLINED __m512 integers_as_f32(__m512 sum) { return _mm512_cvtepi32_ps(_mm512_castps_si512(sum)); }

/* From a block's sums to its scores, of which all but the first are away from it. */
INLINED __m512 block_scores(__m512 sum, __m512 scale) {
    __m512 scores = _mm512_mul_ps(integers_as_f32(sum), scale);
    return _mm512_add_ps(scores, _mm512_maskz_broadcastss_ps(0xfffe, _mm512_castps512_ps128(scores)));
}

/* The elements under the mask, zero elsewhere; nothing else is read. */
INLINED __m512 load_16(
    const char *base, const enum attention_element element, const __mmask16 mask) {
    if (unit_bytes(element) == 4) return _mm512_maskz_loadu_ps(mask, base);
    __m256i narrow = _mm256_maskz_loadu_epi16(mask, base);
    if (element == attention_element_f16) return _mm512_cvtph_ps(narrow);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(narrow), 16));
}

/* Queries times the keys of `width` neighbouring blocks: width * rows accumulators, those of a row together. */
INLINED void multiply_blocks(
    __m512 sums[24], const float *query, const void *const *blocks, int32_t head_size, const int rows,
    const int width, const enum attention_element element) {
    const ptrdiff_t key_bytes = attention_block_tokens * unit_bytes(element);
    const int32_t units = element == attention_element_i8 ? head_size / 4 : head_size;
#pragma clang loop unroll(full)
    for (int k = 0; k < width * rows; k++)
        sums[k] = _mm512_set1_ps(element == attention_element_i8 ? query[units * rows + k / width] : 0.0f);
    const char *bases[4];
    struct attention_ahead ahead[4];
#pragma clang loop unroll(full)
    for (int w = 0; w < width; w++) {
        bases[w] = blocks[w];
        ahead[w] = attention_ahead_of(blocks, w);
    }
    for (int32_t d = 0; d < units; d++, query += rows) {
        __m512 keys[4];
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++) {
            if (rows <= fetching_rows && d * key_bytes % 64 == 0) attention_fetch_ahead(ahead[w], d * key_bytes, 64);
            keys[w] = load_16(bases[w], element, all_lanes);
            bases[w] += key_bytes;
        }
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            __m512 q = _mm512_set1_ps(query[r]);
#pragma clang loop unroll(full)
            for (int w = 0; w < width; w++)
                sums[r * width + w] = multiply_add(keys[w], q, sums[r * width + w], element);
        }
    }
}

INLINED void score_blocks(
    float *scores, const float *query, const void *const *blocks, const float *const *scales, int32_t b,
    int32_t head_size, const int rows, const int width, const enum attention_element element) {
    __m512 sums[24];
    multiply_blocks(sums, query, blocks + b, head_size, rows, width, element);
#pragma clang loop unroll(full)
    for (int w = 0; w < width; w++) {
        __m512 scale = element == attention_element_i8 ? _mm512_loadu_ps(scales[b + w]) : _mm512_undefined_ps();
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            __m512 sum = sums[r * width + w];
            if (element == attention_element_i8) sum = block_scores(sum, scale);
            _mm512_storeu_ps(scores + r * attention_score_stride + 16 * w, sum);
        }
    }
}

INLINED void score_rows(
    float *scores, const float *query, const void *const *blocks, const float *const *scales,
    int32_t block_begin, int32_t block_end, int32_t head_size, const int rows, const int width,
    const enum attention_element element) {
    int32_t b = block_begin;
    for (; b + width <= block_end; b += width)
        score_blocks(
            scores + 16 * b, query, blocks, scales, b, head_size, rows, width, element);
    for (; b < block_end; b++)
        score_blocks(
            scores + 16 * b, query, blocks, scales, b, head_size, rows, 1, element);
}

INLINED void score_elements(
    float *scores, const float *query, int32_t rows, const void *const *blocks, const float *const *scales,
    int32_t block_begin, int32_t block_end, int32_t head_size, const enum attention_element element) {
#define ROWS(count, width) \
    case count: \
        return score_rows( \
            scores, query, blocks, scales, block_begin, block_end, head_size, count, width, element);
    switch (rows) {
        ROWS(1, 4)
        ROWS(2, 4)
        ROWS(3, 4)
        ROWS(4, 4)
        ROWS(5, 4)
        ROWS(6, 4)
        ROWS(7, 2)
        ROWS(8, 2)
    }
#undef ROWS
}

static void scores(
    float *scores, const float *query, int32_t rows, const void *const *blocks, const float *const *scales,
    int32_t block_begin, int32_t block_end, enum attention_element element, int32_t head_size) {
    switch (element) {
    case attention_element_f32:
        return score_elements(
            scores, query, rows, blocks, scales, block_begin, block_end, head_size, attention_element_f32);
    case attention_element_f16:
        return score_elements(
            scores, query, rows, blocks, scales, block_begin, block_end, head_size, attention_element_f16);
    case attention_element_bf16:
        return score_elements(
            scores, query, rows, blocks, scales, block_begin, block_end, head_size, attention_element_bf16);
    case attention_element_i8:
        return score_elements(
            scores, query, rows, blocks, scales, block_begin, block_end, head_size, attention_element_i8);
    }
}

_Static_assert(tile_rows == 6 && tile_rows * attention_chunk_blocks == 24, "powers has a shape for each tile");

/* A tile's sums of a whole chunk fit the registers, and become powers on their way out.  The job is a copy, which no
 * store can change, so that nothing of it is read again between them. */
INLINED void power_chunk(const struct attention_powers job, const int rows) {
    __m512 sums[24], greatest[tile_rows];
    float factors[tile_rows];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) factors[r] = job.scales[r] * EXP_LOG2_E;
    multiply_blocks(sums, job.query, job.keys, job.head_size, rows, attention_chunk_blocks, attention_element_i8);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) greatest[r] = _mm512_set1_ps(ATTENTION_TOP_LEAST);
#pragma clang loop unroll(full)
    for (int k = 0; k < attention_chunk_blocks; k++) {
        __m512 scale = _mm512_loadu_ps(job.key_scales[k]), level = _mm512_loadu_ps(job.levels->power + 16 * k);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            __m512 score = block_scores(sums[r * attention_chunk_blocks + k], scale);
            __m512 power = _mm512_fmadd_ps(score, _mm512_set1_ps(factors[r]), level);
            greatest[r] = _mm512_max_ps(power, greatest[r]);
            _mm512_storeu_ps(job.scores + r * attention_score_stride + 16 * k, power);
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) _mm512_storeu_ps(job.greatest + 16 * r, greatest[r]);
}

static void powers(const struct attention_powers *job) {
    switch (job->count) {
    case 1: return power_chunk(*job, 1);
    case 2: return power_chunk(*job, 2);
    case 3: return power_chunk(*job, 3);
    case 4: return power_chunk(*job, 4);
    case 5: return power_chunk(*job, 5);
    case 6: return power_chunk(*job, 6);
    }
}

/* `width` groups of 16 elements by `rows` rows, width * rows accumulators over all slots; under a
 * mask that is not all ones there is one group. */
INLINED void accumulate_columns(
    float *sums, const float *weights, const void *const *blocks, int32_t begin, int32_t end,
    int32_t head_size, ptrdiff_t column, const int rows, const int width,
    const enum attention_element element, const __mmask16 mask) {
    const ptrdiff_t bytes = unit_bytes(element);
    ptrdiff_t row_bytes = head_size * bytes;
    __m512 totals[24];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++)
            totals[r * width + w] = _mm512_maskz_loadu_ps(
                mask, sums + r * (ptrdiff_t)head_size + column + 16 * w);
    for (int32_t s = begin; s < end;) {
        int32_t stop = (s / 16 + 1) * 16;
        if (stop > end) stop = end;
        const char *value = (const char *)blocks[s / 16] + s % 16 * row_bytes + column * bytes;
        struct attention_ahead ahead = attention_ahead_of(blocks, s / 16);
        for (; s < stop; s++, value += row_bytes) {
            if (rows <= fetching_rows && column == 0)
                attention_fetch_ahead(ahead, s % 16 * row_bytes, (size_t)row_bytes);
            __m512 values[4];
#pragma clang loop unroll(full)
            for (int w = 0; w < width; w++)
                values[w] = load_16(value + 16 * w * bytes, element, mask);
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                __m512 weight = _mm512_set1_ps(weights[r * attention_score_stride + s]);
#pragma clang loop unroll(full)
                for (int w = 0; w < width; w++)
                    totals[r * width + w] = _mm512_fmadd_ps(
                        weight, values[w], totals[r * width + w]);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++)
            _mm512_mask_storeu_ps(
                sums + r * (ptrdiff_t)head_size + column + 16 * w, mask, totals[r * width + w]);
}

/* The same of integers, four slots at once: the blocks of slots [begin, end), all of one chunk. */
INLINED void accumulate_chunk(
    float *sums, const float *weights, const void *const *blocks, int32_t begin, int32_t end,
    int32_t head_size, ptrdiff_t column, const int rows, const int width, const __mmask16 mask) {
    const ptrdiff_t four_bytes = head_size * (ptrdiff_t)4;
    const float *chunk = weights + begin / attention_chunk_tokens * attention_chunk_tokens;
    const int fours = attention_block_tokens / 4;
    __m512 totals[24];
#pragma clang loop unroll(full)
    for (int k = 0; k < rows * width; k++) totals[k] = _mm512_setzero_ps();
    for (int32_t b = begin / attention_block_tokens; b * attention_block_tokens < end; b++) {
        const char *value = (const char *)blocks[b] + column * 4;
        struct attention_ahead ahead = attention_ahead_of(blocks, b);
        const float *four = chunk + b % attention_chunk_blocks;
#pragma clang loop unroll(disable)
        for (int i = 0; i < fours; i++, four += attention_chunk_blocks, value += four_bytes) {
            if (rows <= fetching_rows && column == 0) attention_fetch_ahead(ahead, i * four_bytes, (size_t)four_bytes);
            __m512 values[4];
#pragma clang loop unroll(full)
            for (int w = 0; w < width; w++)
                values[w] = load_16(value + 64 * w, attention_element_i8, mask);
#pragma clang loop unroll(full)
            for (int r = 0; r < rows; r++) {
                __m512 weight = _mm512_set1_ps(four[r * attention_score_stride]);
#pragma clang loop unroll(full)
                for (int w = 0; w < width; w++)
                    totals[r * width + w] = multiply_add(
                        weight, values[w], totals[r * width + w], attention_element_i8);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
        __m512 worth = _mm512_set1_ps(chunk[r * attention_score_stride + attention_worth_place]);
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++) {
            float *target = sums + r * (ptrdiff_t)head_size + column + 16 * w;
            __m512 total = integers_as_f32(totals[r * width + w]);
            _mm512_mask_storeu_ps(
                target, mask, _mm512_fmadd_ps(total, worth, _mm512_maskz_loadu_ps(mask, target)));
        }
    }
}

INLINED void accumulate_fours(
    float *sums, const float *weights, const void *const *blocks, int32_t begin, int32_t end,
    int32_t head_size, const int rows, const int width) {
    int32_t column = 0;
    for (; column + 16 * width <= head_size; column += 16 * width)
        accumulate_chunk(sums, weights, blocks, begin, end, head_size, column, rows, width, all_lanes);
    for (; column + 16 <= head_size; column += 16)
        accumulate_chunk(sums, weights, blocks, begin, end, head_size, column, rows, 1, all_lanes);
    if (column < head_size)
        accumulate_chunk(sums, weights, blocks, begin, end, head_size, column, rows, 1, 0xff);
}

INLINED void accumulate_rows(
    float *sums, const float *weights, const void *const *blocks, int32_t begin, int32_t end,
    int32_t head_size, const int rows, const int width, const enum attention_element element) {
    int32_t column = 0;
    for (; column + 16 * width <= head_size; column += 16 * width)
        accumulate_columns(
            sums, weights, blocks, begin, end, head_size, column, rows, width, element, all_lanes);
    for (; column + 16 <= head_size; column += 16)
        accumulate_columns(
            sums, weights, blocks, begin, end, head_size, column, rows, 1, element, all_lanes);
    if (column < head_size)
        accumulate_columns(
            sums, weights, blocks, begin, end, head_size, column, rows, 1, element, 0xff);
}

INLINED void accumulate_elements(
    float *sums, const float *weights, int32_t rows, const void *const *blocks, int32_t begin,
    int32_t end, int32_t head_size, const enum attention_element element) {
#define ROWS(count, width) \
    case count: \
        if (element == attention_element_i8) \
            return accumulate_fours(sums, weights, blocks, begin, end, head_size, count, width); \
        return accumulate_rows( \
            sums, weights, blocks, begin, end, head_size, count, width, element);
    switch (rows) {
        ROWS(1, 4)
        ROWS(2, 4)
        ROWS(3, 4)
        ROWS(4, 4)
        ROWS(5, 4)
        ROWS(6, 4)
        ROWS(7, 2)
        ROWS(8, 2)
    }
#undef ROWS
}

static void accumulate(
    float *sums, const float *weights, int32_t rows, const void *const *blocks, int32_t begin,
    int32_t end, enum attention_element element, int32_t head_size) {
    switch (element) {
    case attention_element_f32:
        return accumulate_elements(
            sums, weights, rows, blocks, begin, end, head_size, attention_element_f32);
    case attention_element_f16:
        return accumulate_elements(
            sums, weights, rows, blocks, begin, end, head_size, attention_element_f16);
    case attention_element_bf16:
        return accumulate_elements(
            sums, weights, rows, blocks, begin, end, head_size, attention_element_bf16);
    case attention_element_i8:
        return accumulate_elements(
            sums, weights, rows, blocks, begin, end, head_size, attention_element_i8);
    }
}

INLINED float exp_1(float x) { return _mm512_cvtss_f32(exp_16(_mm512_set1_ps(x))); }

static void merge(
    float state[2], float *values, const float more_state[2], const float *more_values,
    int32_t head_size) {
    float maximum = state[0] > more_state[0] ? state[0] : more_state[0];
    /* One exponential for both: each would wait as long. */
    __m512 both = exp_16(_mm512_zextps128_ps512(_mm_setr_ps(state[0] - maximum, more_state[0] - maximum, 0, 0)));
    float factors[16];
    _mm512_storeu_ps(factors, both);
    float keep = factors[0], take = factors[1];
    state[0] = maximum;
    state[1] = __builtin_fmaf(state[1], keep, more_state[1] * take);
    __m512 keeps = _mm512_set1_ps(keep), takes = _mm512_set1_ps(take);
    for (int32_t d = 0; d < head_size; d += 16) {
        __mmask16 mask = first_lanes(head_size - d);
        __m512 more = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, more_values + d), takes);
        __m512 kept = _mm512_maskz_loadu_ps(mask, values + d);
        _mm512_mask_storeu_ps(values + d, mask, _mm512_fmadd_ps(kept, keeps, more));
    }
}

static void finish(
    float *output, const float *values, const float state[2], const float *sink,
    int32_t head_size) {
    float factor = 1.0f / state[1];
    if (sink != NULL) {
        float maximum = state[0] > *sink ? state[0] : *sink;
        float keep = exp_1(state[0] - maximum);
        factor = keep / __builtin_fmaf(state[1], keep, exp_1(*sink - maximum));
    }
    __m512 factors = _mm512_set1_ps(factor);
    for (int32_t d = 0; d < head_size; d += 16) {
        __mmask16 mask = first_lanes(head_size - d);
        __m512 scaled = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, values + d), factors);
        _mm512_mask_storeu_ps(output + d, mask, _mm512_add_ps(scaled, _mm512_setzero_ps()));
    }
}

INLINED void widen_elements(
    float *target, const char *source, int32_t count, const enum attention_element element) {
    for (ptrdiff_t i = 0; i < count; i += 16) {
        __mmask16 mask = first_lanes(count - (int32_t)i);
        _mm512_mask_storeu_ps(target + i, mask, load_16(source + i * unit_bytes(element), element, mask));
    }
}

static void widen(float *target, const void *source, int32_t count, enum attention_element element) {
    switch (element) {
    case attention_element_f32: return widen_elements(target, source, count, attention_element_f32);
    case attention_element_f16: return widen_elements(target, source, count, attention_element_f16);
    case attention_element_bf16: return widen_elements(target, source, count, attention_element_bf16);
    case attention_element_i8: return; /* never widened */
    }
}

#pragma clang attribute pop

static const struct attention_steps steps = {
    .tile_rows = tile_rows,
    .lone_tile_rows = lone_tile_rows,
    .rows = &row_kernels_x86_avx512,
    .scores = scores,
    .softmax = softmax,
    .level = level,
    .powers = powers,
    .weigh = weigh,
    .total = total,
    .accumulate = accumulate,
    .merge = merge,
    .finish = finish,
    .widen = widen,
};

static void attend(const struct attention_job *job, void *scratch) {
    attention_attend(&steps, job, scratch);
}

static void attend_spans(
    const struct attention_job *job, int32_t span_begin, int32_t span_end, float *partials,
    void *scratch) {
    attention_attend_spans(&steps, job, span_begin, span_end, partials, scratch);
}

static void merge_spans(
    const struct attention_job *job, const float *partials, int32_t row_begin, int32_t row_end) {
    attention_merge_spans(&steps, job, partials, row_begin, row_end);
}

static void store(const struct attention_store_job *job) { attention_store(&steps, job); }

const struct attention_kernels attention_kernels_x86_avx512 = {
    .attend = attend,
    .attend_spans = attend_spans,
    .merge_spans = merge_spans,
    .store = store,
};

#endif

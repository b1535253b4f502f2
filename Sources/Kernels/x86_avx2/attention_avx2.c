// attention_avx2.c: the attention steps with 8 floats at a time; the bits of attention_steps.c.
// One idea: up to twelve accumulators hide the multiplier's latency, in the shape that fits the
// rows at hand: 6 rows x 16 slots down to 1 row x 64 slots. A shape is an inlined function.
#if defined(__x86_64__)

#include "../portable/attention_steps.h"

#include <immintrin.h>
#include <math.h>

#include "vectors.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

enum {
    tile_rows = 6,
    /* Tiles this small read the pages themselves, and fetch them ahead. */
    fetching_rows = 4,
};

#define INLINED static inline __attribute__((always_inline))

INLINED ptrdiff_t element_bytes(const enum attention_element element) {
    return (ptrdiff_t)attention_element_bytes(element);
}

INLINED __m256 load_8(const char *base, enum attention_element element) {
    if (element == attention_element_f32) return _mm256_loadu_ps((const float *)base);
    if (element == attention_element_i8)
        return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)base)));
    __m128i narrow = _mm_loadu_si128((const __m128i *)base);
    if (element == attention_element_f16) return _mm256_cvtph_ps(narrow);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(narrow), 16));
}

/* What is summed stays in its register: the compiler would otherwise load two vectors at once, and keep a sum
 * in memory for it, whose round trip every step then waits for. */
INLINED void in_order(__m256 *sum) { __asm__ volatile("" : "+x"(*sum) : : "memory"); }

/* One dimension of one block: the keys stay in registers, each row's query is fetched in turn. */
INLINED void score_by_row(
    __m256 *sums, const float *query, const char *keys, const int rows,
    const enum attention_element element) {
    __m256 low = load_8(keys, element);
    __m256 high = load_8(keys + 8 * element_bytes(element), element);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
        __m256 q = _mm256_broadcast_ss(query + r);
        sums[2 * r] = _mm256_fmadd_ps(q, low, sums[2 * r]);
        sums[2 * r + 1] = _mm256_fmadd_ps(q, high, sums[2 * r + 1]);
    }
}

/* One dimension of `width` blocks: the queries stay in registers, 8 keys are fetched in turn. */
INLINED void score_by_key(
    __m256 *sums, const float *query, const char *keys[4], const int rows, const int width,
    const enum attention_element element) {
    __m256 q[3];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) q[r] = _mm256_broadcast_ss(query + r);
#pragma clang loop unroll(full)
    for (int half = 0; half < 2 * width; half++) {
        const char *base = keys[half / 2] + half % 2 * 8 * element_bytes(element);
        __m256 key = load_8(base, element);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            __m256 *sum = &sums[2 * (half / 2 * rows + r) + half % 2];
            *sum = _mm256_fmadd_ps(q[r], key, *sum);
            in_order(sum);
        }
    }
}

/* `width` neighbouring blocks by `rows` rows: 2 * width * rows accumulators. */
INLINED void score_blocks(
    float *scores, const float *query, const void *const *blocks, int32_t b, ptrdiff_t key_bytes,
    int32_t head_size, const int rows, const int width, const enum attention_element element) {
    __m256 sums[12];
#pragma clang loop unroll(full)
    for (int k = 0; k < 2 * width * rows; k++) sums[k] = _mm256_setzero_ps();
    const char *keys[4], *ahead[4];
#pragma clang loop unroll(full)
    for (int w = 0; w < width; w++) {
        keys[w] = blocks[b + w];
        ahead[w] = attention_block_ahead(blocks, b + w);
    }
#pragma clang loop unroll_count(4)
    for (int32_t d = 0; d < head_size; d++, query += rows) {
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++) {
            if (rows <= fetching_rows && d * key_bytes % 64 == 0) attention_fetch(ahead[w], 64);
            ahead[w] += key_bytes;
        }
        if (rows > 3)
            score_by_row(sums, query, keys[0], rows, element);
        else
            score_by_key(sums, query, keys, rows, width, element);
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++) keys[w] += key_bytes;
    }
#pragma clang loop unroll(full)
    for (int w = 0; w < width; w++) {
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            float *target = scores + r * attention_score_stride + 16 * w;
            _mm256_storeu_ps(target, sums[2 * (w * rows + r)]);
            _mm256_storeu_ps(target + 8, sums[2 * (w * rows + r) + 1]);
        }
    }
}

INLINED void score_rows(
    float *scores, const float *query, const void *const *blocks, int32_t block_begin,
    int32_t block_end, int32_t head_size, const int rows, const int width,
    const enum attention_element element) {
    const ptrdiff_t key_bytes = attention_block_tokens * element_bytes(element);
    int32_t b = block_begin;
    for (; b + width <= block_end; b += width)
        score_blocks(
            scores + 16 * b, query, blocks, b, key_bytes, head_size, rows, width, element);
    for (; b < block_end; b++)
        score_blocks(
            scores + 16 * b, query, blocks, b, key_bytes, head_size, rows, 1, element);
}

INLINED void score_elements(
    float *scores, const float *query, int32_t rows, const void *const *blocks,
    int32_t block_begin, int32_t block_end, int32_t head_size,
    const enum attention_element element) {
#define ROWS(count, width) \
    case count: \
        return score_rows( \
            scores, query, blocks, block_begin, block_end, head_size, count, width, \
            element);
    switch (rows) {
        ROWS(1, 4)
        ROWS(2, 2)
        ROWS(3, 2)
        ROWS(4, 1)
        ROWS(5, 1)
        ROWS(6, 1)
    }
#undef ROWS
}

static void scores(
    float *scores, const float *query, int32_t rows, const void *const *blocks,
    int32_t block_begin, int32_t block_end, enum attention_element element, int32_t head_size) {
    switch (element) {
    case attention_element_f32:
        return score_elements(
            scores, query, rows, blocks, block_begin, block_end, head_size,
            attention_element_f32);
    case attention_element_f16:
        return score_elements(
            scores, query, rows, blocks, block_begin, block_end, head_size,
            attention_element_f16);
    case attention_element_bf16:
        return score_elements(
            scores, query, rows, blocks, block_begin, block_end, head_size,
            attention_element_bf16);
    case attention_element_i8:
        return score_elements(
            scores, query, rows, blocks, block_begin, block_end, head_size,
            attention_element_i8);
    }
}

/* All ones for slots first ... first + 7 that lie in [begin, end). */
INLINED __m256 slots_within(int32_t first, int32_t begin, int32_t end) {
    __m256i slots = _mm256_add_epi32(
        _mm256_set1_epi32(first), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    __m256i early = _mm256_cmpgt_epi32(_mm256_set1_epi32(begin), slots);
    __m256i inside = _mm256_andnot_si256(early, _mm256_cmpgt_epi32(_mm256_set1_epi32(end), slots));
    return _mm256_castsi256_ps(inside);
}

/* Scales and caps; slots outside [begin, end) become -infinity, whose exponential is 0. */
static float prepare(
    float *scores, int32_t first, int32_t last, int32_t begin, int32_t end, float scale,
    float soft_cap) {
    const __m256 lowest = _mm256_set1_ps(-INFINITY);
    __m256 scales = _mm256_set1_ps(scale), caps = _mm256_set1_ps(soft_cap);
    __m256 low = lowest, high = lowest;
    for (int32_t s = first; s < last; s += 16) {
        __m256 a = _mm256_mul_ps(_mm256_loadu_ps(scores + s), scales);
        __m256 b = _mm256_mul_ps(_mm256_loadu_ps(scores + s + 8), scales);
        if (soft_cap > 0.0f) {
            a = _mm256_mul_ps(caps, tanh_8(_mm256_div_ps(a, caps)));
            b = _mm256_mul_ps(caps, tanh_8(_mm256_div_ps(b, caps)));
        }
        if (s < begin || s + 16 > end) {
            a = _mm256_blendv_ps(lowest, a, slots_within(s, begin, end));
            b = _mm256_blendv_ps(lowest, b, slots_within(s + 8, begin, end));
        }
        _mm256_storeu_ps(scores + s, a);
        _mm256_storeu_ps(scores + s + 8, b);
        low = _mm256_max_ps(a, low);
        high = _mm256_max_ps(b, high);
    }
    return max_8(_mm256_max_ps(low, high));
}

static void softmax(
    float *scores, int32_t block_begin, int32_t block_end, int32_t begin, int32_t end, float scale,
    float soft_cap, float state[2]) {
    int32_t first = 16 * block_begin, last = 16 * block_end;
    float maximum = prepare(scores, first, last, begin, end, scale, soft_cap);
    __m256 maxima = _mm256_set1_ps(maximum);
    __m256 low = _mm256_setzero_ps(), high = low;
    for (int32_t s = first; s < last; s += 16) {
        __m256 a = exp_8(_mm256_sub_ps(_mm256_loadu_ps(scores + s), maxima));
        __m256 b = exp_8(_mm256_sub_ps(_mm256_loadu_ps(scores + s + 8), maxima));
        _mm256_storeu_ps(scores + s, a);
        _mm256_storeu_ps(scores + s + 8, b);
        low = _mm256_add_ps(low, a);
        high = _mm256_add_ps(high, b);
    }
    state[0] = maximum + 0.0f;
    state[1] = sum_16(low, high);
}

/* One slot: the values stay in registers, and each row's weight is fetched in turn. */
INLINED void accumulate_by_row(
    __m256 *totals, const float *weights, const char *value, const int rows, const int width,
    const enum attention_element element) {
    __m256 values[2];
#pragma clang loop unroll(full)
    for (int w = 0; w < width; w++)
        values[w] = load_8(value + 8 * w * element_bytes(element), element);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
        __m256 weight = _mm256_broadcast_ss(weights + r * attention_score_stride);
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++)
            totals[r * width + w] = _mm256_fmadd_ps(weight, values[w], totals[r * width + w]);
    }
}

/* One slot: the rows' weights stay in registers, and each 8 values are fetched in turn. */
INLINED void accumulate_by_column(
    __m256 *totals, const float *weights, const char *value, const int rows, const int width,
    const enum attention_element element) {
    __m256 weight[3];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
        weight[r] = _mm256_broadcast_ss(weights + r * attention_score_stride);
#pragma clang loop unroll(full)
    for (int w = 0; w < width; w++) {
        __m256 values = load_8(value + 8 * w * element_bytes(element), element);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            __m256 *total = &totals[r * width + w];
            *total = _mm256_fmadd_ps(weight[r], values, *total);
            in_order(total);
        }
    }
}

/* `width` groups of 8 elements by `rows` rows: width * rows accumulators over slots [begin, end). */
INLINED void accumulate_columns(
    float *sums, const float *weights, const void *const *blocks, int32_t begin, int32_t end,
    int32_t head_size, ptrdiff_t column, const int rows, const int width,
    const enum attention_element element) {
    const ptrdiff_t bytes = element_bytes(element);
    ptrdiff_t row_bytes = head_size * bytes;
    __m256 totals[12];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++)
            totals[r * width + w] = _mm256_loadu_ps(
                sums + r * (ptrdiff_t)head_size + column + 8 * w);
    for (int32_t s = begin; s < end;) {
        int32_t stop = (s / 16 + 1) * 16;
        if (stop > end) stop = end;
        const char *value = (const char *)blocks[s / 16] + s % 16 * row_bytes + column * bytes;
        const char *ahead = attention_block_ahead(blocks, s / 16) + s % 16 * row_bytes;
#pragma clang loop unroll_count(4)
        for (; s < stop; s++, value += row_bytes, ahead += row_bytes) {
            if (rows <= fetching_rows && column == 0) attention_fetch(ahead, (size_t)row_bytes);
            const float *weight = weights + s;
            if (rows > width)
                accumulate_by_row(totals, weight, value, rows, width, element);
            else
                accumulate_by_column(totals, weight, value, rows, width, element);
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++)
            _mm256_storeu_ps(
                sums + r * (ptrdiff_t)head_size + column + 8 * w, totals[r * width + w]);
}

/* Small tiles go block by block: what comes from memory is then in L1 for every group of columns. */
INLINED void accumulate_rows(
    float *sums, const float *weights, const void *const *blocks, int32_t begin, int32_t end,
    int32_t head_size, const int rows, const int width, const enum attention_element element) {
    for (int32_t s = begin, stop = end; s < end; s = stop) {
        if (rows <= fetching_rows && (s / 16 + 1) * 16 < end) stop = (s / 16 + 1) * 16;
        else stop = end;
        int32_t column = 0;
        for (; column + 8 * width <= head_size; column += 8 * width)
            accumulate_columns(
                sums, weights, blocks, s, stop, head_size, column, rows, width, element);
        for (; column < head_size; column += 8)
            accumulate_columns(
                sums, weights, blocks, s, stop, head_size, column, rows, 1, element);
    }
}

INLINED void accumulate_elements(
    float *sums, const float *weights, int32_t rows, const void *const *blocks, int32_t begin,
    int32_t end, int32_t head_size, const enum attention_element element) {
#define ROWS(count, width) \
    case count: \
        return accumulate_rows( \
            sums, weights, blocks, begin, end, head_size, count, width, element);
    switch (rows) {
        ROWS(1, 8)
        ROWS(2, 4)
        ROWS(3, 4)
        ROWS(4, 2)
        ROWS(5, 2)
        ROWS(6, 2)
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

INLINED float exp_1(float x) { return _mm256_cvtss_f32(exp_8(_mm256_set1_ps(x))); }

static void merge(
    float state[2], float *values, const float more_state[2], const float *more_values,
    int32_t head_size) {
    float maximum = state[0] > more_state[0] ? state[0] : more_state[0];
    float keep = exp_1(state[0] - maximum), take = exp_1(more_state[0] - maximum);
    state[0] = maximum;
    state[1] = __builtin_fmaf(state[1], keep, more_state[1] * take);
    __m256 keeps = _mm256_set1_ps(keep), takes = _mm256_set1_ps(take);
    for (int32_t d = 0; d < head_size; d += 8) {
        __m256 more = _mm256_mul_ps(_mm256_loadu_ps(more_values + d), takes);
        _mm256_storeu_ps(values + d, _mm256_fmadd_ps(_mm256_loadu_ps(values + d), keeps, more));
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
    __m256 factors = _mm256_set1_ps(factor);
    for (int32_t d = 0; d < head_size; d += 8) {
        __m256 scaled = _mm256_mul_ps(_mm256_loadu_ps(values + d), factors);
        _mm256_storeu_ps(output + d, _mm256_add_ps(scaled, _mm256_setzero_ps()));
    }
}

INLINED void widen_elements(
    float *target, const char *source, int32_t count, const enum attention_element element) {
    for (ptrdiff_t i = 0; i < count; i += 8)
        _mm256_storeu_ps(target + i, load_8(source + i * element_bytes(element), element));
}

static void widen(float *target, const void *source, int32_t count, enum attention_element element) {
    switch (element) {
    case attention_element_f32: return widen_elements(target, source, count, attention_element_f32);
    case attention_element_f16: return widen_elements(target, source, count, attention_element_f16);
    case attention_element_bf16: return widen_elements(target, source, count, attention_element_bf16);
    case attention_element_i8: return widen_elements(target, source, count, attention_element_i8);
    }
}

#pragma clang attribute pop

static const struct attention_steps steps = {
    .tile_rows = tile_rows,
    .lone_tile_rows = tile_rows,
    .rows = &row_kernels_x86_avx2,
    .scores = scores,
    .softmax = softmax,
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

const struct attention_kernels attention_kernels_x86_avx2 = {
    .attend = attend,
    .attend_spans = attend_spans,
    .merge_spans = merge_spans,
    .store = store,
};

#endif

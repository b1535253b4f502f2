// attention_avx2.c: the attention steps with 8 floats at a time; the bits of attention_steps.c.
// One idea: up to twelve accumulators hide the multiplier's latency, in the shape that fits the
// rows at hand: 6 rows x 16 slots down to 1 row x 64 slots. A shape is an inlined function.
#if defined(__x86_64__)

#include "../portable/attention_steps.h"

#include <immintrin.h>
#include <math.h>
#include <string.h>

#include "softmax.h"
#include "vectors.h"
#include "weights.h"

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)

enum {
    tile_rows = 6,
    /* Tiles this small read the pages themselves, and fetch them ahead. */
    fetching_rows = 4,
};
_Static_assert(tile_rows <= attention_weighed_rows_max, "a tile is weighed at once");

/* Of what one lane of a register is multiplied by: 8-bit integers come in fours. */
INLINED ptrdiff_t unit_bytes(const enum attention_element element) {
    return element == attention_element_i8 ? 4 : (ptrdiff_t)attention_element_bytes(element);
}

/* Fours of 8-bit integers become 16-bit ones in two passes, since products of theirs would not fit: the first and the
 * third, then the second and the fourth. */
INLINED int passes_of(const enum attention_element element) { return element == attention_element_i8 ? 2 : 1; }

INLINED __m256i unsigned_pairs(__m256i fours, const int pass) {
    return pass ? _mm256_srli_epi16(fours, 8) : _mm256_and_si256(fours, _mm256_set1_epi16(255));
}

INLINED __m256i signed_pairs(__m256i fours, const int pass) {
    return _mm256_srai_epi16(pass ? fours : _mm256_slli_epi16(fours, 8), 8);
}

/* sum + a * b; of pairs of integers, both products. */
INLINED __m256 multiply_add(__m256 a, __m256 b, __m256 sum, const enum attention_element element) {
    if (element != attention_element_i8) return _mm256_fmadd_ps(a, b, sum);
    __m256i products = _mm256_madd_epi16(_mm256_castps_si256(a), _mm256_castps_si256(b));
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(sum), products));
}

INLINED __m256 integers_as_f32(__m256 sum) { return _mm256_cvtepi32_ps(_mm256_castps_si256(sum)); }

/* From a block's sums to its scores, of which all but the first are away from it. */
INLINED void block_scores(__m256 sums[2], const float *scales) {
    __m256 low = _mm256_mul_ps(integers_as_f32(sums[0]), _mm256_loadu_ps(scales));
    __m256 high = _mm256_mul_ps(integers_as_f32(sums[1]), _mm256_loadu_ps(scales + 8));
    __m256 first = _mm256_broadcastss_ps(_mm256_castps256_ps128(low));
    sums[0] = _mm256_blend_ps(_mm256_add_ps(low, first), low, 1);
    sums[1] = _mm256_add_ps(high, first);
}

INLINED __m256 load_8(const char *base, const enum attention_element element) {
    if (unit_bytes(element) == 4) return _mm256_loadu_ps((const float *)base);
    __m128i narrow = _mm_loadu_si128((const __m128i *)base);
    if (element == attention_element_f16) return _mm256_cvtph_ps(narrow);
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(narrow), 16));
}

INLINED __m256 load_keys(const char *base, const enum attention_element element, const int pass) {
    __m256 keys = load_8(base, element);
    if (element != attention_element_i8) return keys;
    return _mm256_castsi256_ps(unsigned_pairs(_mm256_castps_si256(keys), pass));
}

INLINED __m256 load_values(const char *base, const enum attention_element element, const int pass) {
    __m256 values = load_8(base, element);
    if (element != attention_element_i8) return values;
    return _mm256_castsi256_ps(signed_pairs(_mm256_castps_si256(values), pass));
}

/* What is summed stays in its register: the compiler would otherwise load two vectors at once, and keep a sum
 * in memory for it, whose round trip every step then waits for. */
INLINED void in_order(__m256 *sum) { __asm__ volatile("" : "+x"(*sum) : : "memory"); }

/* One dimension of one block: the keys stay in registers, each row's query is fetched in turn. */
INLINED void score_by_row(
    __m256 *sums, const float *query, const char *keys, const int rows,
    const enum attention_element element, const int pass) {
    __m256 low = load_keys(keys, element, pass);
    __m256 high = load_keys(keys + 8 * unit_bytes(element), element, pass);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
        __m256 q = _mm256_broadcast_ss(query + r);
        sums[2 * r] = multiply_add(q, low, sums[2 * r], element);
        sums[2 * r + 1] = multiply_add(q, high, sums[2 * r + 1], element);
    }
}

/* One dimension of `width` blocks: the queries stay in registers, 8 keys are fetched in turn. */
INLINED void score_by_key(
    __m256 *sums, const float *query, const char *keys[4], const int rows, const int width,
    const enum attention_element element, const int pass) {
    __m256 q[3];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) q[r] = _mm256_broadcast_ss(query + r);
#pragma clang loop unroll(full)
    for (int half = 0; half < 2 * width; half++) {
        const char *base = keys[half / 2] + half % 2 * 8 * unit_bytes(element);
        __m256 key = load_keys(base, element, pass);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            __m256 *sum = &sums[2 * (half / 2 * rows + r) + half % 2];
            *sum = multiply_add(q[r], key, *sum, element);
            in_order(sum);
        }
    }
}

/* `width` neighbouring blocks by `rows` rows: 2 * width * rows accumulators. */
INLINED void score_blocks(
    float *scores, const float *query, const void *const *blocks, const float *const *scales, int32_t b,
    int32_t head_size, const int rows, const int width, const enum attention_element element) {
    const ptrdiff_t key_bytes = attention_block_tokens * unit_bytes(element);
    const int32_t units = element == attention_element_i8 ? head_size / 4 : head_size;
    const float *begin = query + (ptrdiff_t)passes_of(element) * units * rows;
    __m256 sums[12];
#pragma clang loop unroll(full)
    for (int k = 0; k < 2 * width * rows; k++)
        sums[k] = element == attention_element_i8 ? _mm256_broadcast_ss(begin + k / 2 % rows) : _mm256_setzero_ps();
    const char *keys[4];
    struct attention_ahead ahead[4];
#pragma clang loop unroll(full)
    for (int w = 0; w < width; w++) {
        keys[w] = blocks[b + w];
        ahead[w] = attention_ahead_of(blocks, b + w);
    }
#pragma clang loop unroll_count(4)
    for (int32_t d = 0; d < units; d++) {
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++)
            if (rows <= fetching_rows && d * key_bytes % 64 == 0) attention_fetch_ahead(ahead[w], d * key_bytes, 64);
#pragma clang loop unroll(full)
        for (int pass = 0; pass < passes_of(element); pass++) {
            const float *queries = query + (ptrdiff_t)(pass * units + d) * rows;
            if (rows > 3) score_by_row(sums, queries, keys[0], rows, element, pass);
            else score_by_key(sums, queries, keys, rows, width, element, pass);
        }
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++) keys[w] += key_bytes;
    }
#pragma clang loop unroll(full)
    for (int w = 0; w < width; w++) {
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            __m256 *both = &sums[2 * (w * rows + r)];
            if (element == attention_element_i8) block_scores(both, scales[b + w]);
            _mm256_storeu_ps(scores + r * attention_score_stride + 16 * w, both[0]);
            _mm256_storeu_ps(scores + r * attention_score_stride + 16 * w + 8, both[1]);
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
        ROWS(2, 2)
        ROWS(3, 2)
        ROWS(4, 1)
        ROWS(5, 1)
        ROWS(6, 1)
    }
#undef ROWS
}

/* Queries of 8-bit integers as 16-bit ones, all of the first pass before those of the second.  Eight at a time: what
 * is read and written past the last belongs to the tile, and to the array. */
static void widen_queries(float *pairs, const float *query, int32_t rows, int32_t units) {
    const int32_t count = rows * units;
    for (int32_t i = 0; i < count; i += 8) {
        __m256i fours = _mm256_loadu_si256((const __m256i *)(query + i));
        _mm256_storeu_si256((__m256i *)(pairs + i), signed_pairs(fours, 0));
    }
    for (int32_t i = 0; i < count; i += 8) {
        __m256i fours = _mm256_loadu_si256((const __m256i *)(query + i));
        _mm256_storeu_si256((__m256i *)(pairs + count + i), signed_pairs(fours, 1));
    }
    memcpy(pairs + 2 * count, query + count, (size_t)rows * sizeof *pairs);
}

static void score_integers(
    float *scores, const float *query, int32_t rows, const void *const *blocks, const float *const *scales,
    int32_t block_begin, int32_t block_end, int32_t head_size) {
    float pairs[tile_rows * (attention_head_size_max / 2 + 1) + 8];
    widen_queries(pairs, query, rows, head_size / 4);
    score_elements(
        scores, pairs, rows, blocks, scales, block_begin, block_end, head_size, attention_element_i8);
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
        return score_integers(
            scores, query, rows, blocks, scales, block_begin, block_end, head_size);
    }
}

/* One slot: the values stay in registers, and each row's weight is fetched in turn. */
INLINED void accumulate_by_row(
    __m256 *totals, const float *weights, const char *value, const int rows, const int width,
    const enum attention_element element, const int pass) {
    __m256 values[2];
#pragma clang loop unroll(full)
    for (int w = 0; w < width; w++)
        values[w] = load_values(value + 8 * w * unit_bytes(element), element, pass);
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
        __m256 weight = _mm256_broadcast_ss(weights + r * attention_score_stride);
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++)
            totals[r * width + w] = multiply_add(weight, values[w], totals[r * width + w], element);
    }
}

/* One slot: the rows' weights stay in registers, and each 8 values are fetched in turn. */
INLINED void accumulate_by_column(
    __m256 *totals, const float *weights, const char *value, const int rows, const int width,
    const enum attention_element element, const int pass) {
    __m256 weight[3];
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
        weight[r] = _mm256_broadcast_ss(weights + r * attention_score_stride);
#pragma clang loop unroll(full)
    for (int w = 0; w < width; w++) {
        __m256 values = load_values(value + 8 * w * unit_bytes(element), element, pass);
#pragma clang loop unroll(full)
        for (int r = 0; r < rows; r++) {
            __m256 *total = &totals[r * width + w];
            *total = multiply_add(weight[r], values, *total, element);
            in_order(total);
        }
    }
}

/* `width` groups of 8 elements by `rows` rows: width * rows accumulators over slots [begin, end). */
INLINED void accumulate_columns(
    float *sums, const float *weights, const void *const *blocks, int32_t begin, int32_t end,
    int32_t head_size, ptrdiff_t column, const int rows, const int width,
    const enum attention_element element) {
    const ptrdiff_t bytes = unit_bytes(element);
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
        struct attention_ahead ahead = attention_ahead_of(blocks, s / 16);
#pragma clang loop unroll_count(4)
        for (; s < stop; s++, value += row_bytes) {
            if (rows <= fetching_rows && column == 0)
                attention_fetch_ahead(ahead, s % 16 * row_bytes, (size_t)row_bytes);
            const float *weight = weights + s;
            if (rows > width) accumulate_by_row(totals, weight, value, rows, width, element, 0);
            else accumulate_by_column(totals, weight, value, rows, width, element, 0);
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++)
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++)
            _mm256_storeu_ps(
                sums + r * (ptrdiff_t)head_size + column + 8 * w, totals[r * width + w]);
}

/* The same of integers, four slots in two passes: the blocks of slots [begin, end), all of one chunk. */
INLINED void accumulate_chunk(
    float *sums, const float *weights, const void *const *blocks, int32_t begin, int32_t end,
    int32_t head_size, ptrdiff_t column, const int rows, const int width) {
    const enum attention_element element = attention_element_i8;
    const ptrdiff_t four_bytes = head_size * (ptrdiff_t)4;
    const int fours = attention_block_tokens / 4;
    const float *chunk = weights + begin / attention_chunk_tokens * attention_chunk_tokens;
    __m256 totals[12];
#pragma clang loop unroll(full)
    for (int k = 0; k < rows * width; k++) totals[k] = _mm256_setzero_ps();
    for (int32_t b = begin / attention_block_tokens; b * attention_block_tokens < end; b++) {
        const char *value = (const char *)blocks[b] + column * 4;
        struct attention_ahead ahead = attention_ahead_of(blocks, b);
        const float *pair = chunk + b % attention_chunk_blocks * 2 * fours;
#pragma clang loop unroll_count(4)
        for (int i = 0; i < fours; i++, value += four_bytes) {
            if (rows <= fetching_rows && column == 0) attention_fetch_ahead(ahead, i * four_bytes, (size_t)four_bytes);
#pragma clang loop unroll(full)
            for (int pass = 0; pass < passes_of(element); pass++, pair++) {
                if (rows > width) accumulate_by_row(totals, pair, value, rows, width, element, pass);
                else accumulate_by_column(totals, pair, value, rows, width, element, pass);
            }
        }
    }
#pragma clang loop unroll(full)
    for (int r = 0; r < rows; r++) {
        __m256 worth = _mm256_broadcast_ss(chunk + r * attention_score_stride + attention_worth_place);
#pragma clang loop unroll(full)
        for (int w = 0; w < width; w++) {
            float *target = sums + r * (ptrdiff_t)head_size + column + 8 * w;
            __m256 total = integers_as_f32(totals[r * width + w]);
            _mm256_storeu_ps(target, _mm256_fmadd_ps(total, worth, _mm256_loadu_ps(target)));
        }
    }
}

INLINED void accumulate_fours(
    float *sums, const float *weights, const void *const *blocks, int32_t begin, int32_t end,
    int32_t head_size, const int rows, const int width) {
    int32_t column = 0;
    for (; column + 8 * width <= head_size; column += 8 * width)
        accumulate_chunk(sums, weights, blocks, begin, end, head_size, column, rows, width);
    for (; column < head_size; column += 8)
        accumulate_chunk(sums, weights, blocks, begin, end, head_size, column, rows, 1);
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
        if (element == attention_element_i8) \
            return accumulate_fours(sums, weights, blocks, begin, end, head_size, count, width); \
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
        _mm256_storeu_ps(target + i, load_8(source + i * unit_bytes(element), element));
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
    .lone_tile_rows = tile_rows,
    .rows = &row_kernels_x86_avx2,
    .scores = scores,
    .softmax = softmax,
    .level = level,
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

const struct attention_kernels attention_kernels_x86_avx2 = {
    .attend = attend,
    .attend_spans = attend_spans,
    .merge_spans = merge_spans,
    .store = store,
};

#endif

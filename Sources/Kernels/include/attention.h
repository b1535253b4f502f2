// attention.h: paged causal attention of one KV head for consecutive rows of one sequence, and the
// stores that fill the pages.
// Never allocates, never reads a page whose id is -1, never reads a value slot that no row sees.
// One idea: positions are cut at absolute multiples of 512 into spans. Each span is one plain
// softmax (maximum, exponentials, weighted sum of the values in ascending position), and spans are
// merged in ascending order. So a row's bits depend on its own position and sequence alone: not on
// the rows beside it, the page size, the worker count, or whether its spans were computed apart.
#ifndef KERNELS_ATTENTION_H
#define KERNELS_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

#ifdef __cplusplus
extern "C" {
#endif

/* What a cached key or value element is.  Arithmetic is f32, but for int8.
 *
 * With int8 products are of integers, summed in 32 bits.  Queries, keys and values go through the Walsh-Hadamard
 * transform of rows.h first, which spreads what stands out over a head's dimensions, and are then 127 steps either
 * way, of a scale of their own.  A key's lead away from the first key of its block, as that one's integers have it:
 * keys have much in common.  Products are those of before, times what scales take back, and the results go through
 * the transform again, which is its own inverse.  Weights are exponentials within 9e-5; with the values' scales they
 * become 255 steps of the greatest of 64 slots, and what they weigh of the values joins the sums in f32, 64 slots
 * after 64.  Scales of values are kept as their log2: those below 2^-50 count as that, and those above 2^50 are no
 * numbers. */
enum attention_element {
    attention_element_f32 = 0,
    attention_element_f16 = 1,
    attention_element_bf16 = 2,
    attention_element_i8 = 3,
};

enum {
    /* Tokens of one span. */
    attention_span_tokens = 512,
    /* Head sizes are multiples of 8 up to this. */
    attention_head_size_max = 256,
    /* Query heads that share one KV head. */
    attention_group_max = 16,
    /* Slots whose keys lie side by side, so that one query element serves all of them. */
    attention_block_tokens = 16,
    /* Slots whose elements of one head lie in one piece of memory. */
    attention_lot_tokens = 64,
    /* Tiles that read the pages themselves, at memory speed, fetch this many blocks ahead into L2: within a lot the
     * hardware runs ahead too, but it stops at the end. */
    attention_fetched_blocks = 12,
    /* And this many ahead into L1. */
    attention_near_blocks = 3,
    /* What an int8 key's integers lie around. */
    attention_key_zero = 128,
    /* Floats before the values in one entry of partial results: maximum, sum, then padding. */
    attention_partial_header = 8,
};

/* Of values with int8. */
#define ATTENTION_SCALE_LEAST 0x1p-50f
#define ATTENTION_SCALE_GREATEST 0x1p50f

/* Page p of P tokens (16, 32 or 64) is slots [p * P, (p + 1) * P).  64 slots make a lot, so that pages handed
 * out in order are read as one piece, however small they are.  Layout of one lot of one layer, elements of
 * `element`:
 *   keys    [kv_heads, 64 / 16, head_size, 16]   transposed: 16 tokens share one query broadcast
 *   values  [kv_heads, 64, head_size]
 * With int8, f32 scales [kv_heads, 64] lie behind each, and elements in fours of what is multiplied and added at
 * once, dimensions of a key, unsigned around attention_key_zero, and the values of tokens, which are signed:
 *   keys    [kv_heads, 64 / 16, head_size / 4, 16, 4]
 *   values  [kv_heads, 64 / 4, head_size, 4]
 * A job sees one KV head: `keys` and `values` point at that head within lot 0. */
struct attention_job {
    /* f32, rotated: query of row r, head h at queries + r * query_stride + h * head_size. */
    const float *queries;
    /* f32: result of row r, head h at output + r * output_stride + h * head_size. */
    float *output;
    /* Floats from one row to the next. */
    ptrdiff_t query_stride;
    ptrdiff_t output_stride;
    /* Entry position / page_size is the page of that position; -1 where no row looks. */
    const int32_t *pages;
    const void *keys;
    const void *values;
    /* With int8, the head's scales within lot 0, those of values as their log2; else null.
     * Strides are those of the elements. */
    const float *_Nullable key_scales;
    const float *_Nullable value_scales;
    /* Bytes from one lot to the next, of keys and of values. */
    ptrdiff_t lot_stride;
    /* One logit per head, which joins the softmax denominator without a value; or null. */
    const float *_Nullable sinks;
    /* Row r is at position first_position + r and sees every position up to its own; the last
     * `window` of them only, when window > 0. */
    int32_t first_position;
    int32_t rows;
    int32_t window;
    int32_t head_size;
    int32_t group;
    int32_t page_size;
    enum attention_element element;
    /* score = scale * (q . k); then cap * tanh(score / cap) when soft_cap > 0. */
    float scale;
    float soft_cap;
    /* What this thread touches first behind the job, fetched with the job's last values; or null. */
    const void *_Nullable upcoming[attention_fetched_blocks];
};

/* Where a slot lies: its lot, and its place there. */
struct attention_place {
    ptrdiff_t lot, slot;
};

/* pages: as in a job; the position's own is there. */
static inline struct attention_place attention_place_of(const int32_t *pages, int32_t page_size, int32_t position) {
    int shift = __builtin_ctz((unsigned)page_size); /* a division would take as long as all the rest */
    ptrdiff_t at = ((ptrdiff_t)pages[position >> shift] << shift) + (position & (page_size - 1));
    struct attention_place place = {at / attention_lot_tokens, at % attention_lot_tokens};
    return place;
}

static inline size_t attention_element_bytes(enum attention_element element) {
    return element == attention_element_f32 ? 4 : element == attention_element_i8 ? 1 : 2;
}

static inline int attention_has_scales(enum attention_element element) {
    return element == attention_element_i8;
}

/* Bytes of the keys, or of the values, of `tokens` slots of one layer, scales included. */
static inline size_t attention_part_bytes(
    int32_t kv_heads, int32_t head_size, int32_t tokens, enum attention_element element) {
    size_t slots = (size_t)kv_heads * (size_t)tokens;
    size_t scales = attention_has_scales(element) ? slots * sizeof(float) : 0;
    return slots * (size_t)head_size * attention_element_bytes(element) + scales;
}

/* The first position that a row sees. */
static inline int32_t attention_first_visible(int32_t window, int32_t position) {
    int32_t first = window > 0 ? position - window + 1 : 0;
    return first > 0 ? first : 0;
}

/* The spans that rows of the job look into: [begin, end). */
static inline int32_t attention_span_begin(const struct attention_job *job) {
    return attention_first_visible(job->window, job->first_position) / attention_span_tokens;
}

static inline int32_t attention_span_end(const struct attention_job *job) {
    return (job->first_position + job->rows - 1) / attention_span_tokens + 1;
}

/* The block of a job's keys that holds a position which the job sees. */
const void *attention_key_block(const struct attention_job *job, int32_t position);

/* Floats of one entry of partial results: one (row, head) in one span. */
static inline int32_t attention_partial_floats(int32_t head_size) {
    return attention_partial_header + head_size;
}

/* New keys and values of consecutive rows of one sequence, all KV heads of one layer. */
struct attention_store_job {
    /* f32, keys rotated: head h of row r at keys + r * row_stride + h * head_size; values too. */
    const float *keys;
    const float *values;
    ptrdiff_t row_stride;
    const int32_t *pages;
    /* The first head's part of lot 0, and the bytes to the next lot. */
    void *key_lots;
    void *value_lots;
    float *_Nullable key_scales;
    float *_Nullable value_scales;
    ptrdiff_t lot_stride;
    int32_t first_position;
    int32_t rows;
    int32_t kv_heads;
    int32_t head_size;
    int32_t page_size;
    enum attention_element element;
};

struct attention_kernels {
    /* All rows, all spans.  All rows' keys and values are stored before.  Pages of positions before
     * every row's window, or after the last row, are not touched; slots after the last row may hold
     * anything.  scratch: attention_scratch_bytes(head_size), 64-byte aligned, one per thread.
     * Jobs of at least 96 / group rows are fastest: that many share a pass over keys and values. */
    void (*attend)(const struct attention_job *job, void *scratch);

    /* Only spans [span_begin, span_end), each within the job's own: entry
     * ((span - span_begin) * rows + row) * group + head of `partials`, attention_partial_floats
     * apart, becomes {maximum, sum, (unused) x 6, weighted values [head_size]}; sum 0 where the row
     * sees nothing of the span (its values are then unspecified).  Different spans may run on
     * different threads. */
    void (*attend_spans)(
        const struct attention_job *job, int32_t span_begin, int32_t span_end, float *partials,
        void *scratch);

    /* Merges the partial results of every span of the job, [attention_span_begin,
     * attention_span_end), into the output: the bits of `attend`.  Rows [row_begin, row_end). */
    void (*merge_spans)(
        const struct attention_job *job, const float *partials, int32_t row_begin, int32_t row_end);

    /* Converts (rounding to nearest even) and writes every row into its slot.
     * int8: a head's row, after its transform, becomes quants as rows.h has them, and their scale /
     * hadamard_size(head_size), of a value its log2.  What comes before it in its block of 16 slots has been stored,
     * since a key is kept as its lead away from the first: one thread stores all of a block. */
    void (*store)(const struct attention_store_job *job);
};

/* Bytes of scratch that attend and attend_spans need, a multiple of 64. */
size_t attention_scratch_bytes(int32_t head_size);

extern const struct attention_kernels attention_kernels_portable;
#if defined(__x86_64__)
extern const struct attention_kernels attention_kernels_x86_avx2;
extern const struct attention_kernels attention_kernels_x86_avx512;
#endif

#ifdef __cplusplus
}
#endif

#pragma clang assume_nonnull end
#endif

/* program.h: a model's step as a flat list of operations over buffers, run by a team of workers.
 * The list is made once, at load; a run gets the step's rows and spans and touches nothing else.
 * Every operation is cut into parts whose results do not depend on who computes them, parts are
 * claimed from a counter, and the team meets between operations, unless every worker can prepare the
 * next one's input for itself.  Rows of many sequences may be shared out instead: program/row_shares.h. */
#ifndef TOKENMILL_PROGRAM_H
#define TOKENMILL_PROGRAM_H
#include "dequantize.h"
#include "pack.h"
#include "table.h"
#include "workers.h"

enum {
    CACHE_GROUPS_MAX = 4,
    PRODUCTS_MAX = 4,
    BLOCK_ROWS = 32, /* rows of one sequence that attention works on together */
    HEADS_PER_WORKER = 4 /* with fewer, attention is shared out by spans, so that nobody waits long */
};

/* Consecutive rows of one sequence; pages[g] is its table in cache group g. */
struct step_span {
    int32_t first_row, row_count, first_position;
    const int32_t *pages[CACHE_GROUPS_MAX];
};

/* Up to BLOCK_ROWS rows of one span, cut where positions are multiples of that. */
struct step_block {
    int32_t span, first_row, row_count;
};

struct step {
    int32_t rows;
    const int32_t *tokens;    /* [rows] */
    const int32_t *positions; /* [rows] */
    int32_t output_count;
    const int32_t *output_rows; /* [output_count] */
    const struct step_span *spans;
    int32_t block_count;
    const struct step_block *blocks;
};

/* Rows of f32, and the same rows in the other forms of activations.h that a product reads (else NULL). */
struct buffer {
    float *values;
    int32_t width;
    int32_t stride;  /* floats from one row to the next */
    uint8_t *quants; /* activation_rows_bytes(rows, width) */
    uint8_t *rounded; /* rows of rounded_row_bytes(width) */
};

struct buffer_slice {
    const struct buffer *buffer;
    int32_t offset; /* columns */
};

enum operation_kind {
    OPERATION_EMBED, OPERATION_NORMALIZE, OPERATION_MULTIPLY, OPERATION_ROTATE_STORE, OPERATION_ATTEND,
    OPERATION_GATE, OPERATION_ADD, OPERATION_SOFT_CAP, OPERATION_SCALE, OPERATION_SELECT
};

enum gate_kind { GATE_SILU, GATE_GELU_TANH };

/* out[row] = scale * table[token of row].  The table lies as in the file, or is a packed matrix that
 * serves as the head too; then `table` is NULL. */
struct embed_operation {
    const void *table;
    struct packed_matrix matrix;
    int32_t format, cols;
    size_t row_bytes;
    float scale;
    const struct buffer *out;
};

/* out = norm(in) * weight.  LayerNorm when `bias` or `layer_norm`, else RMS norm.
 * residual: instead of being stored, the result is added to `out`. */
struct normalize_operation {
    const struct buffer *in, *out;
    const float *weight, *bias;
    float epsilon;
    int32_t width, layer_norm, residual;
};

struct product {
    struct packed_matrix matrix;
    struct buffer_slice out;
    const float *bias; /* [rows of the matrix] or NULL */
    int32_t accumulate;
};

/* Every product reads the same input rows. */
struct multiply_operation {
    const struct buffer *in;
    int32_t count;
    struct product products[PRODUCTS_MAX];
};

/* Of ROTATE_STORE and of the ATTEND that comes right after it.
 * One layer's heads inside a buffer of [query | key | value] columns, and its part of the cache. */
struct attention_layer {
    const struct buffer *projected, *out;
    int32_t heads, kv_heads, head_size, rotary, interleaved;
    const float *query_norm, *key_norm; /* [head_size] or NULL */
    int32_t norm_whole;                 /* norms span all heads: weights [heads * head_size] */
    float norm_epsilon;
    const float *cosines, *sines; /* [positions][rotary / 2]; NULL: no rotation */
    int32_t group, page_size, window;
    enum attention_element element;
    uint8_t *keys, *values;           /* this layer's part of lot 0 */
    float *key_scales, *value_scales; /* the same of int8 elements, or NULL */
    size_t lot_stride;                /* bytes from one lot to the next */
    float scale, soft_cap;
    const float *sinks; /* [heads] or NULL */
};

/* out = activation(gate) * up. */
struct gate_operation {
    struct buffer_slice gate, up;
    const struct buffer *out;
    int32_t width, kind;
};

/* out += in. */
struct add_operation {
    const struct buffer *in, *out;
    int32_t width;
};

/* out = cap * tanh(out / cap), or out *= factor. */
struct scalar_operation {
    const struct buffer *out;
    int32_t width;
    float factor;
};

/* Row i of the output is row output_rows[i] of the input. */
struct select_operation {
    const struct buffer *in, *out;
    int32_t width;
};

struct operation {
    int32_t kind;
    /* Buffers have rows for the step's outputs alone; attention, whose buffers have all, may leave out others. */
    int32_t outputs_only;
    int32_t feeds_next; /* the next operation is a multiply, and nothing else reads what this one makes */
    union {
        struct embed_operation embed;
        struct normalize_operation normalize;
        struct multiply_operation multiply;
        struct attention_layer attention;
        struct gate_operation gate;
        struct add_operation add;
        struct scalar_operation scalar;
        struct select_operation select;
    };
};

/* Steps of about as many rows, with their rows shared out and without.  Trials are those that go the slower way. */
struct sharing_trial {
    int64_t steps;
    double seconds_per_row; /* in the last step that was no trial */
    double ratio;           /* seconds with shares for one without, of late; 0: not known */
};

/* One for every so many rows; the last is for all steps with more. */
enum { SHARING_TRIALS = 32, ROWS_PER_TRIAL = 4 };

/* What has been measured about sharing out rows (program/row_shares.h); all 0 at first. */
struct step_sharing {
    double paces[WORKERS_MAX]; /* rows a second, of late */
    struct sharing_trial trials[SHARING_TRIALS];
};

struct program {
    const struct kernel_table *kernels;
    int32_t count;
    const struct operation *operations;
    uint8_t *scratch; /* one per worker: attention's, a product's, or few rows that the worker prepares for itself */
    size_t scratch_bytes;
    /* Partial results of attention: room for this many (block, KV head) of so many floats. */
    float *partials;
    size_t partials_heads, partials_per_head;
    struct step_sharing *sharing;
};

/* A step of up to this many rows lets every worker prepare the rows of a product for itself: that
 * takes less time than to wait for another worker. */
enum { OWN_ROWS_MAX = ACTIVATION_SLOTS };

/* Floats from one such row to the next, and the scratch that rows of up to `width` need. */
static inline int32_t own_row_stride(int32_t width) { return (width + 15) / 16 * 16; }

static inline size_t own_rows_bytes(int32_t width) {
    return OWN_ROWS_MAX * ((size_t)own_row_stride(width) * sizeof(float) + rounded_row_bytes(width))
        + activation_rows_bytes(OWN_ROWS_MAX, width);
}

/* Runs every operation over the step's rows. */
void program_run(const struct program *program, const struct step *step, struct workers *team);

#endif

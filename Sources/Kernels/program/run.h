/* run.h: what the parts of program.h's implementation share: one worker's view of a step, and the kinds
 * of operations.  Each claims parts until none is left.  No part writes what another part of the same
 * operation reads. */
#ifndef KERNELS_RUN_H
#define KERNELS_RUN_H
#include "../include/program.h"

/* Parts of an operation that several workers claim although they are no team. */
struct claims {
    _Alignas(CACHE_LINE) atomic_llong next;
    int32_t workers;
};

struct run {
    const struct program *program;
    const struct step *step; /* or a share of its rows */
    struct workers *team;    /* NULL: this worker is alone with these rows, */
    struct claims *claims;   /* but for who claims parts here, if it is not NULL */
    int32_t worker;
    int32_t first_row; /* of the step, and among its outputs */
    struct fetch_list *cache_ahead; /* what this worker's products fetch for the next attention, or NULL */
};

static inline int32_t least(int32_t a, int32_t b) { return a < b ? a : b; }

static inline int32_t parts_of(int32_t count, int32_t size) { return (count + size - 1) / size; }

/* Who share the parts of an operation. */
static inline int32_t workers_of(const struct run *run) {
    return run->team ? workers_count(run->team) : run->claims ? run->claims->workers : 1;
}

static inline int64_t claim(struct claims *claims) {
    return atomic_fetch_add_explicit(&claims->next, 1, memory_order_relaxed);
}

/* for (int64_t part = first_part(run); part < parts; part = next_part(run, part)) */
static inline int64_t first_part(const struct run *run) {
    return run->team ? run->worker : run->claims ? claim(run->claims) : 0;
}
static inline int64_t next_part(const struct run *run, int64_t part) {
    return run->team ? workers_claim(run->team) : run->claims ? claim(run->claims) : part + 1;
}

/* Within an operation. */
static inline void meet(const struct run *run) {
    if (run->team) workers_meet(run->team, (struct ahead){ 0 });
}

static inline uint8_t *scratch_of(const struct run *run) {
    return run->program->scratch + (size_t)run->worker * run->program->scratch_bytes;
}

static inline float *row_of(const struct buffer *buffer, int32_t row) {
    return buffer->values + (size_t)row * (size_t)buffer->stride;
}

/* Columns [begin, end) of a row in the forms that products read. */
void derive_columns(const struct kernel_table *kernels, const struct buffer *buffer, int32_t row, int32_t begin,
                    int32_t end);

/* How many rows an operation works on. */
static inline int32_t rows_of(const struct operation *operation, const struct run *run) {
    return operation->outputs_only ? run->step->output_count : run->step->rows;
}

/* Row by row: everything but products and attention. */
void run_rows(const struct operation *operation, const struct run *run);
/* All rows of what feeds a product by this worker alone, into `out` instead of the operation's own buffer. */
void prepare_rows(const struct operation *operation, const struct run *run, const struct buffer *out);

/* Keys and values for which there is room in a worker's list: more would not stay in a cache. */
enum { CACHE_PIECES_MAX = 2048 };

/* Lists, for this worker, what the first attention at or behind `operation` will read, or nothing. */
void list_cache_ahead(const struct run *run, int32_t operation, const uint8_t *pieces[CACHE_PIECES_MAX]);

void run_multiply(const struct multiply_operation *multiply, int32_t rows, const struct run *run);
/* An operation with feeds_next and its product: each worker makes the few input rows in its own scratch. */
void multiply_own_rows(const struct operation *operation, const struct run *run);
/* The weights with which this worker of a team will begin a product. */
struct ahead weights_ahead(const struct operation *operation, const struct run *run);

void run_rotate_store(const struct attention_layer *layer, const struct run *run);
/* attend: the operation. */
void run_attend(const struct operation *attend, const struct run *run);
/* Whether a part may rotate and store what it then attends to, so that nobody waits in between. */
int32_t heads_stand_alone(const struct attention_layer *layer, const struct run *run);
void rotate_store_attend(const struct operation *attend, const struct run *run);

#endif

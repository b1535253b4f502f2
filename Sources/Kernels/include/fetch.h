/* fetch.h: memory that will be read soon, fetched by kernels on the way. */
#ifndef TOKENMILL_FETCH_H
#define TOKENMILL_FETCH_H
#include <stddef.h>
#include <stdint.h>

/* Pieces of memory that will be read after what runs now. */
struct fetch_list {
    const uint8_t *const *pieces;
    size_t piece_bytes;      /* of each */
    int32_t next, count;     /* pieces [next, count) are not begun */
    const uint8_t *at, *end; /* the rest of the piece under way */
    int64_t waits;           /* calls of fetch_next that pass before the first piece is begun */
};

enum { FETCH_LINE = 64, FETCH_BYTES = 2 * FETCH_LINE };

/* The next two lines of a list: between them there is arithmetic to do, or the core only waits. */
static inline __attribute__((always_inline)) void fetch_next(struct fetch_list *list) {
    if (list->waits > 0) {
        list->waits--;
        return;
    }
    if (list->at >= list->end) {
        if (list->next >= list->count) return;
        list->at = list->pieces[list->next++];
        list->end = list->at + list->piece_bytes;
    }
    __builtin_prefetch(list->at, 0, 2);
    __builtin_prefetch(list->at + FETCH_LINE, 0, 2);
    list->at += FETCH_BYTES;
}

/* A block of the panel after this one, into L2, so that it is under way before it is needed. */
static inline __attribute__((always_inline)) void fetch_block(const uint8_t *block, const size_t bytes) {
#pragma clang loop unroll(full)
    for (size_t at = 0; at < bytes; at += FETCH_LINE) __builtin_prefetch(block + at, 0, 2);
}

/* How far ahead of where a tile reads its own panel it fetches that into L1: blocks of integers, bytes of floats.
 * L2 has it then, and the hardware is late (Sources/Kernels/README.md). */
enum { FETCH_NEAR_BLOCKS = 8, FETCH_NEAR_BYTES = 5120 };

/* What this panel will need that soon, into L1. */
static inline __attribute__((always_inline)) void fetch_near(const uint8_t *block, const size_t bytes) {
#pragma clang loop unroll(full)
    for (size_t at = 0; at < bytes; at += FETCH_LINE) __builtin_prefetch(block + at, 0, 3);
}

/* How far ahead a row of logits is fetched, past ends of pages, where the hardware's own fetching stops.  For passes
 * with much arithmetic; those with little run at the memory's rate without. */
enum { FETCH_LOGITS_AHEAD = 2048 };

static inline __attribute__((always_inline)) void fetch_logits(const float *x) {
    __builtin_prefetch(x + FETCH_LOGITS_AHEAD, 0, 2);
}

#endif

/* panel_fetch.h: fetching a panel of weights ahead of its use; shared by the tables with vectors. */
#ifndef KERNELS_PANEL_FETCH_H
#define KERNELS_PANEL_FETCH_H
#include <stddef.h>
#include <stdint.h>

/* A block of the panel after this one, into L2, so that it is under way before it is needed. */
static inline __attribute__((always_inline)) void fetch_block(const uint8_t *block, const size_t bytes) {
#pragma clang loop unroll(full)
    for (size_t at = 0; at < bytes; at += 64) __builtin_prefetch(block + at, 0, 2);
}

#endif

// collecting.h: appending to a collection of statistics.h.
#ifndef KERNELS_PORTABLE_COLLECTING_H
#define KERNELS_PORTABLE_COLLECTING_H

#include "../include/statistics.h"

static inline void collect_one(struct collection *out, float value, int32_t index) {
    if (out->found < out->capacity) {
        out->values[out->found] = value;
        out->indices[out->found] = index;
    }
    out->found++;
}

#endif

/* clock.h: the time that measurements are made by. */
#ifndef KERNELS_CLOCK_H
#define KERNELS_CLOCK_H
#include <time.h>

/* Seconds since some moment in the past, which nobody sets. */
static inline double clock_seconds(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

#endif

/* machine.h: the limits of this machine: bytes read from memory and multiply-adds, per second.
 * A probe is a loop with nothing else in it, run again and again; the best run counts, because other
 * programs can only take from a limit, never add to it. */
#ifndef TOKENMILL_MACHINE_H
#define TOKENMILL_MACHINE_H
#include <stdint.h>

enum machine_quantity {
    MACHINE_INT8_OPERATIONS,      /* quants of 4 bits times signed bytes, summed in 32 bits */
    MACHINE_INT8_WIDE_OPERATIONS, /* the same with quants of 8 bits */
    MACHINE_F32_OPERATIONS,
    MACHINE_BF16_OPERATIONS       /* summed in f32 */
};

/* The best rate per second that `threads` threads reach within `seconds`, with the instructions that
 * the kernel table of that name may use.  A multiply-add is two operations.
 * 0: that table or the CPU has no instruction for it, or, for 8-bit quants, none slower than for 4-bit ones.
 * Negative: threads or memory refused. */
double machine_peak(enum machine_quantity quantity, const char *table, int32_t threads, double seconds);

/* The best rate, in bytes per second, at which the threads read `bytes` of memory over and over, each its own part
 * of every run of 32 MB: from a cache where that holds them, and from memory where they are far more.
 * Negative: threads or memory refused. */
double machine_read_rate(int64_t bytes, int32_t threads, double seconds);

#endif

/* flushing.h: arithmetic in which denormals count as zero, in and out, and rounding is to nearest even. */
#ifndef KERNELS_X86_AVX2_FLUSHING_H
#define KERNELS_X86_AVX2_FLUSHING_H
#include <stdint.h>

enum { MXCSR_FLUSHING = 0x9fc0 }; /* DAZ, FTZ, no exception interrupts */

/* From here on this thread's arithmetic flushes, until flushing_end is given the answer.
 * The compiler knows nothing of modes: pin each value that goes in or comes out. */
static inline uint32_t flushing_begin(void) {
    uint32_t before, mode = MXCSR_FLUSHING;
    __asm__ volatile("stmxcsr %0" : "=m"(before) : : "memory");
    __asm__ volatile("ldmxcsr %0" : : "m"(mode) : "memory");
    return before;
}

static inline void flushing_end(uint32_t before) { __asm__ volatile("ldmxcsr %0" : : "m"(before) : "memory"); }

/* What made `value` is done before this, what uses it is done after. */
#define PIN(value) __asm__ volatile("" : "+v"(value))

#endif

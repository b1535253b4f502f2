// statistics.h: what the sampler asks of a row of logits, without sorting it.
// Never allocates; reads the row once or twice, front to back; thread-agnostic.
// One idea: as in rows.h, sums run over 16 fixed lanes, so every table gives the same bits.
#ifndef KERNELS_STATISTICS_H
#define KERNELS_STATISTICS_H

#include <stdint.h>

#pragma clang assume_nonnull begin

#ifdef __cplusplus
extern "C" {
#endif

enum { MASS_THRESHOLDS = 8 }; /* of one pass over a row */

/* Elements of a row, and where in it they are: the first `capacity` of `found`, whose rest is only counted.  Anything
 * may stand behind them. */
struct collection {
    float *values;
    int32_t *indices;
    int32_t capacity, found;
};

/* x: f32 [count]; may hold infinities.  Where not said otherwise, a NaN compares false. */
struct statistics_kernels {
    /* The lowest index of the greatest element; -1 if any element is NaN or count is 0. */
    int32_t (*argmax_f32)(const float *x, int32_t count);

    /* The greatest element (never -0); -infinity if count is 0; NaN if any element is NaN. */
    float (*max_f32)(const float *x, int32_t count);

    /* sum_i exp((x[i] - shift) * factor), each within 1e-7 times its exponent and some roundings; with shift = max and
     * factor = 1 / temperature this is the softmax denominator, and log of it + max is logsumexp.  The exponent
     * saturates at 88. */
    float (*sum_exp_f32)(const float *x, int32_t count, float shift, float factor);

    /* out[i] = exp((x[i] - shift) * factor), and returns their sum: the bits of sum_exp_f32.
     * `out` may be `x`.  greatest: of what is written, 0 if that is nothing; what is NaN does not count. */
    float (*exp_f32)(
        float *out, float *greatest, const float *x, int32_t count, float shift, float factor);

    /* Appends the elements of x[begin ..< end] that are >= least and not >= bound, ascending.  A NaN bounds nothing. */
    void (*collect_within_f32)(
        const float *x, int32_t begin, int32_t end, float least, float bound, struct collection *out);

    /* masses[t] = the sum of the elements >= thresholds[t], for t in 0 ..< MASS_THRESHOLDS. */
    void (*masses_at_least_f32)(
        const float *x, int32_t count, const float *thresholds, float *masses);

    /* How many elements are > value: the rank of a token with that logit. */
    int32_t (*count_greater_f32)(const float *x, int32_t count, float value);
};

/* Presence, frequency and repetition penalties for `count` different ids of a row of logits x.
 * seen[i] is how often ids[i] occurs in the output, 0 if in the prompt only.
 * v = x[id]; v = v > 0 ? v / repetition : v * repetition; then if seen > 0:
 * v -= frequency * seen + presence.  Scattered, hence the same code for every table. */
void statistics_penalize_f32(
    float *x, const int32_t *ids, const int32_t *seen, int32_t count, float presence,
    float frequency, float repetition);

extern const struct statistics_kernels statistics_kernels_portable;
#if defined(__x86_64__)
extern const struct statistics_kernels statistics_kernels_x86_avx2;
extern const struct statistics_kernels statistics_kernels_x86_avx512;
#endif

#ifdef __cplusplus
}
#endif

#pragma clang assume_nonnull end
#endif

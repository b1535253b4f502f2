/* pair_sums.h: the sums that stand beside quantized activations, for both tables of x86. */
#ifndef KERNELS_X86_AVX2_PAIR_SUMS_H
#define KERNELS_X86_AVX2_PAIR_SUMS_H
#include <immintrin.h>
#include <stdint.h>

#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)

/* pairs: as pairs16 of activations.h.  low, high: quants of a block's halves, added up by column modulo 8. */
static inline void pair_sums(int16_t pairs[2][2], __m256i low, __m256i high) {
    __m128i low4 = _mm_add_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    __m128i high4 = _mm_add_epi32(_mm256_castsi256_si128(high), _mm256_extracti128_si256(high, 1));
    __m128i sums = _mm_hadd_epi32(low4, high4);
    _mm_storeu_si64(pairs, _mm_packs_epi32(sums, sums));
}

#pragma clang attribute pop
#endif

/* activations.c (AVX-512): rows to int8, four blocks at a time: their scales are one division, and what stands
 * beside their quants is summed in bytes. */
#if defined(__x86_64__)
#include "../portable/block_scale.h"
#include "panels.h"
#include "vectors.h"

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma"))), apply_to = function)

enum { BLOCKS_AT_ONCE = 4 };

/* The sum of two, or the greater. */
INLINE __m512i joined(const int sums, __m512i a, __m512i b) {
    return sums ? _mm512_add_epi32(a, b) : _mm512_max_epi32(a, b);
}

/* The lanes of each of four registers, joined: lane by register. */
INLINE __m128i joined_lanes(const int sums, const __m512i of[BLOCKS_AT_ONCE]) {
    __m512i first = joined(sums, _mm512_unpacklo_epi32(of[0], of[1]), _mm512_unpackhi_epi32(of[0], of[1]));
    __m512i last = joined(sums, _mm512_unpacklo_epi32(of[2], of[3]), _mm512_unpackhi_epi32(of[2], of[3]));
    __m512i all = joined(sums, _mm512_unpacklo_epi64(first, last), _mm512_unpackhi_epi64(first, last));
    all = joined(sums, all, _mm512_shuffle_i64x2(all, all, _MM_SHUFFLE(1, 0, 3, 2)));
    all = joined(sums, all, _mm512_shuffle_i64x2(all, all, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm512_castsi512_si128(all);
}

/* The greatest bits of |x| in each of four blocks, lane by block. */
INLINE __m128i greatest_magnitudes(const __m512 x[BLOCKS_AT_ONCE][2]) {
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    __m512i m[BLOCKS_AT_ONCE];
#pragma clang loop unroll(full)
    for (int b = 0; b < BLOCKS_AT_ONCE; b++)
        m[b] = _mm512_max_epi32(_mm512_and_si512(_mm512_castps_si512(x[b][0]), magnitude),
                                _mm512_and_si512(_mm512_castps_si512(x[b][1]), magnitude));
    return joined_lanes(0, m);
}

/* The sums of q[c] * q[16 + c] of four blocks, lane by block; quants: of each block's halves, 16 of 32 bits. */
INLINE __m128i half_products(const __m512i quants[BLOCKS_AT_ONCE][2]) {
    const __m512i low_words = _mm512_set1_epi32(0xffff);
    __m512i products[BLOCKS_AT_ONCE];
#pragma clang loop unroll(full)
    for (int b = 0; b < BLOCKS_AT_ONCE; b++)
        products[b] = _mm512_madd_epi16(_mm512_and_si512(quants[b][0], low_words), quants[b][1]);
    return joined_lanes(1, products);
}

struct block_scales {
    __m128 scale, inverse;
};

/* block_scale of four blocks. */
INLINE struct block_scales block_scales(__m128i magnitudes) {
    __m128 maximum = _mm_castsi128_ps(magnitudes);
    __mmask8 finite = _mm_cmplt_epi32_mask(magnitudes, _mm_set1_epi32(0x7f800000));
    __mmask8 counts = finite & _mm_cmp_ps_mask(maximum, _mm_set1_ps(ACTIVATION_MAGNITUDE_LEAST), _CMP_GE_OQ);
    const __m128 greatest = _mm_set1_ps(ACTIVATION_QUANT_MAX);
    return (struct block_scales){
        _mm_mask_blend_ps(finite, _mm_set1_ps(NAN), _mm_maskz_div_ps(counts, maximum, greatest)),
        _mm_maskz_div_ps(counts, greatest, maximum),
    };
}

/* 16 columns; no product passes the greatest by as much as rounds up.  With an inverse of 0 all are 0, of a NaN too. */
INLINE __m512i quants(__m512 x, __m512 inverse) {
    __mmask16 counts = _mm512_cmp_ps_mask(inverse, _mm512_setzero_ps(), _CMP_GT_OQ);
    return _mm512_maskz_cvtps_epi32(counts, _mm512_mul_ps(x, inverse));
}

/* The sums of columns c % 4 < 2, and of the others, of each 16 bytes: a pair in each of their four lanes. */
INLINE __m512i pair_sums(__m512i bytes) {
    __m512i pairs = _mm512_maddubs_epi16(_mm512_set1_epi8(1), bytes);
    pairs = _mm512_add_epi16(pairs, _mm512_shuffle_epi32(pairs, _MM_PERM_BADC));
    return _mm512_add_epi16(pairs, _mm512_shuffle_epi32(pairs, _MM_PERM_CDAB));
}

/* What stands beside the quants, lane by block: in the order of struct activation_block, four to a register. */
struct block_facts {
    __m512i first; /* scales, scaled32, pairs32, pairs16[0] */
    __m512i last;  /* pairs16[1], scaled16[0], scaled16[1], crossed */
};

_Static_assert(offsetof(struct activation_block, pairs16) - offsetof(struct activation_block, scales) == 3 * 16
                   && offsetof(struct activation_block, crossed) - offsetof(struct activation_block, pairs16) == 4 * 16,
               "facts are stored in lanes of four slots");

INLINE __m512i lanes(__m128i a, __m128i b, __m128i c, __m128i d) {
    __m256i low = _mm256_inserti128_si256(_mm256_castsi128_si256(a), b, 1);
    __m256i high = _mm256_inserti128_si256(_mm256_castsi128_si256(c), d, 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

INLINE __m128i scaled(__m128 scale, __m128i sum) {
    return _mm_castps_si128(_mm_mul_ps(scale, _mm_cvtepi32_ps(sum)));
}

/* first, last: pair_sums of two blocks each.
 * products: half_products. */
INLINE struct block_facts facts_of(__m128 scale, __m512i first, __m512i last, __m128i products) {
    const __m512i order = _mm512_setr_epi32(0, 8, 16, 24, 4, 12, 20, 28, 0, 0, 0, 0, 0, 0, 0, 0);
    __m256i halves = _mm512_castsi512_si256(_mm512_permutex2var_epi32(first, order, last));
    __m128i low = _mm256_castsi256_si128(halves), high = _mm256_extracti128_si256(halves, 1);
    const __m128i ones = _mm_set1_epi16(1);
    __m128i low_sum = _mm_madd_epi16(low, ones), high_sum = _mm_madd_epi16(high, ones);
    __m128i crossed = _mm_sub_epi32(products, _mm_mullo_epi32(low_sum, _mm_set1_epi32(CROSSED_MIDDLE)));
    crossed = _mm_add_epi32(crossed, _mm_mullo_epi32(high_sum, _mm_set1_epi32(ACTIVATION_QUANT_MAX)));
    return (struct block_facts){
        lanes(_mm_castps_si128(scale), scaled(scale, _mm_add_epi32(low_sum, high_sum)), _mm_add_epi16(low, high), low),
        lanes(high, scaled(scale, low_sum), scaled(scale, high_sum), crossed),
    };
}

/* Block b of four: its slot of each lane.  A macro, since what a shuffle takes is a constant. */
#define STORE_BLOCK(group, b, slot, bytes, facts)                                                                   \
    do {                                                                                                            \
        struct activation_block *block = &(group)[b];                                                               \
        __m256i quants = _mm512_extracti64x4_epi64((bytes)[(b) / 2], (b) % 2);                                      \
        __m512i first = _mm512_shuffle_epi32((facts).first, (b) * 0x55);                                            \
        __m512i last = _mm512_shuffle_epi32((facts).last, (b) * 0x55);                                              \
        __m128i raised = _mm_add_epi8(_mm256_castsi256_si128(quants), _mm_set1_epi8(ACTIVATION_QUANT_MAX));         \
        _mm256_storeu_si256((__m256i *)block->quants[slot], quants);                                                \
        _mm_storeu_si128((__m128i *)block->raised[slot], raised);                                                   \
        _mm512_mask_storeu_epi32(block->scales, (__mmask16)(0x1111 << (slot)), first);                              \
        _mm512_mask_storeu_epi32(block->pairs16[1], (__mmask16)(0x1111 << (slot)), last);                           \
    } while (0)

/* Up to four blocks; those past `count` are not written. */
INLINE void quantize_blocks(struct activation_block *group, int32_t slot, const float *x, int32_t count) {
    __m512 values[BLOCKS_AT_ONCE][2];
#pragma clang loop unroll(full)
    for (int b = 0; b < BLOCKS_AT_ONCE; b++) {
        const float *block = x + (b < count ? b : count - 1) * ACTIVATION_BLOCK;
        values[b][0] = _mm512_loadu_ps(block);
        values[b][1] = _mm512_loadu_ps(block + 16);
    }
    struct block_scales by = block_scales(greatest_magnitudes(values));
    __m512i integers[BLOCKS_AT_ONCE][2], bytes[BLOCKS_AT_ONCE / 2];
    __m512 inverses = _mm512_broadcast_f32x4(by.inverse);
#pragma clang loop unroll(full)
    for (int b = 0; b < BLOCKS_AT_ONCE; b += 2) {
        __m512 one = _mm512_permute_ps(inverses, 0x00), other = _mm512_permute_ps(inverses, 0x55);
        inverses = _mm512_permute_ps(inverses, 0xee);
        integers[b][0] = quants(values[b][0], one), integers[b][1] = quants(values[b][1], one);
        integers[b + 1][0] = quants(values[b + 1][0], other), integers[b + 1][1] = quants(values[b + 1][1], other);
        bytes[b / 2] = narrow(integers[b][0], integers[b][1], integers[b + 1][0], integers[b + 1][1]);
    }
    struct block_facts facts = facts_of(by.scale, pair_sums(bytes[0]), pair_sums(bytes[1]), half_products(integers));
    STORE_BLOCK(group, 0, slot, bytes, facts);
    if (count > 1) STORE_BLOCK(group, 1, slot, bytes, facts);
    if (count > 2) STORE_BLOCK(group, 2, slot, bytes, facts);
    if (count > 3) STORE_BLOCK(group, 3, slot, bytes, facts);
}

void quantize_row_avx512(struct activation_block *group, int32_t slot, const float *x, int32_t begin, int32_t end) {
    int32_t b = begin / ACTIVATION_BLOCK, stop = end / ACTIVATION_BLOCK;
    for (; b + BLOCKS_AT_ONCE <= stop; b += BLOCKS_AT_ONCE)
        quantize_blocks(group + b, slot, x + b * ACTIVATION_BLOCK, BLOCKS_AT_ONCE);
    if (b < stop) quantize_blocks(group + b, slot, x + b * ACTIVATION_BLOCK, stop - b);
}

#pragma clang attribute pop
#endif

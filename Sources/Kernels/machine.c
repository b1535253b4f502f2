/* machine.c: see machine.h.  Operands are made opaque to the compiler where it could otherwise see
 * that every round computes the same; accumulators are as many as hide the latency of the adds. */
#define _GNU_SOURCE
#include "machine.h"
#include "clock.h"
#include "table.h"
#include "workers.h"
#include <string.h>
#include <sys/mman.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* A run is short, since a run that is interrupted shows another program's share, not the limit. */
enum { RUN_WORDS = 4 << 20 }; /* 32 MB */
#define UNROLLED _Pragma("clang loop unroll(full)")

typedef void round_function(int64_t rounds);

struct probe {
    const char *table;
    enum machine_quantity quantity;
    round_function *function;
    double operations; /* of a round */
    int64_t rounds;    /* a millisecond of them, about */
};

static void int8_portable(int64_t rounds) {
    uint8_t w[256] = { 1 };
    int8_t x[256] = { 1 };
    int32_t sum = 0;
    for (int64_t r = 0; r < rounds; r++) {
        __asm__ volatile("" : : "r"(w), "r"(x) : "memory");
        for (int i = 0; i < 256; i++) sum += w[i] * x[i];
    }
    __asm__ volatile("" : : "r"(sum));
}

static void f32_portable(int64_t rounds) {
    float sums[48] = { 0 };
    float w = 1, x = 1;
    __asm__ volatile("" : "+r"(w), "+r"(x));
    for (int64_t r = 0; r < rounds; r++)
        UNROLLED for (int i = 0; i < 48; i++) sums[i] = sums[i] * w + x;
    __asm__ volatile("" : : "r"(sums) : "memory");
}

#if defined(__x86_64__)
/* Sixteen-bit sums of 4-bit times 8-bit products hold eight steps; then they are widened. */
__attribute__((target("avx2,fma"))) static void int8_avx2(int64_t rounds) {
    enum { CHAINS = 8, STEPS = 8 };
    __m256i w = _mm256_set1_epi8(1), x = w, ones = _mm256_set1_epi16(1), sum = _mm256_setzero_si256();
    for (int64_t r = 0; r < rounds; r++) {
        __m256i narrow[CHAINS];
        UNROLLED for (int s = 0; s < STEPS; s++) {
            UNROLLED for (int c = 0; c < CHAINS; c++) {
                __asm__ volatile("" : "+x"(w));
                __m256i products = _mm256_maddubs_epi16(w, x);
                narrow[c] = s == 0 ? products : _mm256_add_epi16(narrow[c], products);
            }
        }
        UNROLLED for (int c = 0; c < CHAINS; c++)
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(narrow[c], ones));
    }
    __asm__ volatile("" : : "x"(sum));
}

/* Products of 8 bits fill sixteen: they are widened one by one, and need a sign each. */
__attribute__((target("avx2,fma"))) static void int8_wide_avx2(int64_t rounds) {
    enum { CHAINS = 8 };
    __m256i w = _mm256_set1_epi8(1), x = w, ones = _mm256_set1_epi16(1), sums[CHAINS];
    __asm__ volatile("" : "+x"(w));
    UNROLLED for (int c = 0; c < CHAINS; c++) sums[c] = _mm256_setzero_si256();
    for (int64_t r = 0; r < rounds; r++)
        UNROLLED for (int c = 0; c < CHAINS; c++) {
            __asm__ volatile("" : "+x"(x));
            __m256i pairs = _mm256_maddubs_epi16(w, _mm256_sign_epi8(x, w));
            sums[c] = _mm256_add_epi32(sums[c], _mm256_madd_epi16(pairs, ones));
        }
    UNROLLED for (int c = 0; c < CHAINS; c++) __asm__ volatile("" : : "x"(sums[c]));
}

__attribute__((target("avx2,fma"))) static void f32_avx2(int64_t rounds) {
    __m256 sums[12], w = _mm256_set1_ps(1), x = w;
    __asm__ volatile("" : "+x"(w), "+x"(x));
    UNROLLED for (int i = 0; i < 12; i++) sums[i] = _mm256_setzero_ps();
    for (int64_t r = 0; r < rounds; r++)
        UNROLLED for (int i = 0; i < 12; i++) sums[i] = _mm256_fmadd_ps(w, x, sums[i]);
    UNROLLED for (int i = 0; i < 12; i++) __asm__ volatile("" : : "x"(sums[i]));
}

__attribute__((target("avx512f,avx512vnni"))) static void int8_avx512(int64_t rounds) {
    __m512i sums[16], w = _mm512_set1_epi8(1), x = w;
    __asm__ volatile("" : "+v"(w), "+v"(x));
    UNROLLED for (int i = 0; i < 16; i++) sums[i] = _mm512_setzero_si512();
    for (int64_t r = 0; r < rounds; r++)
        UNROLLED for (int i = 0; i < 16; i++) sums[i] = _mm512_dpbusd_epi32(sums[i], w, x);
    UNROLLED for (int i = 0; i < 16; i++) __asm__ volatile("" : : "v"(sums[i]));
}

__attribute__((target("avx512f"))) static void f32_avx512(int64_t rounds) {
    __m512 sums[16], w = _mm512_set1_ps(1), x = w;
    __asm__ volatile("" : "+v"(w), "+v"(x));
    UNROLLED for (int i = 0; i < 16; i++) sums[i] = _mm512_setzero_ps();
    for (int64_t r = 0; r < rounds; r++)
        UNROLLED for (int i = 0; i < 16; i++) sums[i] = _mm512_fmadd_ps(w, x, sums[i]);
    UNROLLED for (int i = 0; i < 16; i++) __asm__ volatile("" : : "v"(sums[i]));
}

__attribute__((target("avx512f,avx512bw,avx512bf16"))) static void bf16_avx512(int64_t rounds) {
    __m512 sums[16];
    __m512bh w = (__m512bh)_mm512_setzero_si512(), x = w;
    __asm__ volatile("" : "+v"(w), "+v"(x));
    UNROLLED for (int i = 0; i < 16; i++) sums[i] = _mm512_setzero_ps();
    for (int64_t r = 0; r < rounds; r++)
        UNROLLED for (int i = 0; i < 16; i++) sums[i] = _mm512_dpbf16_ps(sums[i], w, x);
    UNROLLED for (int i = 0; i < 16; i++) __asm__ volatile("" : : "v"(sums[i]));
}
#endif

static const struct probe probes[] = {
    { "portable", MACHINE_INT8_OPERATIONS, int8_portable, 256 * 2, 1 << 14 },
    { "portable", MACHINE_F32_OPERATIONS, f32_portable, 48 * 2, 1 << 17 },
#if defined(__x86_64__)
    { "avx2", MACHINE_INT8_OPERATIONS, int8_avx2, 64 * 32 * 2, 1 << 16 },
    { "avx2", MACHINE_INT8_WIDE_OPERATIONS, int8_wide_avx2, 8 * 32 * 2, 1 << 18 },
    { "avx2", MACHINE_F32_OPERATIONS, f32_avx2, 12 * 8 * 2, 1 << 19 },
    { "avx512", MACHINE_INT8_OPERATIONS, int8_avx512, 16 * 64 * 2, 1 << 18 },
    { "avx512", MACHINE_F32_OPERATIONS, f32_avx512, 16 * 16 * 2, 1 << 18 },
    { "avx512bf16", MACHINE_INT8_OPERATIONS, int8_avx512, 16 * 64 * 2, 1 << 18 },
    { "avx512bf16", MACHINE_F32_OPERATIONS, f32_avx512, 16 * 16 * 2, 1 << 18 },
    { "avx512bf16", MACHINE_BF16_OPERATIONS, bf16_avx512, 16 * 32 * 2, 1 << 18 },
#endif
};

static const struct probe *find(enum machine_quantity quantity, const char *table) {
    if (kernel_table_named(table) == NULL) return NULL;
    for (size_t i = 0; i < sizeof probes / sizeof probes[0]; i++)
        if (probes[i].quantity == quantity && strcmp(probes[i].table, table) == 0) return &probes[i];
    return NULL;
}

static void run_probe(void *context, struct workers *team, int32_t worker) {
    (void)team, (void)worker;
    const struct probe *probe = context;
    probe->function(probe->rounds);
}

/* A buffer that is read run by run, so that each finds its words where reading them all leaves them. */
struct reading {
    uint64_t *words;
    size_t count, run, next;
};

static void touch(void *context, struct workers *team, int32_t worker) {
    const struct reading *reading = context;
    size_t count = reading->count / (size_t)workers_count(team);
    memset(reading->words + count * (size_t)worker, 1, count * sizeof *reading->words);
}

static void read_part(void *context, struct workers *team, int32_t worker) {
    const struct reading *reading = context;
    size_t count = reading->run / (size_t)workers_count(team);
    const uint64_t *own = reading->words + reading->next + count * (size_t)worker;
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += own[i];
    __asm__ volatile("" : : "r"(sum));
}

static double timed(struct workers *team, workers_function *function, void *context) {
    double begin = clock_seconds();
    workers_run(team, function, context);
    return clock_seconds() - begin;
}

static double arithmetic_rate(struct workers *team, const struct probe *probe, double seconds) {
    double work = probe->operations * (double)probe->rounds * workers_count(team), best = 0;
    for (double end = clock_seconds() + seconds; clock_seconds() < end;) {
        double rate = work / timed(team, run_probe, (void *)probe);
        if (rate > best) best = rate;
    }
    return best;
}

/* The memory's own last run may be short; it is left out. */
static double read_rate(struct workers *team, struct reading reading, double seconds) {
    double best = 0;
    workers_run(team, touch, &reading);
    for (double end = clock_seconds() + seconds; clock_seconds() < end; reading.next += reading.run) {
        if (reading.next + reading.run > reading.count) reading.next = 0;
        double rate = (double)(reading.run * sizeof(uint64_t)) / timed(team, read_part, &reading);
        if (rate > best) best = rate;
    }
    return best;
}

double machine_read_rate(int64_t bytes, int32_t threads, double seconds) {
    void *memory = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return -1;
    madvise(memory, (size_t)bytes, MADV_HUGEPAGE);
    struct workers *team = workers_create(threads);
    double rate = -1;
    if (team != NULL) {
        size_t count = (size_t)bytes / sizeof(uint64_t);
        struct reading reading = { memory, count, count < RUN_WORDS ? count : RUN_WORDS, 0 };
        rate = read_rate(team, reading, seconds);
        workers_destroy(team);
    }
    munmap(memory, (size_t)bytes);
    return rate;
}

double machine_peak(enum machine_quantity quantity, const char *table, int32_t threads, double seconds) {
    const struct probe *probe = find(quantity, table);
    if (probe == NULL) return 0;
    struct workers *team = workers_create(threads);
    if (team == NULL) return -1;
    double rate = arithmetic_rate(team, probe, seconds);
    workers_destroy(team);
    return rate;
}

/* table.c: see table.h.  What a CPU supports is asked once per call; callers keep the answer. */
#include "table.h"
#include <string.h>

static const struct kernel_table tables[] = {
    { "portable", &matmul_portable, &row_kernels_portable, &attention_kernels_portable,
      &statistics_kernels_portable },
#if defined(__x86_64__)
    { "avx2", &matmul_x86_avx2, &row_kernels_x86_avx2, &attention_kernels_x86_avx2,
      &statistics_kernels_x86_avx2 },
    { "avx512", &matmul_x86_avx512, &row_kernels_x86_avx512, &attention_kernels_x86_avx512,
      &statistics_kernels_x86_avx512 },
    { "avx512bf16", &matmul_x86_avx512bf16, &row_kernels_x86_avx512, &attention_kernels_x86_avx512,
      &statistics_kernels_x86_avx512 },
#endif
};

enum { TABLE_COUNT = sizeof tables / sizeof tables[0] };

static int supported(int32_t index) {
#if defined(__x86_64__)
    if (index >= 1 && !(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                        __builtin_cpu_supports("f16c")))
        return 0;
    if (index >= 2 && !(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512vnni")))
        return 0;
    if (index >= 3 && !(__builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("gfni"))) return 0;
#endif
    return index < TABLE_COUNT;
}

const struct kernel_table *kernel_table_at(int32_t index) {
    return index >= 0 && supported(index) ? &tables[index] : NULL;
}

const struct kernel_table *kernel_table_named(const char *name) {
    for (int32_t i = 0; i < TABLE_COUNT; i++)
        if (strcmp(tables[i].name, name) == 0) return kernel_table_at(i);
    return NULL;
}

/* Intel's cores of the Sapphire Rapids family run `vdpbf16ps` at half the rate of f32 FMA (README.md),
 * AMD's Zen 4 at twice that rate. */
static int worthwhile(int32_t index) {
#if defined(__x86_64__)
    if (tables[index].matmul == &matmul_x86_avx512bf16) return __builtin_cpu_is("amd");
#endif
    return index < TABLE_COUNT;
}

const struct kernel_table *kernel_table_best(void) {
    int32_t best = 0;
    for (int32_t i = 1; i < TABLE_COUNT && supported(i); i++)
        if (worthwhile(i)) best = i;
    return &tables[best];
}

/* table.h: every kernel of one instruction set, and the choice among the sets this CPU runs. */
#ifndef TOKENMILL_TABLE_H
#define TOKENMILL_TABLE_H
#include "attention.h"
#include "matmul.h"
#include "rows.h"
#include "statistics.h"

struct kernel_table {
    const char *name;
    const struct matmul_kernels *matmul;
    const struct row_kernels *rows;
    const struct attention_kernels *attention;
    const struct statistics_kernels *statistics;
};

/* The tables this CPU can run; index 0 is portable.  NULL past the end. */
const struct kernel_table *kernel_table_at(int32_t index);
/* The supported table of that name; NULL when the CPU lacks it or no such table exists. */
const struct kernel_table *kernel_table_named(const char *name);
/* The fastest supported table on this CPU. */
const struct kernel_table *kernel_table_best(void);

#endif

/* activations.c: the rounded form of a row, through the conversions of rows.h; see activations.h. */
#include "activations.h"
#include "rows.h"

void round_row(const struct row_kernels *kernels, void *row, const float *x, int32_t cols, int32_t begin,
               int32_t end) {
    struct rounded_row view = rounded_row_view(row, cols);
    float *values = (float *)view.values;
    uint16_t *pairs = (uint16_t *)view.pairs;
    kernels->f32_to_bf16(pairs + begin, x + begin, end - begin);
    kernels->bf16_to_f32(values + begin, pairs + begin, end - begin);
    if (end % 2 == 0) return;
    values[end] = 0;
    pairs[end] = 0;
}

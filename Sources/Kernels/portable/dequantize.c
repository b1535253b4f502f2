/* dequantize.c: from a format number to its decoder, and from decoded groups to floats. */
#include "dequantize.h"
#include "dequantize_blocks.h"

struct block_format {
    struct integer_view_shape shape;
    decode_fn *decode;
};

/* {elements, bytes, group, quant maximum, zero point, has offset, table if there is one}, decoder. */
static const struct block_format formats[] = {
    [2] = {{32, 18, 32, 15, 8, 0}, decode_q4_0},
    [3] = {{32, 20, 32, 15, 0, 1}, decode_q4_1},
    [6] = {{32, 22, 32, 31, 16, 0}, decode_q5_0},
    [7] = {{32, 24, 32, 31, 0, 1}, decode_q5_1},
    [8] = {{32, 34, 32, 255, 128, 0}, decode_q8_0},
    [10] = {{256, 84, 16, 3, 0, 1}, decode_q2_k},
    [11] = {{256, 110, 16, 7, 4, 0}, decode_q3_k},
    [12] = {{256, 144, 32, 15, 0, 1}, decode_q4_k},
    [13] = {{256, 176, 32, 31, 0, 1}, decode_q5_k},
    [14] = {{256, 210, 16, 63, 32, 0}, decode_q6_k},
    [20] = {{32, 18, 32, 241, 128, 0, iq4_values}, decode_iq4_nl},
    [23] = {{256, 136, 32, 241, 128, 0, iq4_values}, decode_iq4_xs},
    [39] = {{32, 17, 32, 24, 12, 0, mxfp4_values}, decode_mxfp4},
};

static const struct block_format none;

static const struct block_format *block_format(int32_t format) {
    const int32_t count = (int32_t)(sizeof formats / sizeof formats[0]);
    return format >= 0 && format < count ? &formats[format] : &none;
}

struct integer_view_shape integer_view_shape(int32_t format) { return block_format(format)->shape; }

int integer_view(int32_t format, const void *blocks, int64_t elements, uint8_t *quants,
                 float *scales, float *offsets) {
    const struct block_format *known = block_format(format);
    if (!known->decode || elements < 0) return 0;
    if (elements % known->shape.block_elements != 0) return 0;
    known->decode(blocks, elements / known->shape.block_elements, quants, scales, offsets);
    if (!known->shape.has_offset) {
        const float zero = (float)known->shape.zero_point;
        const int64_t groups = elements / known->shape.group_elements;
        for (int64_t group = 0; group < groups; group++) offsets[group] = -zero * scales[group];
    }
    return 1;
}

/* One block at a time, so that the decoded integers stay in the nearest cache. */
static void dequantize_blocks(const struct block_format *known, const uint8_t *restrict blocks,
                              float *restrict values, int64_t count) {
    uint8_t quants[block_elements_max];
    float scales[block_groups_max], minimums[block_groups_max];
    const struct integer_view_shape shape = known->shape;
    const int32_t groups = shape.block_elements / shape.group_elements;
    for (int64_t block = 0; block < count; block++) {
        known->decode(blocks + block * shape.block_bytes, 1, quants, scales, minimums);
        for (int32_t group = 0; group < groups; group++) {
            const uint8_t *quant = quants + group * shape.group_elements;
            const float scale = scales[group];
            if (shape.has_offset) {
                for (int32_t i = 0; i < shape.group_elements; i++) {
                    values[i] = scale * (float)quant[i] + minimums[group];
                }
            } else {
                for (int32_t i = 0; i < shape.group_elements; i++) {
                    values[i] = scale * (float)((int32_t)quant[i] - shape.zero_point);
                }
            }
            values += shape.group_elements;
        }
    }
}

int dequantize_row(int32_t format, const void *blocks, float *values, int64_t elements) {
    const uint8_t *bytes = blocks;
    if (elements < 0) return 0;
    switch (format) {
    case 0: /* F32 */
        memcpy(values, bytes, (size_t)elements * 4);
        return 1;
    case 1: /* F16 */
        for (int64_t i = 0; i < elements; i++) values[i] = f16_at(bytes + i * 2);
        return 1;
    case 30: /* BF16: the upper half of an F32 */
        for (int64_t i = 0; i < elements; i++) {
            uint16_t upper;
            memcpy(&upper, bytes + i * 2, 2);
            const uint32_t bits = (uint32_t)upper << 16;
            memcpy(values + i, &bits, 4);
        }
        return 1;
    default: {
        const struct block_format *known = block_format(format);
        if (!known->decode || elements % known->shape.block_elements != 0) return 0;
        dequantize_blocks(known, bytes, values, elements / known->shape.block_elements);
        return 1;
    }
    }
}

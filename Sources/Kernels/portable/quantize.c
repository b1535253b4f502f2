/* quantize.c: from a format number to its encoder; the formats that are floats themselves. */
#include "quantize.h"
#include "dequantize.h"
#include "formats.h"
#include "quantize_blocks.h"

static encode_fn *const encoders[] = {
    [2] = encode_q4_0,  [3] = encode_q4_1,  [6] = encode_q5_0,  [7] = encode_q5_1,
    [8] = encode_q8_0,  [12] = encode_q4_k, [13] = encode_q5_k, [14] = encode_q6_k,
};

static encode_fn *encoder(int32_t format) {
    const int32_t count = (int32_t)(sizeof encoders / sizeof encoders[0]);
    return format >= 0 && format < count ? encoders[format] : NULL;
}

float quantize_magnitude_max(int32_t format) {
    switch (format) {
    case FORMAT_F32: return 0x1.fffffep127f;
    case FORMAT_BF16: return 0x1.fep127f;
    case FORMAT_F16: return 65504;
    default: return encoder(format) ? 65504 : 0;
    }
}

int64_t quantize_first_unfit(const float *values, int64_t elements, float magnitude_max) {
    for (int64_t i = 0; i < elements; i++)
        if (!(fabsf(values[i]) <= magnitude_max)) return i;
    return -1;
}

int quantize_row(int32_t format, const float *values, void *blocks, int64_t elements) {
    uint8_t *bytes = blocks;
    if (elements < 0) return 0;
    if (format == FORMAT_F32) {
        memcpy(bytes, values, (size_t)elements * 4);
        return 1;
    }
    if (format == FORMAT_F16 || format == FORMAT_BF16) {
        for (int64_t i = 0; i < elements; i++) {
            const uint16_t bits = format == FORMAT_F16 ? float_to_half(values[i]) : float_to_bfloat(values[i]);
            memcpy(bytes + 2 * i, &bits, 2);
        }
        return 1;
    }
    encode_fn *encode = encoder(format);
    if (!encode) return 0;
    const int32_t block = integer_view_shape(format).block_elements;
    if (elements % block != 0) return 0;
    encode(values, elements / block, bytes);
    return 1;
}

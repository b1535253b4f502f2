// attention_store.c: new keys and values into their slots, shared by every table; the layouts are those of
// attention.h.
#include "attention_steps.h"

#include <math.h>
#include <string.h>

/* One head's row as elements of floats: where it is when it is f32, else converted into `narrow`. */
static const void *narrowed(
    const struct row_kernels *rows, const float *row, uint16_t *narrow, int32_t head_size,
    enum attention_element element) {
    if (element == attention_element_f32) return row;
    if (element == attention_element_f16) rows->f32_to_f16(narrow, row, head_size);
    else rows->f32_to_bf16(narrow, row, head_size);
    return narrow;
}

/* Units of `bytes`, `step` bytes apart. */
static void scatter(char *target, const void *source, ptrdiff_t count, size_t bytes, ptrdiff_t step) {
    for (ptrdiff_t i = 0; i < count; i++) {
        const char *unit = (const char *)source + i * (ptrdiff_t)bytes;
        if (bytes == 1) target[i * step] = *unit;
        else if (bytes == 2) memcpy(target + i * step, unit, 2);
        else memcpy(target + i * step, unit, 4);
    }
}

/* Where a head's elements and scales of a lot begin, and the slot there. */
struct slot {
    char *elements;
    float *scales;
    ptrdiff_t at;
};

static struct slot slot_of(
    const struct attention_store_job *job, void *lots, float *scales, struct attention_place place, ptrdiff_t head) {
    ptrdiff_t lot = place.lot * job->lot_stride, slots = head * attention_lot_tokens;
    ptrdiff_t elements = slots * job->head_size * (ptrdiff_t)attention_element_bytes(job->element);
    struct slot slot = {
        .elements = (char *)lots + lot + elements,
        .scales = scales ? (float *)((char *)scales + lot) + slots : NULL,
        .at = place.slot,
    };
    return slot;
}

/* A row after its transform as integers, and the scale that makes products what they were before it. */
static float quantized(const struct row_kernels *rows, const float *spread, int8_t *quants, int32_t head_size) {
    return rows->f32_to_i8(quants, spread, head_size) / (float)hadamard_size(head_size);
}

/* A value's scale as a power of two: see attention.h. */
static float scale_power(float scale) {
    if (!(scale <= ATTENTION_SCALE_GREATEST)) return NAN;
    return portable_log2(scale < ATTENTION_SCALE_LEAST ? ATTENTION_SCALE_LEAST : scale);
}

static void put_integer_value(const struct row_kernels *rows, struct slot slot, const float *value, int32_t size) {
    float spread[attention_head_size_max];
    int8_t quants[attention_head_size_max];
    rows->hadamard_f32(spread, value, size);
    slot.scales[slot.at] = scale_power(quantized(rows, spread, quants, size));
    scatter(slot.elements + slot.at / 4 * 4 * size + slot.at % 4, quants, size, 1, 4);
}

/* Leaves a key's lead away from the first of its block, as that one's integers have it. */
static void subtract_first(float *spread, const uint8_t *block, float scale, ptrdiff_t size) {
    for (ptrdiff_t four = 0; four < size / 4; four++)
        for (ptrdiff_t i = 0; i < 4; i++)
            spread[four * 4 + i] -= (float)(block[four * attention_block_tokens * 4 + i] - attention_key_zero) * scale;
}

static void put_integer_key(const struct row_kernels *rows, struct slot slot, const float *key, int32_t size) {
    float spread[attention_head_size_max];
    int8_t quants[attention_head_size_max];
    ptrdiff_t in_block = slot.at % attention_block_tokens, first = slot.at - in_block;
    uint8_t *block = (uint8_t *)slot.elements + first * size;
    rows->hadamard_f32(spread, key, size);
    if (in_block > 0) subtract_first(spread, block, slot.scales[first] * (float)hadamard_size(size), size);
    slot.scales[slot.at] = quantized(rows, spread, quants, size);
    for (ptrdiff_t d = 0; d < size; d++) ((uint8_t *)quants)[d] = (uint8_t)(quants[d] + attention_key_zero);
    scatter((char *)block + in_block * 4, quants, size / 4, 4, attention_block_tokens * 4);
}

static void put_float_value(const struct row_kernels *rows, struct slot slot, const float *value, int32_t size,
                            enum attention_element element) {
    uint16_t narrow[attention_head_size_max];
    size_t bytes = (size_t)size * attention_element_bytes(element);
    memcpy(slot.elements + slot.at * (ptrdiff_t)bytes, narrowed(rows, value, narrow, size, element), bytes);
}

static void put_float_key(const struct row_kernels *rows, struct slot slot, const float *key, int32_t size,
                          enum attention_element element) {
    uint16_t narrow[attention_head_size_max];
    ptrdiff_t bytes = (ptrdiff_t)attention_element_bytes(element), in_block = slot.at % attention_block_tokens;
    char *block = slot.elements + (slot.at - in_block) * size * bytes;
    scatter(block + in_block * bytes, narrowed(rows, key, narrow, size, element), size, (size_t)bytes,
            attention_block_tokens * bytes);
}

static void store_head(const struct row_kernels *rows, const struct attention_store_job *job,
                       struct attention_place place, ptrdiff_t head, ptrdiff_t offset) {
    struct slot value = slot_of(job, job->value_lots, job->value_scales, place, head);
    struct slot key = slot_of(job, job->key_lots, job->key_scales, place, head);
    if (job->element == attention_element_i8) {
        put_integer_value(rows, value, job->values + offset, job->head_size);
        put_integer_key(rows, key, job->keys + offset, job->head_size);
    } else {
        put_float_value(rows, value, job->values + offset, job->head_size, job->element);
        put_float_key(rows, key, job->keys + offset, job->head_size, job->element);
    }
}

void attention_store(
    const struct attention_steps *steps, const struct attention_store_job *job) {
    for (int32_t r = 0; r < job->rows; r++) {
        struct attention_place place = attention_place_of(job->pages, job->page_size, job->first_position + r);
        for (ptrdiff_t head = 0; head < job->kv_heads; head++)
            store_head(steps->rows, job, place, head, r * job->row_stride + head * job->head_size);
    }
}

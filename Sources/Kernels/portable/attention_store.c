// attention_store.c: new keys and values into their slots, shared by every table; the layouts are those of
// attention.h.
#include "attention_steps.h"

#include <string.h>

/* One head's row as elements: where it is when it is f32, else converted into `narrow`. */
static const void *narrowed(
    const struct attention_steps *steps, const float *row, uint16_t *narrow, float *scale, int32_t head_size,
    enum attention_element element, int32_t limit) {
    switch (element) {
    case attention_element_f32: return row;
    case attention_element_f16: steps->rows->f32_to_f16(narrow, row, head_size); break;
    case attention_element_bf16: steps->rows->f32_to_bf16(narrow, row, head_size); break;
    case attention_element_i8: *scale = steps->rows->f32_to_i8((int8_t *)narrow, row, head_size); break;
    case attention_element_i16: *scale = steps->rows->f32_to_i16((int16_t *)narrow, row, head_size, limit); break;
    }
    return narrow;
}

/* Pairs of dimensions, `step` bytes apart. */
static void copy_pairs(char *target, const char *source, ptrdiff_t size, ptrdiff_t step) {
    for (ptrdiff_t pair = 0; pair < size / 2; pair++) memcpy(target + pair * step, source + pair * 4, 4);
}

/* Every other 16-bit element. */
static void copy_alternate(char *target, const char *source, ptrdiff_t size) {
    for (ptrdiff_t d = 0; d < size; d++) memcpy(target + d * 4, source + d * 2, 2);
}

static void copy_column(char *column, const char *key, ptrdiff_t size, size_t bytes) {
    for (ptrdiff_t d = 0; d < size; d++) {
        if (bytes == 1) column[d * attention_block_tokens] = key[d];
        else if (bytes == 2) memcpy(column + d * attention_block_tokens * 2, key + d * 2, 2);
        else memcpy(column + d * attention_block_tokens * 4, key + d * 4, 4);
    }
}

static void put_scale(float *scales, ptrdiff_t bytes, ptrdiff_t slot, float scale) {
    if (scales) ((float *)((char *)scales + bytes))[slot] = scale;
}

static void put_value(
    char *lot, ptrdiff_t slot, const void *value, ptrdiff_t size, enum attention_element element) {
    ptrdiff_t bytes = size * (ptrdiff_t)attention_element_bytes(element);
    if (element == attention_element_i16) copy_alternate(lot + slot / 2 * 2 * bytes + slot % 2 * 2, value, size);
    else memcpy(lot + slot * bytes, value, (size_t)bytes);
}

static void put_key(char *lot, ptrdiff_t slot, const void *key, ptrdiff_t size, enum attention_element element) {
    ptrdiff_t bytes = (ptrdiff_t)attention_element_bytes(element), in_block = slot % attention_block_tokens;
    char *block = lot + (slot - in_block) * size * bytes;
    if (element == attention_element_i16) copy_pairs(block + in_block * 4, key, size, attention_block_tokens * 4);
    else copy_column(block + in_block * bytes, key, size, (size_t)bytes);
}

void attention_store(
    const struct attention_steps *steps, const struct attention_store_job *job) {
    uint16_t narrow[attention_head_size_max];
    ptrdiff_t size = job->head_size;
    for (int32_t r = 0; r < job->rows; r++) {
        int32_t position = job->first_position + r;
        struct attention_place place = attention_place_of(job->pages, job->page_size, position);
        ptrdiff_t lot = place.lot * job->lot_stride;
        for (ptrdiff_t head = 0; head < job->kv_heads; head++) {
            ptrdiff_t offset = r * job->row_stride + head * size, slot = head * attention_lot_tokens + place.slot;
            float scale = 0;
            const void *value = narrowed(
                steps, job->values + offset, narrow, &scale, job->head_size, job->element, attention_value_limit);
            put_value((char *)job->value_lots + lot, slot, value, size, job->element);
            put_scale(job->value_scales, lot, slot, scale);
            const void *key = narrowed(
                steps, job->keys + offset, narrow, &scale, job->head_size, job->element, attention_key_limit);
            put_key((char *)job->key_lots + lot, slot, key, size, job->element);
            put_scale(job->key_scales, lot, slot, scale);
        }
    }
}

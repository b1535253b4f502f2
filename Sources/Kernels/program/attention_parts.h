/* attention_parts.h: how attention is shared out by heads, and where a head lies in a lot. */
#ifndef KERNELS_ATTENTION_PARTS_H
#define KERNELS_ATTENTION_PARTS_H
#include "run.h"

/* One KV head's attention for one block of rows. */
struct attention_part {
    int32_t block, kv_head;
};

static inline int64_t attention_part_count(const struct attention_layer *layer, const struct step *step) {
    return (int64_t)step->block_count * layer->kv_heads;
}

/* Pieces of prompts stand last in a step, and cost the most: they go first, so that nobody waits for one
 * that began late. */
static inline struct attention_part attention_part_of(const struct attention_layer *layer, const struct step *step,
                                                      int64_t part) {
    return (struct attention_part){
        .block = step->block_count - 1 - (int32_t)(part / layer->kv_heads),
        .kv_head = (int32_t)(part % layer->kv_heads),
    };
}

static inline int32_t first_position(const struct step_block *block, const struct step_span *span) {
    return span->first_position + block->first_row - span->first_row;
}

static inline size_t slot_bytes(const struct attention_layer *layer) {
    return (size_t)layer->head_size * attention_element_bytes(layer->element);
}

/* Bytes of one head's keys, or values, in a lot. */
static inline size_t head_lot_bytes(const struct attention_layer *layer) {
    return attention_lot_tokens * slot_bytes(layer);
}

#endif

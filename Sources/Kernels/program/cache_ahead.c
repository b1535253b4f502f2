/* cache_ahead.c: the keys and values that the next attention will read.
 * Products of several rows are bound by arithmetic and attention of single rows by memory, so the products
 * fetch for it.  A worker lists the parts of its own number: who claims another's part finds it in L3. */
#include "attention_parts.h"

static const struct attention_layer *next_attention(const struct program *program, int32_t operation) {
    for (; operation < program->count; operation++)
        if (program->operations[operation].kind == OPERATION_ATTEND) return &program->operations[operation].attention;
    return NULL;
}

/* Blocks of 16 tokens that a single row sees of one KV head, in order. */
static void list_blocks(struct fetch_list *list, const uint8_t **pieces, const struct attention_layer *layer,
                        const uint8_t *head, const int32_t *pages, int32_t position) {
    int32_t begin = attention_first_visible(layer->window, position);
    for (int32_t at = begin / attention_block_tokens * attention_block_tokens; at <= position;
         at += attention_block_tokens) {
        if (list->count == CACHE_PIECES_MAX) return;
        struct attention_place place =
            attention_place_of(pages[at / layer->page_size], layer->page_size, at % layer->page_size);
        pieces[list->count++] = head + (size_t)place.lot * layer->lot_stride + (size_t)place.slot * slot_bytes(layer);
    }
}

void list_cache_ahead(const struct run *run, int32_t operation, const uint8_t *pieces[CACHE_PIECES_MAX]) {
    struct fetch_list *list = run->cache_ahead;
    const struct step *step = run->step;
    *list = (struct fetch_list){ .pieces = pieces };
    if (step->rows <= ACTIVATION_SLOTS) return; /* a single tile, which fetches weights */
    const struct attention_layer *layer = next_attention(run->program, operation);
    if (!layer) return;
    list->piece_bytes = attention_block_tokens * slot_bytes(layer);
    int32_t workers = workers_count(run->team);
    for (int64_t next = run->worker; next < attention_part_count(layer, step); next += workers) {
        struct attention_part part = attention_part_of(layer, step, next);
        const struct step_block *block = &step->blocks[part.block];
        const struct step_span *span = &step->spans[block->span];
        if (block->row_count > 1) continue;
        size_t head = (size_t)part.kv_head * head_lot_bytes(layer);
        int32_t position = first_position(block, span);
        list_blocks(list, pieces, layer, layer->keys + head, span->pages[layer->group], position);
        list_blocks(list, pieces, layer, layer->values + head, span->pages[layer->group], position);
    }
}

/* cache_ahead.c: the keys and values that the next attention will read.
 * Products of several rows are bound by arithmetic and attention of single rows by memory, so the products
 * fetch for it.  A worker lists the parts of its own number: who claims another's part finds it in L3.
 * It begins as late as it can: neighbours on the same chip displace what lies in a cache within a millisecond. */
#include "attention_parts.h"

/* Where the next attention stands, or the program's end. */
static int32_t next_attention(const struct program *program, int32_t operation) {
    while (operation < program->count && program->operations[operation].kind != OPERATION_ATTEND) operation++;
    return operation;
}

/* How often the tiles of one integer matrix call fetch_next. */
static int64_t fetches_of(const struct packed_matrix *matrix, const struct matmul_kernels *kernels, int32_t rows) {
    int32_t together = panels_together(kernels, matrix->layout, rows);
    int32_t fetching = parts_of(rows, PRODUCT_ROWS_MAX) * fetching_tiles(together);
    int32_t tiles = parts_of(rows, kernels->tile_rows / together) - fetching;
    return (int64_t)panel_count(matrix->rows) * (matrix->cols / ACTIVATION_BLOCK) * tiles / together;
}

/* How often one worker's tiles call it in operations [begin, end). */
static int64_t fetches_in(const struct run *run, int32_t begin, int32_t end) {
    const struct matmul_kernels *kernels = run->program->kernels->matmul;
    if (!kernels->tile_rows) return 0;
    int64_t fetches = 0;
    for (const struct operation *at = &run->program->operations[begin]; at < &run->program->operations[end]; at++) {
        if (at->kind != OPERATION_MULTIPLY) continue;
        for (int32_t i = 0; i < at->multiply.count; i++) {
            const struct packed_matrix *matrix = &at->multiply.products[i].matrix;
            if (!layout_is_float(matrix->layout)) fetches += fetches_of(matrix, kernels, run->step->rows);
        }
    }
    return fetches / workers_of(run);
}

/* Blocks of 16 tokens that a single row sees of one KV head, in order. */
static void list_blocks(struct fetch_list *list, const uint8_t **pieces, const struct attention_layer *layer,
                        const uint8_t *head, const int32_t *pages, int32_t position) {
    int32_t begin = attention_first_visible(layer->window, position);
    for (int32_t at = begin / attention_block_tokens * attention_block_tokens; at <= position;
         at += attention_block_tokens) {
        if (list->count == CACHE_PIECES_MAX) return;
        struct attention_place place = attention_place_of(pages, layer->page_size, at);
        pieces[list->count++] = head + (size_t)place.lot * layer->lot_stride + (size_t)place.slot * slot_bytes(layer);
    }
}

void list_cache_ahead(const struct run *run, int32_t operation, const uint8_t *pieces[CACHE_PIECES_MAX]) {
    struct fetch_list *list = run->cache_ahead;
    const struct step *step = run->step;
    *list = (struct fetch_list){ .pieces = pieces };
    if (step->rows <= ACTIVATION_SLOTS) return; /* a single tile, which fetches weights */
    int32_t end = next_attention(run->program, operation);
    if (end == run->program->count) return;
    const struct attention_layer *layer = &run->program->operations[end].attention;
    list->piece_bytes = attention_block_tokens * slot_bytes(layer);
    int32_t workers = workers_of(run);
    for (int64_t next = first_part(run); next < attention_part_count(layer, step); next += workers) {
        struct attention_part part = attention_part_of(layer, step, next);
        const struct step_block *block = &step->blocks[part.block];
        const struct step_span *span = &step->spans[block->span];
        if (block->row_count > 1) continue;
        size_t head = (size_t)part.kv_head * head_lot_bytes(layer);
        int32_t position = first_position(block, span);
        list_blocks(list, pieces, layer, layer->keys + head, span->pages[layer->group], position);
        list_blocks(list, pieces, layer, layer->values + head, span->pages[layer->group], position);
    }
    list->waits = fetches_in(run, operation, end) - list->count * (int64_t)(list->piece_bytes / FETCH_BYTES);
}

// attention_integers.c: a span of keys and values in 8-bit integers, shared by every table.
// One idea: a chunk of 64 slots goes all the way, from keys to sums, while it, one tile's scores and everybody's sums
// lie in L1; sums count beside a power of two, which a greater score raises.
#include "attention_pass.h"

#include <string.h>

/* Slots of a span that some of a tile's rows see, and that all of them do. */
struct tile_sight {
    struct slot_range some, all;
};

/* Blocks [begin, end) of a chunk, and where its block 0 is, or would be, among those that are read. */
struct chunk {
    int32_t first_slot, begin, end;
    const void *const *keys, *const *values;
    const float *const *key_scales;
    struct attention_levels levels;
};

/* A span's blocks as they are read: a chunk's keys, its values, the next chunk's.  Of the first chunk begin may not be
 * there, nor of the last chunk the end. */
struct reading_order {
    const void *blocks[attention_chunk_blocks + 2 * attention_span_blocks + attention_fetched_blocks];
    int32_t count;
};

static int32_t chunk_of(int32_t block) { return block / attention_chunk_blocks; }

/* Blocks of the span's that belong to a chunk: [begin, end). */
static struct slot_range blocks_of(const struct span_pass *pass, int32_t chunk) {
    int32_t first = chunk * attention_chunk_blocks;
    return (struct slot_range){
        larger(first_block(pass->range), first),
        smaller(last_block(pass->range), first + attention_chunk_blocks),
    };
}

static void append(struct reading_order *order, const void *const *blocks, int32_t begin, int32_t end) {
    for (int32_t b = begin; b < end; b++) order->blocks[order->count++] = blocks[b];
}

static void put_in_order(struct reading_order *order, const struct span_pass *pass) {
    int32_t end = last_block(pass->range);
    order->count = attention_chunk_blocks;
    for (int32_t chunk = chunk_of(first_block(pass->range)); chunk <= chunk_of(end - 1); chunk++) {
        struct slot_range blocks = blocks_of(pass, chunk);
        append(order, pass->keys, blocks.begin, blocks.end);
        append(order, pass->values, blocks.begin, blocks.end);
    }
    append(order, pass->values, end, end + attention_fetched_blocks);
}

static struct tile_sight sight_of(const struct span_pass *pass, int32_t tile) {
    const struct attention_job *job = pass->block->job;
    int32_t first = pass->block->first + tile, last = first + tile_rows_at(pass->block, tile) - 1;
    /* From where the last row begins to where the first one ends. */
    return (struct tile_sight){ tile_range(pass, tile), visible(job, last, first, pass->span) };
}

/* Bits [begin, end) of those from `first` on, of which there are 64. */
static uint64_t bits_of(struct slot_range range, int32_t first) {
    int32_t begin = larger(range.begin - first, 0), end = smaller(range.end - first, attention_chunk_tokens);
    return begin < end ? ~(uint64_t)0 >> (attention_chunk_tokens - (end - begin)) << begin : 0;
}

/* Rows [begin, end) of a block of pairs, and whether all of them see all of the chunk at hand. */
struct row_range {
    int32_t begin, end;
    int see_all;
};

/* What each of some rows sees of a chunk; heads of one row see the same. */
static void mark_visible(const struct span_pass *pass, struct row_range rows, int32_t first_slot, uint64_t *marks) {
    const struct attention_job *job = pass->block->job;
    int32_t pair = pass->block->first + rows.begin, head = pair % job->group;
    for (int32_t r = 0; r < rows.end - rows.begin; r++, head++) {
        if (head == job->group) head = 0;
        marks[r] = r > 0 && head > 0 ? marks[r - 1] : bits_of(visible(job, pair + r, pair + r, pass->span), first_slot);
    }
}

/* Scores, from that of the first block on, of the tile that begins with row `number` of the block of pairs. */
static void score_tile(
    const struct span_pass *pass, int32_t number, const void *const *keys, const float *const *key_scales,
    struct slot_range blocks, float *scores) {
    int32_t head_size = pass->block->job->head_size;
    const float *queries = pass->space->queries + (ptrdiff_t)number * head_size;
    pass->steps->scores(
        scores, queries, tile_rows_at(pass->block, number), keys, key_scales, blocks.begin, blocks.end,
        attention_element_i8, head_size);
}

/* The powers of a chunk, which the tile sees all of; greatest: of all tiles that are weighed together. */
static void power_tile(
    const struct span_pass *pass, const struct chunk *chunk, int32_t number, float *scores, float *greatest) {
    int32_t head_size = pass->block->job->head_size;
    struct attention_powers job = {
        .query = pass->space->queries + (ptrdiff_t)number * head_size,
        .count = tile_rows_at(pass->block, number),
        .head_size = head_size,
        .keys = chunk->keys,
        .key_scales = chunk->key_scales,
        .levels = &chunk->levels,
        .scales = pass->space->score_scales + number,
        .scores = scores,
        .greatest = greatest,
    };
    pass->steps->powers(&job);
}

/* Scores of a chunk, or powers if their greatest are known, become weights. */
static void weigh_rows(
    const struct span_pass *pass, const struct chunk *chunk, struct row_range rows, float *scores, float *sums,
    const float *greatest) {
    const struct attention_job *job = pass->block->job;
    uint64_t marks[attention_weighed_rows_max];
    if (!rows.see_all) mark_visible(pass, rows, chunk->first_slot, marks);
    struct attention_weighing weighing = {
        .scores = scores,
        .count = rows.end - rows.begin,
        .head_size = job->head_size,
        .visible = rows.see_all ? NULL : marks,
        .scales = pass->space->score_scales + rows.begin,
        .soft_cap = job->soft_cap,
        .tops = pass->space->tops + rows.begin,
        .lanes = pass->space->lanes + (ptrdiff_t)rows.begin * lane_count,
        .sums = sums + (ptrdiff_t)rows.begin * job->head_size,
        .greatest = greatest,
    };
    pass->steps->weigh(&weighing, &chunk->levels);
}

/* A tile's weights of a chunk, times the values of its blocks. */
static void accumulate_tile(
    const struct span_pass *pass, const struct chunk *chunk, int32_t number, struct slot_range blocks,
    const float *scores, float *sums) {
    int32_t head_size = pass->block->job->head_size;
    pass->steps->accumulate(
        sums + (ptrdiff_t)number * head_size, scores, tile_rows_at(pass->block, number), chunk->values,
        blocks.begin * attention_block_tokens, blocks.end * attention_block_tokens, attention_element_i8, head_size);
}

static int sees_all(const struct tile_sight *sight, const struct chunk *chunk) {
    return sight->all.begin <= chunk->first_slot && sight->all.end >= chunk->first_slot + attention_chunk_tokens;
}

static int sees_none(const struct tile_sight *sight, const struct chunk *chunk) {
    return sight->some.begin >= chunk->first_slot + attention_chunk_tokens || sight->some.end <= chunk->first_slot;
}

/* A chunk's blocks of which a tile sees something. */
static struct slot_range seen_blocks(const struct tile_sight *sight, const struct chunk *chunk) {
    return (struct slot_range){
        larger(chunk->begin, (sight->some.begin - chunk->first_slot) / attention_block_tokens),
        smaller(chunk->end, last_block(sight->some) - chunk->first_slot / attention_block_tokens),
    };
}

static void clear(const struct span_pass *pass, float *sums) {
    size_t pairs = (size_t)pass->block->count;
    memset(sums, 0, pairs * (size_t)pass->block->job->head_size * sizeof(float));
    memset(pass->space->lanes, 0, pairs * lane_count * sizeof(float));
    for (size_t r = 0; r < pairs; r++) pass->space->tops[r] = ATTENTION_TOP_LEAST;
}

/* Chunk `number` of a span; blocks [begin, end) of its own lie at keys[0], values[0]. */
static void prepare_chunk(
    const struct span_pass *pass, int32_t number, struct slot_range blocks, const void *const *keys,
    const void *const *values, struct chunk *chunk) {
    int32_t first = number * attention_chunk_blocks;
    chunk->first_slot = first * attention_block_tokens;
    chunk->begin = blocks.begin - first;
    chunk->end = blocks.end - first;
    chunk->keys = keys - chunk->begin;
    chunk->values = values - chunk->begin;
    chunk->key_scales = pass->key_scales + first;
    pass->steps->level(&chunk->levels, pass->value_scales + first, chunk->begin, chunk->end);
}

/* Nothing else fetches these, and whoever comes to one would wait for memory. */
static void fetch_scales(const struct span_pass *pass) {
    const size_t bytes = attention_block_tokens * sizeof(float);
    for (int32_t b = first_block(pass->range); b < last_block(pass->range); b++) {
        attention_fetch((const char *)pass->key_scales[b], bytes);
        attention_fetch((const char *)pass->value_scales[b], bytes);
    }
}

/* A single tile, which fetches for itself: all keys of the span, then its values. */
static void attend_alone(const struct span_pass *pass, float *sums) {
    struct tile_sight sight = sight_of(pass, 0);
    struct chunk chunk;
    int32_t begin = first_block(pass->range), end = last_block(pass->range);
    fetch_first(pass, pass->keys + begin);
    fetch_scales(pass);
    score_tile(pass, 0, pass->keys, pass->key_scales, (struct slot_range){ begin, end }, pass->space->scores);
    for (int32_t number = chunk_of(begin); number <= chunk_of(end - 1); number++) {
        struct slot_range own = blocks_of(pass, number);
        prepare_chunk(pass, number, own, pass->keys + own.begin, pass->values + own.begin, &chunk);
        float *scores = pass->space->scores + (ptrdiff_t)number * attention_chunk_tokens;
        struct row_range rows = { 0, pass->block->count, sees_all(&sight, &chunk) };
        weigh_rows(pass, &chunk, rows, scores, sums, NULL);
        accumulate_tile(pass, &chunk, 0, (struct slot_range){ chunk.begin, chunk.end }, scores, sums);
    }
}

/* Tiles [first, last) before a chunk of which they see something: as many as are weighed together, so that one does not
 * wait for what another has just begun. */
static void attend_tiles(
    const struct span_pass *pass, const struct chunk *chunk, const struct tile_sight *sights, int32_t first,
    int32_t last, float *sums) {
    int32_t tile_rows = pass->block->tile_rows;
    ptrdiff_t apart = (ptrdiff_t)tile_rows * attention_score_stride;
    struct row_range rows = { first * tile_rows, smaller(last * tile_rows, pass->block->count), 1 };
    float *scores = pass->space->scores;
    _Alignas(64) float greatest[attention_weighed_rows_max * lane_count];
    for (int32_t tile = first; tile < last; tile++) rows.see_all = rows.see_all && sees_all(&sights[tile], chunk);
    int as_powers = rows.see_all && pass->steps->powers && pass->block->job->soft_cap == 0.0f;
    for (int32_t tile = first; tile < last; tile++, scores += apart) {
        int32_t number = tile * tile_rows;
        if (as_powers) power_tile(pass, chunk, number, scores, greatest + (number - rows.begin) * lane_count);
        else score_tile(pass, number, chunk->keys, chunk->key_scales, seen_blocks(&sights[tile], chunk), scores);
    }
    weigh_rows(pass, chunk, rows, pass->space->scores, sums, as_powers ? greatest : NULL);
    scores = pass->space->scores;
    for (int32_t tile = first; tile < last; tile++, scores += apart)
        accumulate_tile(pass, chunk, tile * tile_rows, seen_blocks(&sights[tile], chunk), scores, sums);
}

/* All tiles that see something of a chunk, which stand beside each other; between them the next chunk's blocks are
 * fetched. */
static void attend_chunk(
    const struct span_pass *pass, const struct chunk *chunk, const struct tile_sight *sights,
    struct fetch_list *behind, float *sums) {
    int32_t tile_rows = pass->block->tile_rows, first = 0, end = (pass->block->count + tile_rows - 1) / tile_rows;
    while (first < end && sees_none(&sights[first], chunk)) first++;
    while (first < end && sees_none(&sights[end - 1], chunk)) end--;
    for (int32_t last; first < end; first = last) {
        last = smaller(end, first + attention_weighed_rows_max / tile_rows);
        for (int32_t tile = first; tile < last; tile++) fetch_share(behind, pass);
        attend_tiles(pass, chunk, sights, first, last, sums);
    }
}

/* Several tiles, chunk by chunk. */
static void attend_together(const struct span_pass *pass, float *sums) {
    struct tile_sight sights[attention_rows_max];
    struct reading_order order;
    struct chunk chunk;
    int32_t tile_rows = pass->block->tile_rows, end = last_block(pass->range);
    for (int32_t tile = 0; tile < pass->block->count; tile += tile_rows)
        sights[tile / tile_rows] = sight_of(pass, tile);
    put_in_order(&order, pass);
    const void *const *at = order.blocks + attention_chunk_blocks;
    for (int32_t number = chunk_of(first_block(pass->range)); number <= chunk_of(end - 1); number++) {
        struct slot_range own = blocks_of(pass, number);
        prepare_chunk(pass, number, own, at, at + own.end - own.begin, &chunk);
        at += 2 * (own.end - own.begin);
        int32_t left = (int32_t)(order.blocks + order.count - at);
        struct fetch_list behind = fetch_behind(pass, at, smaller(2 * attention_chunk_blocks, left));
        attend_chunk(pass, &chunk, sights, &behind, sums);
    }
}

void attention_integers_span(const struct span_pass *pass, float (*states)[2], float *sums) {
    clear(pass, sums);
    if (pass->block->count <= pass->block->tile_rows) attend_alone(pass, sums);
    else attend_together(pass, sums);
    pass->steps->total(states, pass->space->tops, pass->space->lanes, pass->block->count);
}

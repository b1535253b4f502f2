/* matmul.h: packed weights times activations.
 * y[t, r] = sum_c w[r, c] * x[t, c].  Weights are packed once, at load, into panels of 16 rows, so
 * that one vector instruction serves 16 (or 8) output rows and no sum runs across lanes.
 *
 * Float layouts: F32 and F16 [panels][cols][16] elements; BF16 [panels][cols / 2][16][2], so that one
 *   instruction takes two columns; a zero follows an odd number of them.
 * Integer layouts: value = scale * (q - zero) + offset, per row and group of 32 or 16 columns:
 *   [panels][cols / 32] blocks of
 *     quants   U4: [4][16 rows][4] bytes; byte (j, r, i) holds column 4j+i in its low nibble and
 *              column 16+4j+i in its high nibble.   U8: [8][16 rows][4] bytes; column 4j+i.
 *              T4: as U4, but a nibble is the number of a quant in the matrix's table.
 *     scales   f16 [32 / group][16]
 *     offsets  f16 [32 / group][16], only when the matrix has offsets
 * Rows past the last one are zero.  All scales of a matrix may carry a common power of two that
 * keeps them inside f16; output_scale takes it back.
 *
 * The order of float operations is part of the contract, and every twin keeps it bit for bit:
 *   integer: acc = 0; per block, per group: acc = fma(ws * (float)sum((q - zero) * x), xs, acc);
 *            then, with offsets, acc = fma(wo, xs * (float)sum(x), acc).  y = acc * output_scale.
 *   F32, F16: acc = fma(w, x, acc) in column order, x being f32.
 *   BF16: acc = 0; per pair of columns acc = fma(w, x, acc), first of the odd column, then of the even one,
 *            x being rounded rows.  This is VDPBF16PS by Intel's definition: rounding to nearest even,
 *            denormal inputs count as zeros of their sign, and a result that is denormal after rounding to
 *            24 bits becomes a zero of its sign, whatever the thread's own mode.
 * Which NaN a NaN is, is left open, and whether an infinite scale gives infinities or NaNs.
 */
#ifndef TOKENMILL_MATMUL_H
#define TOKENMILL_MATMUL_H
#include "activations.h"
#include "fetch.h"

enum {
    PANEL_ROWS = 16,
    /* Places of a matrix that a kernel may read at once for a single row, each in one direction: memory then
     * runs ahead further than it would for one place, and no instruction need fetch.  Ranges for few rows are
     * worth cutting no shorter. */
    PLACES_AT_ONCE = 3
};

enum weight_layout {
    LAYOUT_F32, LAYOUT_F16, LAYOUT_BF16, LAYOUT_U4_G32, LAYOUT_U4_G16, LAYOUT_T4_G32,
    LAYOUT_U8_G32, LAYOUT_U8_G16,
    LAYOUT_COUNT
};

struct packed_matrix {
    const uint8_t *data;
    int32_t layout;
    int32_t rows, cols;
    int32_t zero;          /* integer layouts: the quant that means 0 */
    int32_t quant_maximum; /* largest quant in use: how many products fit into 16 bits */
    int32_t has_offsets;
    float output_scale;
    const uint8_t *table; /* T4: [16] quants; NULL elsewhere */
};

static inline int32_t layout_is_float(int32_t layout) { return layout <= LAYOUT_BF16; }

/* Of integer layouts: bits that a quant takes, and columns that share a scale. */
static inline int32_t layout_bits(int32_t layout) { return layout >= LAYOUT_U8_G32 ? 8 : 4; }
static inline int32_t layout_group(int32_t layout) {
    return layout == LAYOUT_U4_G16 || layout == LAYOUT_U8_G16 ? 16 : 32;
}

/* What products with weights of a layout read. */
static inline enum activation_form layout_activations(int32_t layout) {
    if (layout == LAYOUT_BF16) return ACTIVATION_ROUNDED;
    return layout_is_float(layout) ? ACTIVATION_F32 : ACTIVATION_QUANTIZED;
}

static inline int32_t panel_count(int32_t rows) { return (rows + PANEL_ROWS - 1) / PANEL_ROWS; }

/* Bytes of one block of 32 columns of one panel. */
static inline size_t panel_block_bytes(int32_t layout, int32_t has_offsets) {
    switch (layout) {
    case LAYOUT_F32: return 32 * PANEL_ROWS * 4;
    case LAYOUT_F16:
    case LAYOUT_BF16: return 32 * PANEL_ROWS * 2;
    default: {
        size_t quants = (size_t)layout_bits(layout) * 64, groups = 32 / (size_t)layout_group(layout);
        return quants + groups * PANEL_ROWS * 2 * (has_offsets ? 2 : 1);
    }
    }
}

/* Bytes of one panel.  Float layouts take any cols, integer layouts whole blocks of 32. */
static inline size_t panel_bytes(int32_t layout, int32_t has_offsets, int32_t cols) {
    if (layout_is_float(layout))
        return panel_block_bytes(layout, 0) / 32 * (layout == LAYOUT_BF16 ? even_columns(cols) : (size_t)cols);
    return panel_block_bytes(layout, has_offsets) * ((size_t)cols / 32);
}

/* Where a float layout keeps a panel's (row, column), counted in elements. */
static inline size_t float_place(int32_t layout, size_t row, size_t column) {
    if (layout != LAYOUT_BF16) return column * PANEL_ROWS + row;
    return column / 2 * 2 * PANEL_ROWS + row * 2 + column % 2;
}

/* Panels [begin, end) of a matrix. */
struct panel_range {
    int32_t begin, end;
};

enum {
    /* Rows that go over the weights together: whole groups, which stay in L2 beside a panel. */
    PRODUCT_ROWS_MAX = 128,
    /* Each fetches one half of a panel's blocks, so that memory has time for it. */
    TILES_PER_FETCHED_PANEL = 2,
    /* Where a kernel may write out panels for many rows, and keep their sums. */
    PRODUCT_SCRATCH_BYTES = 64 << 10
};

_Static_assert(PRODUCT_ROWS_MAX % ACTIVATION_SLOTS == 0, "a pass begins a group");

/* Rows of activations, and of what becomes of them. */
struct product_rows {
    const uint8_t *x; /* of the form of layout_activations: rows, or groups of four quantized ones */
    size_t x_stride;  /* bytes from one to the next */
    float *y;         /* f32, from the matrix's first output on */
    size_t y_stride;  /* floats from one to the next */
    int32_t count;    /* at most PRODUCT_ROWS_MAX */
    int32_t accumulate; /* add to what stands there, and do not replace it */
    uint8_t *scratch;   /* PRODUCT_SCRATCH_BYTES from a line of 64 on, for this thread alone; for many_rows */
    /* What a kernel with several tiles of rows, whose weights then lie in its caches, may fetch, or NULL. */
    struct fetch_list *meanwhile;
};

/* Those from row `first` on, a multiple of `together`: the rows of one step of `x_stride`, which are
 * ACTIVATION_SLOTS where they are quantized and one elsewhere. */
static inline struct product_rows rows_from(struct product_rows rows, int32_t first, int32_t together) {
    rows.x += (size_t)(first / together) * rows.x_stride;
    rows.y += (size_t)first * rows.y_stride;
    rows.count -= first;
    return rows;
}

/* Some panels times some rows: outputs 16 * begin and on of each. */
typedef void matmul_panels_fn(const struct packed_matrix *w, struct panel_range panels,
                              const struct product_rows *rows);

struct matmul_kernels {
    quantize_row_fn *quantize_row;
    /* Rows of a whole tile of one integer panel.  The first tile of a panel fetches weights, and each of the others
     * calls fetch_next once a block; 0 where none does. */
    int32_t tile_rows;
    /* From so many rows on, more than ACTIVATION_SLOTS, a tile takes `panels_together` panels of a layout: ranges of
     * whole multiples are fastest.  Of integers it has as many times fewer rows, and TILES_PER_FETCHED_PANEL
     * of them fetch each panel behind.  0 where tiles never do. */
    int32_t many_rows;
    int32_t panels_together[LAYOUT_COUNT];
    matmul_panels_fn *panels[LAYOUT_COUNT];
};

/* Panels of a layout in a tile of some rows. */
static inline int32_t panels_together(const struct matmul_kernels *kernels, int32_t layout, int32_t rows) {
    return kernels->many_rows && rows >= kernels->many_rows ? kernels->panels_together[layout] : 1;
}

/* Of tiles of integers that go over so many panels, how many fetch those behind; one fetches all of a single panel. */
static inline int32_t fetching_tiles(int32_t together) {
    return together > 1 ? TILES_PER_FETCHED_PANEL * together : 1;
}

/* The one for matrices of that layout. */
static inline matmul_panels_fn *panels_kernel(const struct matmul_kernels *kernels, int32_t layout) {
    return kernels->panels[layout];
}

extern const struct matmul_kernels matmul_portable;
#if defined(__x86_64__)
extern const struct matmul_kernels matmul_x86_avx2, matmul_x86_avx512, matmul_x86_avx512bf16;
#endif

#endif

/* row_shares.h: a step of many sequences, shared out by rows.
 * Its rows do not look at each other, so each worker goes through the operations with rows of its own: nobody waits
 * for another, and what an operation leaves lies in the cache of who reads it next.  Cores are not always equally
 * fast, so shares follow their paces, and at the product of the outputs, which is large and comes last, who is early
 * takes parts of who is late.
 * But each worker then reads all weights.  Whether that pays depends on the model, the rows and the machine, and is
 * tried: now and then a step goes the other way, and the faster one is kept. */
#ifndef KERNELS_ROW_SHARES_H
#define KERNELS_ROW_SHARES_H
#include "run.h"

/* Rows of each worker, at least. */
enum { SHARE_ROWS_MIN = 2 * ACTIVATION_SLOTS };

/* Rows [first, first + rows) of a step. */
struct row_share {
    struct claims claims; /* parts of their product of the outputs */
    struct gate prepared; /* open: that product's input is there */
    int32_t first, rows;
};

/* Without any, all workers go through the operations together. */
struct row_shares {
    int32_t count;
    struct row_share shares[WORKERS_MAX];
};

/* Shares of a step, or none, after what was faster of late; the trial that is to be told how long it took, or NULL. */
struct sharing_trial *share_rows(struct row_shares *shares, const struct program *program, const struct step *step,
                                 const struct workers *team);
void tell_trial(struct sharing_trial *trial, const struct row_shares *shares, double seconds_per_row);

/* Keeps what a worker took for its share, up to the product of the outputs. */
void tell_pace(const struct program *program, int32_t worker, double rows_per_second);

/* The step as a share has it: its rows, outputs and blocks. */
struct step step_of_share(const struct step *step, const struct row_share *share);

/* Where a program multiplies the outputs, or its end. */
int32_t output_product(const struct program *program);

/* That product: this worker's own share, and then what others have left of theirs. */
void multiply_outputs(const struct multiply_operation *multiply, const struct run *run, const struct step *step,
                      struct row_shares *shares);

#endif

/* row_shares.c: see row_shares.h. */
#include "row_shares.h"

#include <math.h>

enum { FIRST_TRIALS = 16, STEPS_PER_TRIAL = 32 };

/* Neighbours disturb a step now and then: so what was measured last counts for so much of what is kept, a trial for a
 * ratio of so much at most, and before the first one shares are expected to take so much of the time. */
static const double LAST_WEIGHT = 0.15, TRIAL_MAX = 1.25, EXPECTED_RATIO = 0.95;

/* Every row is the only one of its sequence, has a block of its own, and is an output. */
static int32_t rows_stand_alone(const struct step *step) {
    if (step->block_count != step->rows || step->output_count != step->rows) return 0;
    for (int32_t row = 0; row < step->rows; row++) {
        const struct step_block *block = &step->blocks[row];
        if (block->first_row != row || step->spans[block->span].row_count != 1) return 0;
        if (step->output_rows[row] != row) return 0;
    }
    return 1;
}

/* The same of all as long as one is not known. */
static double pace_of(const struct step_sharing *sharing, int32_t workers, int32_t worker) {
    for (int32_t w = 0; w < workers; w++)
        if (sharing->paces[w] <= 0) return 1;
    return sharing->paces[worker];
}

/* Rows are cut between groups, whose activations lie together, and each worker has at least one. */
static void cut_rows(struct row_shares *shares, int32_t rows, const struct step_sharing *sharing) {
    const int32_t workers = shares->count, groups = parts_of(rows, ACTIVATION_SLOTS);
    double all = 0, before = 0;
    for (int32_t w = 0; w < workers; w++) all += pace_of(sharing, workers, w);
    for (int32_t w = 0, first = 0; w < workers; w++) {
        before += pace_of(sharing, workers, w);
        int32_t cut = least((int32_t)(groups * before / all + 0.5), groups - (workers - 1 - w));
        if (cut <= first) cut = first + 1;
        int32_t begin = first * ACTIVATION_SLOTS, end = least(cut * ACTIVATION_SLOTS, rows);
        shares->shares[w] = (struct row_share){ .claims.workers = workers, .first = begin, .rows = end - begin };
        first = cut;
    }
}

static double ratio_of(const struct sharing_trial *trial) { return trial->ratio > 0 ? trial->ratio : EXPECTED_RATIO; }

/* Whether the next step goes the other way: every second one at first, and then now and then. */
static int32_t is_tried(const struct sharing_trial *trial) {
    return trial->steps < FIRST_TRIALS ? trial->steps % 2 : trial->steps % STEPS_PER_TRIAL == 0;
}

struct sharing_trial *share_rows(struct row_shares *shares, const struct program *program, const struct step *step,
                                 const struct workers *team) {
    const int32_t workers = workers_count(team);
    shares->count = 0;
    if (workers == 1 || step->rows < workers * SHARE_ROWS_MIN || !rows_stand_alone(step)) return NULL;
    struct sharing_trial *trial = &program->sharing->trials[least(step->rows / ROWS_PER_TRIAL, SHARING_TRIALS - 1)];
    if ((ratio_of(trial) <= 1) == is_tried(trial)) return trial;
    shares->count = workers;
    cut_rows(shares, step->rows, program->sharing);
    return trial;
}

static double smoothed(double before, double now) { return before + LAST_WEIGHT * (now - before); }

void tell_trial(struct sharing_trial *trial, const struct row_shares *shares, double seconds_per_row) {
    if (is_tried(trial)) {
        double ratio = seconds_per_row / trial->seconds_per_row;
        if (!shares->count) ratio = 1 / ratio;
        trial->ratio = smoothed(ratio_of(trial), fmax(1 / TRIAL_MAX, fmin(ratio, TRIAL_MAX)));
    } else {
        trial->seconds_per_row = seconds_per_row;
    }
    trial->steps++;
}

void tell_pace(const struct program *program, int32_t worker, double rows_per_second) {
    double *pace = &program->sharing->paces[worker];
    *pace = *pace > 0 ? smoothed(*pace, rows_per_second) : rows_per_second;
}

struct step step_of_share(const struct step *step, const struct row_share *share) {
    struct step own = *step;
    own.rows = own.output_count = own.block_count = share->rows;
    own.blocks += share->first;
    return own;
}

int32_t output_product(const struct program *program) {
    for (int32_t at = program->count - 1; at >= 0; at--) {
        const struct operation *operation = &program->operations[at];
        if (operation->kind == OPERATION_MULTIPLY && operation->outputs_only) return at;
    }
    return program->count;
}

static void multiply_share(const struct multiply_operation *multiply, const struct run *run, const struct step *step,
                           struct row_share *share) {
    struct step own = step_of_share(step, share);
    struct run with = *run;
    with.step = &own;
    with.first_row = share->first;
    with.claims = &share->claims;
    run_multiply(multiply, share->rows, &with);
}

void multiply_outputs(const struct multiply_operation *multiply, const struct run *run, const struct step *step,
                      struct row_shares *shares) {
    for (int32_t i = 0; i < shares->count; i++) {
        struct row_share *share = &shares->shares[(run->worker + i) % shares->count];
        if (i == 0) gate_open(&share->prepared);
        else gate_wait(&share->prepared, 0, (struct ahead){ 0 });
        multiply_share(multiply, run, step, share);
    }
}

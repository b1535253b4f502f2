/* program.c: see program.h.  The walk over the operations; the operations themselves are in program/. */
#include "clock.h"
#include "program/row_shares.h"

static void run_operation(const struct operation *operation, const struct run *run) {
    switch (operation->kind) {
    case OPERATION_MULTIPLY: run_multiply(&operation->multiply, rows_of(operation, run), run); break;
    case OPERATION_ROTATE_STORE: run_rotate_store(&operation->attention, run); break;
    case OPERATION_ATTEND: run_attend(operation, run); break;
    default: run_rows(operation, run);
    }
}

/* Runs the operation, and the next one with it where nobody need wait in between: returns how many. */
static int32_t run_operations(const struct operation *operation, const struct run *run) {
    if (operation->feeds_next && run->team && rows_of(operation, run) <= OWN_ROWS_MAX) {
        multiply_own_rows(operation, run);
        return 2;
    }
    if (operation->kind == OPERATION_ROTATE_STORE && heads_stand_alone(&operation->attention, run)) {
        rotate_store_attend(&operation[1], run);
        return 2;
    }
    run_operation(operation, run);
    return 1;
}

static struct ahead ahead_of(const struct operation *operation, const struct run *run) {
    if (operation->feeds_next) operation++;
    return operation->kind == OPERATION_MULTIPLY ? weights_ahead(operation, run) : (struct ahead){ 0 };
}

/* Operations [begin, end) of the rows of a run. */
static void run_range(struct run *run, int32_t begin, int32_t end) {
    const uint8_t *pieces[CACHE_PIECES_MAX];
    struct fetch_list cache_ahead;
    run->cache_ahead = &cache_ahead;
    list_cache_ahead(run, begin, pieces);
    const struct operation *operations = run->program->operations;
    for (int32_t i = begin; i < end;) {
        if (i > begin && run->team) workers_meet(run->team, ahead_of(&operations[i], run));
        i += run_operations(&operations[i], run);
        if (operations[i - 1].kind == OPERATION_ATTEND) list_cache_ahead(run, i, pieces);
    }
    run->cache_ahead = NULL;
}

/* A step, and how it is shared out. */
struct assignment {
    const struct program *program;
    const struct step *step;
    struct row_shares shares;
};

static void run_together(const struct assignment *assignment, struct workers *team, int32_t worker) {
    const struct program *program = assignment->program;
    struct run run = { .program = program, .step = assignment->step, .team = team, .worker = worker };
    run_range(&run, 0, program->count);
}

static void run_share(struct assignment *assignment, struct workers *team, int32_t worker) {
    const struct program *program = assignment->program;
    const struct row_share *share = &assignment->shares.shares[worker];
    struct step own = step_of_share(assignment->step, share);
    struct run run = { .program = program, .step = &own, .worker = worker, .first_row = share->first };
    int32_t outputs = output_product(program);
    double began = clock_seconds();
    run_range(&run, 0, outputs);
    tell_pace(program, worker, share->rows / (clock_seconds() - began));
    if (outputs == program->count) return;
    multiply_outputs(&program->operations[outputs].multiply, &run, assignment->step, &assignment->shares);
    if (outputs + 1 == program->count) return;
    workers_meet(team, (struct ahead){ 0 });
    run_range(&run, outputs + 1, program->count);
}

static void run_worker(void *context, struct workers *team, int32_t worker) {
    struct assignment *assignment = context;
    if (assignment->shares.count) run_share(assignment, team, worker);
    else run_together(assignment, team, worker);
}

void program_run(const struct program *program, const struct step *step, struct workers *team) {
    struct assignment assignment;
    assignment.program = program;
    assignment.step = step;
    struct sharing_trial *trial = share_rows(&assignment.shares, program, step, team);
    double began = clock_seconds();
    workers_run(team, run_worker, &assignment);
    if (trial) tell_trial(trial, &assignment.shares, (clock_seconds() - began) / step->rows);
}

/* program.c: see program.h.  The walk over the operations; the operations themselves are in program/. */
#include "program/run.h"

static void run_operation(const struct operation *operation, const struct run *run) {
    switch (operation->kind) {
    case OPERATION_MULTIPLY: run_multiply(&operation->multiply, run); break;
    case OPERATION_ROTATE_STORE: run_rotate_store(&operation->attention, run); break;
    case OPERATION_ATTEND: run_attend(&operation->attention, run); break;
    default: run_rows(operation, run);
    }
}

/* Runs the operation, and the next one with it where nobody need wait in between: returns how many. */
static int32_t run_operations(const struct operation *operation, const struct run *run) {
    if (operation->feeds_next && rows_of(operation, run) <= OWN_ROWS_MAX) {
        multiply_own_rows(operation, run);
        return 2;
    }
    if (operation->kind == OPERATION_ROTATE_STORE && heads_stand_alone(&operation->attention, run)) {
        rotate_store_attend(&operation[1].attention, run);
        return 2;
    }
    run_operation(operation, run);
    return 1;
}

static struct ahead ahead_of(const struct operation *operation, const struct run *run) {
    if (operation->feeds_next) operation++;
    return operation->kind == OPERATION_MULTIPLY ? weights_ahead(&operation->multiply, run) : (struct ahead){ 0 };
}

static void run_worker(void *context, struct workers *team, int32_t worker) {
    struct run run = *(const struct run *)context;
    run.team = team;
    run.worker = worker;
    const uint8_t *pieces[CACHE_PIECES_MAX];
    struct fetch_list cache_ahead;
    run.cache_ahead = &cache_ahead;
    list_cache_ahead(&run, 0, pieces);
    const struct operation *operations = run.program->operations;
    for (int32_t i = 0; i < run.program->count;) {
        if (i) workers_meet(team, ahead_of(&operations[i], &run));
        i += run_operations(&operations[i], &run);
        if (operations[i - 1].kind == OPERATION_ATTEND) list_cache_ahead(&run, i, pieces);
    }
}

void program_run(const struct program *program, const struct step *step, struct workers *team) {
    struct run run = { .program = program, .step = step };
    workers_run(team, run_worker, &run);
}

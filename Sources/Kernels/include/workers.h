/* workers.h: a fixed team of threads that run one function together and meet at barriers.
 * The caller of workers_run is worker 0.  Between runs the others spin briefly, then sleep, so an
 * idle team costs nothing.  Inside a run, parts of an operation are claimed from a counter; the
 * counter of the next operation is fresh after each meeting. */
#ifndef TOKENMILL_WORKERS_H
#define TOKENMILL_WORKERS_H
#include <stdint.h>

struct workers;

typedef void workers_function(void *context, struct workers *team, int32_t worker);

enum { WORKERS_MAX = 256 };

/* count: 1 to WORKERS_MAX, the caller included.  NULL when threads cannot be made. */
struct workers *workers_create(int32_t count);
/* Joins all threads.  Nothing may be running. */
void workers_destroy(struct workers *team);
int32_t workers_count(const struct workers *team);
/* Runs function(context, team, w) for w in 0 ..< count and returns when all have returned. */
void workers_run(struct workers *team, workers_function *function, void *context);
/* Returns once every worker of the run has called it the same number of times. */
void workers_meet(struct workers *team);
/* The next unclaimed part since the last meeting, counted from 0. */
int64_t workers_claim(struct workers *team);

#endif

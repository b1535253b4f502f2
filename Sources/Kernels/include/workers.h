/* workers.h: a fixed team of threads that run one function together and meet at barriers.
 * The caller of workers_run is worker 0.  Who waits spins briefly, yields, and then sleeps, so an
 * idle team costs nothing.  Inside a run, a worker's first part of an operation is the one of its own
 * number, so that it is known beforehand; further ones are claimed from a counter, which is fresh
 * after each meeting. */
#ifndef TOKENMILL_WORKERS_H
#define TOKENMILL_WORKERS_H
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct workers;

typedef void workers_function(void *context, struct workers *team, int32_t worker);

enum { WORKERS_MAX = 256, CACHE_LINE = 64 };

/* count: 1 to WORKERS_MAX, the caller included.  NULL when threads cannot be made. */
struct workers *workers_create(int32_t count);
/* Joins all threads.  Nothing may be running. */
void workers_destroy(struct workers *team);
int32_t workers_count(const struct workers *team);
/* Runs function(context, team, w) for w in 0 ..< count and returns when all have returned. */
void workers_run(struct workers *team, workers_function *function, void *context);
/* Memory that a worker reads, and so has in its caches, while it waits. */
struct ahead {
    const uint8_t *from;
    size_t bytes;
};

/* Opens once for each of its phases, of which the first is 0. */
struct gate {
    _Alignas(CACHE_LINE) atomic_uint phase;
    atomic_int sleepers;
};

/* Returns once the gate is in another phase. */
void gate_wait(struct gate *gate, unsigned phase, struct ahead ahead);
void gate_open(struct gate *gate);

/* Returns once every worker of the run has called it the same number of times. */
void workers_meet(struct workers *team, struct ahead ahead);
/* The next unclaimed part since the last meeting, counted from workers_count on. */
int64_t workers_claim(struct workers *team);

#endif

/* workers.c: see workers.h.  Spinning is short because cores are shared, with other programs or with a partner
 * that the system put on the same one: past a few microseconds a worker lends its core to whoever waits for it,
 * and then sleeps on a futex. */
#define _GNU_SOURCE
#include "workers.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
    SPINS = 200,  /* some microseconds of pauses */
    YIELDS = 300, /* some tenths of a millisecond, if nobody wants the core */
    COUNTERS = 3 /* this operation's, the next one's, and the one stragglers may still read */
};

struct counter {
    _Alignas(CACHE_LINE) atomic_llong next;
};

struct workers {
    struct gate start, meeting;
    _Alignas(CACHE_LINE) atomic_int arrived;
    struct counter counters[COUNTERS];
    _Alignas(CACHE_LINE) atomic_uint operation;
    int32_t count;
    workers_function *function;
    void *context;
    atomic_int stopping;
    pthread_t threads[WORKERS_MAX];
};

struct membership {
    struct workers *team;
    int32_t worker;
};

static void pause_core(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int is_open(struct gate *gate, unsigned phase) {
    return atomic_load_explicit(&gate->phase, memory_order_acquire) != phase;
}

void gate_wait(struct gate *gate, unsigned phase, struct ahead ahead) {
    /* By loads, not by instructions that fetch, which gain a stream half as much. */
    for (size_t at = 0; at < ahead.bytes; at += CACHE_LINE) {
        if (is_open(gate, phase)) return;
        (void)*(const volatile uint8_t *)(ahead.from + at);
    }
    for (int32_t i = 0; i < SPINS; i++) {
        if (is_open(gate, phase)) return;
        pause_core();
    }
    for (int32_t i = 0; i < YIELDS; i++) {
        if (is_open(gate, phase)) return;
        sched_yield();
    }
    atomic_fetch_add(&gate->sleepers, 1);
    while (atomic_load(&gate->phase) == phase)
        syscall(SYS_futex, &gate->phase, FUTEX_WAIT_PRIVATE, phase, NULL, NULL, 0);
    atomic_fetch_sub(&gate->sleepers, 1);
}

void gate_open(struct gate *gate) {
    atomic_fetch_add(&gate->phase, 1);
    if (atomic_load(&gate->sleepers) > 0) syscall(SYS_futex, &gate->phase, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

void workers_meet(struct workers *team, struct ahead ahead) {
    unsigned phase = atomic_load_explicit(&team->meeting.phase, memory_order_relaxed);
    if (atomic_fetch_add_explicit(&team->arrived, 1, memory_order_acq_rel) != team->count - 1) {
        gate_wait(&team->meeting, phase, ahead);
        return;
    }
    unsigned operation = atomic_load_explicit(&team->operation, memory_order_relaxed) + 1;
    atomic_store_explicit(&team->counters[(operation + 1) % COUNTERS].next, team->count, memory_order_relaxed);
    atomic_store_explicit(&team->operation, operation, memory_order_relaxed);
    atomic_store_explicit(&team->arrived, 0, memory_order_relaxed);
    gate_open(&team->meeting);
}

int64_t workers_claim(struct workers *team) {
    unsigned operation = atomic_load_explicit(&team->operation, memory_order_relaxed);
    return atomic_fetch_add_explicit(&team->counters[operation % COUNTERS].next, 1, memory_order_relaxed);
}

static void *serve(void *argument) {
    struct membership self = *(struct membership *)argument;
    free(argument);
    for (unsigned phase = 0;; phase++) {
        gate_wait(&self.team->start, phase, (struct ahead){ 0 });
        if (atomic_load(&self.team->stopping)) return NULL;
        self.team->function(self.team->context, self.team, self.worker);
        workers_meet(self.team, (struct ahead){ 0 });
    }
}

void workers_run(struct workers *team, workers_function *function, void *context) {
    team->function = function;
    team->context = context;
    gate_open(&team->start);
    function(context, team, 0);
    workers_meet(team, (struct ahead){ 0 });
}

struct workers *workers_create(int32_t count) {
    if (count < 1 || count > WORKERS_MAX) return NULL;
    struct workers *team = aligned_alloc(CACHE_LINE, sizeof *team);
    if (!team) return NULL;
    *team = (struct workers){ .count = 1 };
    for (int32_t w = 1; w < count; w++) {
        struct membership *member = malloc(sizeof *member);
        if (member) *member = (struct membership){ team, w };
        if (!member || pthread_create(&team->threads[w], NULL, serve, member) != 0) {
            free(member);
            workers_destroy(team);
            return NULL;
        }
        team->count = w + 1;
    }
    for (int32_t c = 0; c < COUNTERS; c++) atomic_store(&team->counters[c].next, count);
    return team;
}

void workers_destroy(struct workers *team) {
    atomic_store(&team->stopping, 1);
    gate_open(&team->start);
    for (int32_t w = 1; w < team->count; w++) pthread_join(team->threads[w], NULL);
    free(team);
}

int32_t workers_count(const struct workers *team) { return team->count; }

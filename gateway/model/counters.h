/*
 * The gateway's counters, from one table (counters.def). One process has one set.
 * Threads: any; relaxed atomics, since no counter orders anything.
 */
#ifndef LL_MODEL_COUNTERS_H
#define LL_MODEL_COUNTERS_H

#include <stdint.h>

enum counter {
#define X(name, metric, type, text) COUNTER_##name,
#include "gateway/model/counters.def"
#undef X
    COUNTER_COUNT
};

struct counter_info {
    const char *metric;
    const char *type; /* "counter" or "gauge" */
    const char *text;
};

const struct counter_info *counter_info(enum counter c);

void counter_add(enum counter c, uint64_t n);
void counter_set(enum counter c, uint64_t value);
uint64_t counter_get(enum counter c);

#endif

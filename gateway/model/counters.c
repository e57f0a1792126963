#include "gateway/model/counters.h"

#include <stdatomic.h>

static _Atomic uint64_t values[COUNTER_COUNT];

static const struct counter_info table[COUNTER_COUNT] = {
#define X(name, metric, type, text) [COUNTER_##name] = {metric, #type, text},
#include "gateway/model/counters.def"
#undef X
};

const struct counter_info *counter_info(enum counter c)
{
    return &table[c];
}

void counter_add(enum counter c, uint64_t n)
{
    atomic_fetch_add_explicit(&values[c], n, memory_order_relaxed);
}

void counter_set(enum counter c, uint64_t value)
{
    atomic_store_explicit(&values[c], value, memory_order_relaxed);
}

uint64_t counter_get(enum counter c)
{
    return atomic_load_explicit(&values[c], memory_order_relaxed);
}

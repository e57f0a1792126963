/*
 * The alarms whose state has changed and is yet to be told: each once, in the order in which they
 * changed. Only their ids, since only the state at the time of telling matters.
 *
 * Pure and of fixed size. Threads: one at a time.
 */
#ifndef LL_NOTIFY_CHANGES_H
#define LL_NOTIFY_CHANGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/limits.h"

/* A zeroed one is empty. */
struct changes {
    uint64_t ids[LL_MAX_CHANGED_ALARMS];
    size_t first;
    size_t count;
};

/* One that waits already keeps its place. False: there is no room; nothing is changed. */
bool changes_add(struct changes *c, uint64_t id);
/* Takes the first. False: there is none. */
bool changes_take(struct changes *c, uint64_t *id);

#endif

/*
 * One lane of a destination: what waits in it, how much of that may be sent next, and when.
 * Internal.
 *
 * Not for: sending. Threads: one at a time.
 */
#ifndef LL_EXPORT_LANE_H
#define LL_EXPORT_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/clock.h"
#include "gateway/base/rng.h"
#include "gateway/export/batch.h"

struct lane {
    struct batch batch;
    size_t try_lines;  /* of the next request; halved and doubled while refused lines are sought */
    int64_t wait_ms;   /* that a batch which is not full waits for more */
    unsigned failures; /* in a row */
    struct mono_ns not_before; /* of the next try; only where there were failures */
    size_t rate;               /* lines a second; 0: any */
    struct mono_ns paced;      /* of the next request; only with a rate */
};

/* When the lane may send, in ms from `now`; 0: now; -1: it has nothing to send. */
int64_t lane_due_ms(const struct lane *l, bool full, struct mono_ns now);
/* Lines of the next request at most. */
size_t lane_most(const struct lane *l);
/* So many lines take their share of a second. */
void lane_pace(struct lane *l, size_t lines);
/* One failure more: a jittered wait, or as long as the server asks. Returns it. */
int64_t lane_back_off(struct lane *l, struct rng *rng, int64_t asked_ms);

#endif

/*
 * A timing wheel of one-second slots: deadlines for a very large number of small integers (series).
 *
 * For: silence and delays in the pipeline, so that no tick scans all series (Varghese and Lauck,
 * SOSP 1987, scheme 6 with lazy re-arming). One entry a timer id: arming it later than its slot
 * only moves the deadline, and the visit puts it where it belongs.
 * Pure: no clock; `now_s` is event time. Threads: one at a time.
 */
#ifndef LL_BASE_WHEEL_H
#define LL_BASE_WHEEL_H

#include <stdint.h>

#include "gateway/base/err.h"

struct wheel;

/* `start_s`: the time of the first slot. */
ll_err wheel_new(int64_t start_s, struct wheel **out);
void wheel_free(struct wheel *w);

/* Arms timer `id` (ids are dense from 0) for the second `due_s`; an earlier or later arming of the
 * same id is replaced. A `due_s` in the past is visited at the next advance. LL_ENOMEM. */
ll_err wheel_arm(struct wheel *w, uint32_t id, int64_t due_s);
void wheel_disarm(struct wheel *w, uint32_t id);

/* Moves to `now_s` and calls `fire` once for each timer that is due by then, in the order of their
 * slots and, within one, of their ids, so that a replay repeats it; `fire` may arm timers. A jump
 * backwards is ignored. */
void wheel_advance(struct wheel *w, int64_t now_s, void (*fire)(void *ctx, uint32_t id), void *ctx);

#endif

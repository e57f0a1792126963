/*
 * What the times of the intake's records are worth, from its ticks alone.
 *
 * A machine without a battery starts with any time, and the right one comes later, by NTP or by
 * hand. Until the wall clock can be believed, time is estimated: the last known time and what the
 * machine has counted since; so it never jumps and never says 1970. Pure. Threads: one at a time.
 */
#ifndef LL_RECEIVE_CLOCK_H
#define LL_RECEIVE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/model/intake.h"

/* A zeroed one has seen no tick, and believes. */
struct receive_clock {
    uint64_t boot; /* of the last tick, like what follows; 0: not told */
    int64_t up_ms;
    int64_t wall_ms;
    int64_t time_ms; /* what it stood for; 0: no tick yet */
    bool unknown;    /* time is an estimate */
};

/* Whether the tick's wall clock is to be believed after `c`: one that is synchronised, that was
 * believed since the machine's start, or that was set since; else `wait_ms` after that start, if it
 * is not behind the last known time by more than a day. Never one before VALIDATE_EPOCH_MS. */
bool receive_clock_believes(const struct receive_clock *c, const struct intake_tick *t,
                            int64_t wall_ms, int64_t wait_ms);

/* Takes a tick. Returns the milliseconds since the one before, as the machine counted them; 0
 * where it was started in between. */
int64_t receive_clock_tick(struct receive_clock *c, const struct intake_tick *t, int64_t wall_ms,
                           bool believed);

/* The time of a record behind that tick. */
int64_t receive_clock_time(const struct receive_clock *c, int64_t wall_ms);

#endif

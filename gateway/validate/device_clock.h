/*
 * Devices whose clock is off.
 *
 * One that is ahead of its receipt, or was never set, is off for certain. One that is behind may as
 * well send late: only a lag that stays the same over several messages is held to be its clock.
 * Pure. Threads: any.
 */
#ifndef LL_VALIDATE_DEVICE_CLOCK_H
#define LL_VALIDATE_DEVICE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/model/profile.h"
#include "gateway/model/reading.h"

/* What is known of a device's clock. A zeroed one is new. */
struct device_clock {
    int64_t behind_ms; /* steadily; 0: it is not */
    int64_t least_ms;  /* lag of the messages under observation */
    int64_t most_ms;
    int64_t since_ms; /* receive time of the first of them */
    uint32_t messages;
};

/* The newest of the times that the device itself gives; INT64_MIN: it gives none. */
int64_t uplink_newest_ms(const struct uplink *u);

/* What to add to all times of a message whose newest is `newest_ms`, by its profile's policy. */
int64_t device_clock_shift(const struct profile *p, int64_t newest_ms, int64_t receive_ms,
                           int64_t max_ahead_ms);

/* Learns from a message's lag, which is that of its newest time. */
void device_clock_learn(struct device_clock *c, const struct profile *p, int64_t newest_ms,
                        int64_t receive_ms);

/* `ts_ms` moved by `shift_ms`; as it is where that cannot be a time. */
int64_t device_clock_apply(int64_t ts_ms, int64_t shift_ms);

#endif

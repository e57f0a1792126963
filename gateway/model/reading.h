/*
 * A reading on its way: what a decoder saw (uplink), and what validation made of it (reading).
 */
#ifndef LL_MODEL_READING_H
#define LL_MODEL_READING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/limits.h"
#include "gateway/model/asset.h"
#include "gateway/model/reason.h"

/* One value as its payload has it. Text is borrowed from the decoder until its next message. */
struct uplink_value {
    const char *channel;
    size_t channel_len;
    const char *unit; /* NULL: the profile's */
    size_t unit_len;
    double value;
    int64_t ts_ms; /* since 1970, by the device's clock; only where has_ts */
    bool has_ts;
    bool is_bool;
    enum reason reason; /* REASON_NONE, or why the decoder could not read the value */
};

/* One message, decoded. Owned by the decoder; valid until its next message. */
struct uplink {
    const char *device;
    size_t device_len;
    uint64_t seq;
    bool has_seq;
    size_t count;
    struct uplink_value *values;
};

/* Quality marks. */
enum reading_flag {
    READING_TIME_FROM_RECEIVE = 1 << 0, /* the device gave no time */
    READING_TIME_MOVED = 1 << 1,        /* by a millisecond, off another value of its series */
    READING_BACKFILL = 1 << 2,          /* older than one already seen on its series */
    READING_TIME_ESTIMATED = 1 << 3,    /* nobody knew the time when it came */
    READING_TIME_CORRECTED = 1 << 4,    /* the device's clock is off; from its receipt */
    READING_CLOCK_BEHIND = 1 << 5,      /* the device's clock is; its time stands */
    READING_LATE = 1 << 6,              /* by more than its profile's late_after_s */
    READING_RETAINED = 1 << 7,          /* told again by the broker: shown, and no more */
};

/* A valid reading of a known channel, in the channel's unit. */
struct reading {
    const struct device *device;
    size_t channel;
    double value;
    int64_t ts_ms;
    uint32_t flags; /* of enum reading_flag */
};

static inline uint32_t reading_series(const struct reading *r)
{
    return r->device->first_series + (uint32_t)r->channel;
}

#endif

/*
 * A device: takes samples in its period and makes messages of them, every sample or only what has
 * changed, one a message or several, numbered.
 *
 * Not for: what its sensors and its clock get wrong (sensor.h), or its link (link.h).
 * Pure. Threads: one at a time for each device.
 */
#ifndef LL_SIM_DEVICE_H
#define LL_SIM_DEVICE_H

#include "gateway/base/err.h"
#include "simulator/message.h"
#include "simulator/scenario.h"

struct device {
    const struct scenario_asset *asset; /* borrowed */
    uint64_t next_seq;
    struct message *batch; /* being filled; NULL where it sends every sample alone */
    double *reported;      /* last; NULL where it does not report on change */
    int64_t reported_ms;   /* or INT64_MIN */
};

/* `asset` is borrowed. */
ll_err device_init(struct device *d, const struct scenario_asset *asset, uint64_t first_seq);
void device_free(struct device *d);

/* A sample of `now_ms`, at which its clock says `ts_ms`. The message that it completes, not yet
 * ended: `single` or one of the device's own, good until the next call; or NULL. */
struct message *device_take(struct device *d, int64_t now_ms, int64_t ts_ms,
                            const struct sample *samples, size_t count, struct message *single);

#endif

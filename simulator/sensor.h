/*
 * What a device's sensors and its clock get wrong: stuck, drift, spike, noise, low_battery;
 * clock_skew, clock_step. The model knows nothing of it.
 *
 * A span is 10,000 steps of a device's resolution: that of a four-digit instrument.
 * Pure: chance comes from the generator handed in. Threads: one at a time for each list.
 */
#ifndef LL_SIM_SENSOR_H
#define LL_SIM_SENSOR_H

#include "simulator/fault.h"

extern const struct model_fault sensor_faults[];
extern const size_t sensor_fault_count;

/* Whether the fault is one channel's, and not the clock's. */
bool sensor_fault_has_channel(size_t index);
/* Whether that channel may be true or false. */
bool sensor_fault_takes_bool(size_t index);

/* Readings as the faults that are on make them; marks those that show. `m` and `state` are what was
 * read. */
void sensor_apply(struct fault_list *l, int64_t now_ms, const struct model *m, const void *state,
                  struct rng *rng, struct sample *samples, size_t count);

/* The device's clock when it is `now_ms`. */
int64_t sensor_clock(struct fault_list *l, int64_t now_ms);

#endif

/*
 * A simulated city: the assets of a scenario, each with its model's state, and one device each
 * that reports in its period.
 *
 * Deterministic: the same scenario, seed and start give the same messages, byte for byte; an
 * asset's chance does not depend on the others'. Simulated time only moves through city_report.
 * Pure: no clock, no network. Threads: one at a time.
 */
#ifndef LL_SIM_CITY_H
#define LL_SIM_CITY_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "simulator/message.h"
#include "simulator/scenario.h"

struct city;

/* `s` is borrowed for the city's life. Devices number their messages from `first_seq`. */
ll_err city_new(const struct scenario *s, uint64_t seed, int64_t start_ms, uint64_t first_seq,
                struct city **out);
void city_free(struct city *c);

/* The device that reports next, and when (ms since 1970 UTC). */
size_t city_next_device(const struct city *c);
int64_t city_next_ms(const struct city *c);

/* That device's report into `m`, all but message_end. */
void city_report(struct city *c, struct message *m);

/* What was wrong, and since when it could be seen, as JSON Lines in the order of the scenario:
 * asset, device, channel, kind, onset, end, magnitude, unit, observable_from. Times in ms; null
 * where it did not end, or was not seen, by the last report. Faults that have not begun are left
 * out. */
void city_truth(const struct city *c, struct buf *out);

#endif

/*
 * A simulated city: the assets of a scenario, each with its model's state, its faults, and one
 * device that reports over a link.
 *
 * Deterministic: the same scenario, seed and start give the same messages, byte for byte; an
 * asset's chance does not depend on the others'. Simulated time only moves through city_next.
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

/* The next message that leaves a device before `until_ms`, all but message_end: when (sent_ms),
 * and whose (index, an asset of the scenario). *out is borrowed until the next call; NULL: there is
 * none, and the city's time is `until_ms`. LL_ENOMEM. */
ll_err city_next(struct city *c, int64_t until_ms, struct message **out);

/* What was wrong, and since when it could be seen, as JSON Lines by onset: asset, device, channel,
 * kind, onset, end, magnitude, unit, observable_from. Times in ms; null where it has not ended, or
 * was not seen, by the city's time. Faults that have not begun are left out. LL_ENOMEM. */
ll_err city_truth(const struct city *c, struct buf *out);

/* What no register knows, as CSV of every asset: id, health (ageing.h) at the city's time, and the
 * faults that are to come in a year. */
void city_condition(const struct city *c, struct buf *out);

#endif

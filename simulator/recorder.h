/*
 * Writes the intake journal that a gateway would have written, with simulated receive times: what
 * `lifelined --replay` takes.
 *
 * A tick stands in it for each simulated second, from a gateway that was connected all the time and
 * knew the time. The same seed and messages give the same files. Threads: one at a time.
 */
#ifndef LL_SIM_RECORDER_H
#define LL_SIM_RECORDER_H

#include <stdint.h>

#include "gateway/base/err.h"
#include "simulator/message.h"

struct recorder;

struct record_totals {
    uint64_t messages;
    uint64_t readings;
    uint64_t bytes; /* of the messages, topics included */
};

/* Makes the folder. LL_EEXIST where a recording is there already. */
ll_err recorder_open(const char *dir, uint64_t seed, int64_t start_ms, struct recorder **out);
/* A message that message_end has closed, received at `at_ms`, which must not go back. */
ll_err recorder_add(struct recorder *r, const struct message *m, int64_t at_ms);
const struct record_totals *recorder_totals(const struct recorder *r);
/* Ticks until the end, and all on disk. NULL is fine. */
ll_err recorder_close(struct recorder *r, int64_t end_ms);

#endif

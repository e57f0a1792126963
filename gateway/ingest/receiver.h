/*
 * A message from Paho into the intake journal. To return acknowledges it, so one that the journal
 * does not take keeps the caller waiting, and the broker keeps the message.
 *
 * Threads: receiver_take by Paho's receiving thread alone; the others by any.
 */
#ifndef LL_INGEST_RECEIVER_H
#define LL_INGEST_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/journal/intake_log.h"
#include "gateway/model/intake.h"

struct receiver;

/* A payload of more than `max_bytes` is oversized. `intake` is borrowed. */
ll_err receiver_new(struct intake_log *intake, size_t max_bytes, struct receiver **out);
void receiver_free(struct receiver *r);

/* The message's flags may lack INTAKE_OVERSIZED. Does not return before the journal has it, nor at
 * all where it cannot have it and the journal is about to be closed. */
void receiver_take(struct receiver *r, const struct intake_message *m);

/* Messages that the journal took. */
uint64_t receiver_count(const struct receiver *r);
/* Whether one waits. */
bool receiver_holds(const struct receiver *r);
/* The journal is about to be closed: one that waits now waits for the end of the process. */
void receiver_stop(struct receiver *r);
bool receiver_parked(const struct receiver *r);

#endif

/*
 * Publishes messages at QoS 1 over a few MQTT connections, and believes only PUBACK.
 *
 * Each device keeps to one connection, so that its messages stay in order. A connection that was
 * lost is thrown away with its client and opened anew with jittered back-off; what it had not seen
 * acknowledged is sent again, with the same bytes. The number in flight is bounded; who wants to
 * send more waits. Not for: what the messages say (message.h).
 *
 * Threads: one calls these functions; Paho calls back on its own. Books are written by the caller's
 * thread. A refusal by the broker (MQTT 5 reason code) stays unacknowledged and is counted.
 */
#ifndef LL_SIM_PUBLISHER_H
#define LL_SIM_PUBLISHER_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/err.h"
#include "simulator/message.h"

struct publisher;

struct publisher_config {
    const char *uri;      /* "mqtt://127.0.0.1:1883" */
    const char *username; /* or NULL */
    const char *password; /* or NULL */
    size_t connections;
    FILE *books; /* or NULL; borrowed until publisher_free */
};

struct publisher_totals {
    uint64_t messages;       /* acknowledged */
    uint64_t readings;       /* in them */
    uint64_t refused;        /* answered by the broker with a reason against them */
    uint64_t unacknowledged; /* sent, and not acknowledged: refused or still in flight */
    uint64_t lost_connections;
    double seconds; /* from the first message sent to the last acknowledged */
};

/* Opens all connections; the texts in `c` are borrowed for the publisher's life. Waits up to a
 * minute for the broker, then LL_ENET. LL_EINVAL where Paho knows no such URI, LL_ESTATE where a
 * signal asked to stop. */
ll_err publisher_new(const struct publisher_config *c, struct publisher **out);
/* Without waiting for what is in flight. NULL is fine. */
void publisher_free(struct publisher *p);

/* A message to fill for the device with this number, as soon as one is free; then publisher_send
 * it. LL_ESTATE where a signal asked to stop. */
ll_err publisher_message(struct publisher *p, size_t device, struct message **out);
/* Takes the message back and sends it. LL_ELIMIT where it was not whole (message_end). */
ll_err publisher_send(struct publisher *p, struct message *m);

/* Keeps the connections going until then; returns earlier where a signal asked to stop. */
void publisher_wait_until(struct publisher *p, struct mono_ns when);

/* Waits until all is acknowledged, at most a minute, and writes the rest of the books.
 * LL_ETIMEOUT where something stayed unacknowledged, LL_EIO where the books could not be
 * written. */
ll_err publisher_finish(struct publisher *p);

struct publisher_totals publisher_totals(const struct publisher *p);

#endif

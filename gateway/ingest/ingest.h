/*
 * MQTT in: the only user of Paho. Receives, writes to the intake journal, and only then lets Paho
 * acknowledge.
 *
 * Threads: start, stop and ingest_timer by the main thread; Paho calls back on its own. A message
 * that cannot be journalled is not acknowledged: it stays with the broker and comes again.
 */
#ifndef LL_INGEST_INGEST_H
#define LL_INGEST_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/clock.h"
#include "gateway/base/err.h"
#include "gateway/conf/conf.h"
#include "gateway/journal/intake_log.h"

struct ingest;

struct ingest_status {
    bool connected;
    bool holding;               /* a message back, since the journal takes no more */
    int mqtt_version;           /* 5 or 4 (3.1.1) while connected */
    char uri[CONF_TEXT];        /* of the present or the last attempt */
    struct wall_ms since;       /* of the present state */
    char last_error[CONF_TEXT]; /* while connected "", or the subscription that was refused */
    int64_t retry_in_ms;
};

/* Begins to connect and returns at once: a broker that is away is waited for. `conf` and `intake`
 * are borrowed until ingest_stop. */
ll_err ingest_start(const struct conf *conf, struct intake_log *intake, struct ingest **out);
/* Disconnects in order, keeping the session at the broker. NULL is fine. */
void ingest_stop(struct ingest *in);

/* Messages that the journal took since start; ledger: received. */
uint64_t ingest_received(const struct ingest *in);
void ingest_status(struct ingest *in, struct ingest_status *out);

/* To be called about four times a second: reconnects when it is time, and writes one tick record a
 * second. */
void ingest_timer(struct ingest *in, struct mono_ns now);

#endif

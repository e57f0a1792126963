/*
 * What the records of the intake journal hold. Everything that the pipeline acts upon passes
 * through that journal, commands and the passing of time included, so that a replay is exact.
 *
 * A message record is: u16 topic length (little-endian), u8 flags, u8 QoS, topic, payload.
 * A command record is a JSON text. A tick record is empty: its time is the record's.
 */
#ifndef LL_MODEL_INTAKE_H
#define LL_MODEL_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

enum intake_type {
    INTAKE_MESSAGE = 1,
    INTAKE_TICK = 2,
    INTAKE_COMMAND = 3,
    INTAKE_SELF =
        4, /* a message of the gateway on itself: in the native format, in no books of messages */
};

enum intake_flag {
    INTAKE_RETAINED = 1 << 0,  /* the broker's retain flag */
    INTAKE_REPEATED = 1 << 1,  /* MQTT's DUP flag */
    INTAKE_OVERSIZED = 1 << 2, /* only the first LL_MAX_MESSAGE_KEPT bytes of the payload follow */
};

struct intake_message {
    const char *topic; /* not zero-terminated; borrowed from the record */
    size_t topic_len;
    const char *payload;
    size_t payload_len;
    uint8_t flags;
    uint8_t qos;
};

/* Appends the record's bytes to `out`. */
void intake_write(const struct intake_message *m, struct buf *out);

/* Borrows from `data`. LL_ECORRUPT where the lengths do not fit. */
ll_err intake_read(const void *data, size_t len, struct intake_message *out);

#endif

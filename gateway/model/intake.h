/*
 * What the records of the intake journal hold. Everything that the pipeline acts upon passes
 * through that journal, commands and the passing of time included, so that a replay is exact.
 *
 * A message record is: u16 topic length (little-endian), u8 flags, u8 QoS, topic, payload.
 * A command record is a JSON text. A tick record is: u8 whether the broker is connected, u8 whether
 * the kernel holds the wall clock to be synchronised, u64 ms since the machine's start, u64 which
 * start (clock_boot_id); older ones have only the first. A tick stands before the first record of
 * each process and before the first one after each step of the wall clock, so that the ticks tell
 * what the times of all records are worth.
 */
#ifndef LL_MODEL_INTAKE_H
#define LL_MODEL_INTAKE_H

#include <stdbool.h>
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

struct intake_tick {
    bool connected;
    bool synchronised;
    int64_t up_ms;
    uint64_t boot; /* 0: not told */
};

/* Appends the record's bytes to `out`. */
void intake_write(const struct intake_message *m, struct buf *out);

/* Borrows from `data`. LL_ECORRUPT where the lengths do not fit. */
ll_err intake_read(const void *data, size_t len, struct intake_message *out);

void intake_tick_write(const struct intake_tick *t, struct buf *out);
/* What an older tick does not tell is 0. LL_ECORRUPT. */
ll_err intake_tick_read(const void *data, size_t len, struct intake_tick *out);

#endif

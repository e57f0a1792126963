/*
 * One message of a device in the native payload, and the lines that the sender's books get once
 * the broker has acknowledged it.
 *
 * Values are texts, so that what the books say is what was sent, to the last digit.
 * Pure: no clock, no network. Threads: one at a time. Both buffers are capped; message_end tells
 * whether everything fitted.
 */
#ifndef LL_SIM_MESSAGE_H
#define LL_SIM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/limits.h"

#define MESSAGE_TOPIC_PREFIX "lifeline/v1/up/"

struct message {
    char topic[sizeof MESSAGE_TOPIC_PREFIX + LL_MAX_ID];
    struct buf payload;
    struct buf books; /* device,seq,channel,ts_ms,value */
    uint32_t readings;
    uint64_t seq;
    int64_t ts_ms;
    const char *device; /* within `topic` */
};

void message_init(struct message *m);
void message_free(struct message *m);

/* Empties the message and opens it. `ts_ms`: of all its readings, UTC. `device` is copied. */
void message_begin(struct message *m, const char *device, uint64_t seq, int64_t ts_ms);
/* `value` is a JSON number, or true or false. */
void message_value(struct message *m, const char *channel, const char *value, size_t len);
/* Closes it; false where it outgrew its caps or memory ran out. */
bool message_end(struct message *m);

#endif

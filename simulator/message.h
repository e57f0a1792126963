/*
 * One message of a device in a payload format that the gateway speaks, and the lines that the
 * sender's books get once the broker has acknowledged it.
 *
 * Values are texts, so that what the books say is what was sent, to the last digit. A further
 * format is a row in message.c.
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

#define MESSAGE_MAX_TOPIC (LL_MAX_ID + 32)

struct message;

struct message_format {
    const char *name;   /* "native" */
    const char *prefix; /* of the topic, in front of the device's id */
    void (*open)(struct message *m);
    void (*sample)(struct message *m);
    void (*value)(struct message *m, const char *channel, const char *value, size_t len);
    void (*close)(struct message *m);
};

struct message {
    const struct message_format *format;
    char topic[MESSAGE_MAX_TOPIC];
    const char *device; /* within `topic` */
    struct buf payload;
    struct buf books; /* device,seq,channel,ts_ms,value */
    bool batch;       /* may have several samples */
    uint32_t samples;
    uint32_t values; /* of the last sample */
    uint32_t readings;
    uint64_t seq;
    int64_t ts_ms;   /* of the last sample, by the device's clock */
    size_t index;    /* of the device among its sender's; for who sends it */
    int64_t sent_ms; /* when it leaves, by the true clock; likewise */
};

/* The row, or NULL. */
const struct message_format *message_format_find(const char *name);

void message_init(struct message *m);
void message_free(struct message *m);

/* Empties the message and opens it; samples follow, one only unless it is a batch. `device` is
 * copied. */
void message_open(struct message *m, const struct message_format *format, const char *device,
                  uint64_t seq, bool batch);
/* Values that follow are of this time, UTC. */
void message_sample(struct message *m, int64_t ts_ms);
/* `value` is a JSON number, or true or false. */
void message_value(struct message *m, const char *channel, const char *value, size_t len);
/* Closes it; false where it outgrew its caps or memory ran out. */
bool message_end(struct message *m);

/* Opens a native message of one sample. */
void message_begin(struct message *m, const char *device, uint64_t seq, int64_t ts_ms);

/* The same message, ended or not, with buffers of its own. */
void message_copy(struct message *to, const struct message *from);

#endif

/*
 * What the formats of decode/ share: the state of a decoder and the ways to add a value to it.
 * Not for other folders.
 */
#ifndef LL_DECODE_DECODER_H
#define LL_DECODE_DECODER_H

#include <json-c/json.h>

#include "gateway/decode/decode.h"

#define DECODER_DETAIL 160

struct decoder {
    struct json_tokener *tokener;
    struct json_object *root;    /* of the last message: the uplink borrows from it */
    struct uplink_value *values; /* LL_MAX_READINGS_PER_MESSAGE of them */
    size_t count;
    char detail[DECODER_DETAIL];
};

struct decode_format {
    const char *name;
    enum reason (*decode)(struct decoder *d, const char *topic, size_t topic_len,
                          const char *payload, size_t payload_len, struct uplink *out);
};

/* Parses the payload as strict JSON whose top is an object or an array; NULL with the detail set.
 * Borrowed from the decoder. */
struct json_object *decoder_json(struct decoder *d, const char *payload, size_t len);

/* One more value, zeroed, or NULL where the message holds too many. */
struct uplink_value *decoder_value(struct decoder *d);

/* Sets the detail and returns `reason`. */
enum reason decoder_refuse(struct decoder *d, enum reason reason, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The last level of a topic. */
void decoder_last_level(const char *topic, size_t topic_len, const char **level, size_t *len);

enum reason native_decode(struct decoder *d, const char *topic, size_t topic_len,
                          const char *payload, size_t payload_len, struct uplink *out);

#endif

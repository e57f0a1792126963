/*
 * The native payload, topic …/<device_id>; its JSON Schema is
 * config/schema/native-payload.schema.json.
 *
 *   {"seq":4711,"ts":1764000000123,"r":{"pressure":0.352,"flow":12.25},"bat":3.61,"rssi":-97}
 *   {"seq":4712,"batch":[{"ts":…,"r":{…}},…],"bat":3.61}
 *
 * A value is a number, true or false, {"v":352,"u":"kPa"}, or a string that is strictly a number.
 * `bat` and `rssi` are readings of the built-in channels of those names, at the message's time.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "gateway/base/num.h"
#include "gateway/decode/decoder.h"

struct stamp {
    int64_t ts_ms;
    bool has_ts;
};

/* The number in a JSON value, however it is written; false where there is none. */
static bool read_number(struct json_object *o, double *out, bool *is_bool)
{
    switch (json_object_get_type(o)) {
    case json_type_int:
    case json_type_double:
        *out = json_object_get_double(o);
        return isfinite(*out);
    case json_type_boolean:
        *out = json_object_get_boolean(o) ? 1 : 0;
        *is_bool = true;
        return true;
    case json_type_string:
        return num_parse(json_object_get_string(o), (size_t)json_object_get_string_len(o), out);
    default:
        return false;
    }
}

static enum reason add_value(struct decoder *d, const char *channel, struct json_object *o,
                             struct stamp at)
{
    struct uplink_value *v = decoder_value(d);
    if (v == NULL) {
        return decoder_refuse(d, REASON_TOO_MANY_READINGS, "more than %d readings in one message",
                              LL_MAX_READINGS_PER_MESSAGE);
    }
    v->channel = channel;
    v->channel_len = strlen(channel);
    v->ts_ms = at.ts_ms;
    v->has_ts = at.has_ts;
    struct json_object *number = o;
    if (json_object_is_type(o, json_type_object)) {
        struct json_object *unit = NULL;
        number = NULL;
        json_object_object_get_ex(o, "v", &number);
        if (json_object_object_get_ex(o, "u", &unit)) {
            if (!json_object_is_type(unit, json_type_string)) {
                v->reason = REASON_WRONG_UNIT;
                return REASON_NONE;
            }
            v->unit = json_object_get_string(unit);
            v->unit_len = (size_t)json_object_get_string_len(unit);
        }
    }
    if (!read_number(number, &v->value, &v->is_bool)) {
        v->reason = REASON_NOT_A_NUMBER;
    }
    return REASON_NONE;
}

/* "ts", if it is there. */
static enum reason read_stamp(struct decoder *d, struct json_object *o, struct stamp *out)
{
    struct json_object *ts = NULL;
    if (!json_object_object_get_ex(o, "ts", &ts)) {
        return REASON_NONE;
    }
    if (!json_object_is_type(ts, json_type_int)) {
        return decoder_refuse(d, REASON_MALFORMED,
                              "'ts' must be an integer: milliseconds since 1970 UTC");
    }
    *out = (struct stamp){json_object_get_int64(ts), true};
    return REASON_NONE;
}

/* "r", which must be there and be an object. */
static enum reason read_readings(struct decoder *d, struct json_object *o, struct stamp at)
{
    struct json_object *r = NULL;
    if (!json_object_object_get_ex(o, "r", &r) || !json_object_is_type(r, json_type_object)) {
        return decoder_refuse(d, REASON_MALFORMED, "'r' must be an object of channels and values");
    }
    json_object_object_foreach(r, channel, value)
    {
        const enum reason reason = add_value(d, channel, value, at);
        if (reason != REASON_NONE) {
            return reason;
        }
    }
    return REASON_NONE;
}

static enum reason read_batch(struct decoder *d, struct json_object *batch, struct stamp outer)
{
    if (!json_object_is_type(batch, json_type_array)) {
        return decoder_refuse(d, REASON_MALFORMED, "'batch' must be an array");
    }
    const size_t count = json_object_array_length(batch);
    for (size_t i = 0; i < count; i++) {
        struct json_object *item = json_object_array_get_idx(batch, i);
        if (!json_object_is_type(item, json_type_object)) {
            return decoder_refuse(d, REASON_MALFORMED, "'batch[%zu]' must be an object", i);
        }
        struct stamp at = outer;
        enum reason reason = read_stamp(d, item, &at);
        if (reason == REASON_NONE) {
            reason = read_readings(d, item, at);
        }
        if (reason != REASON_NONE) {
            return reason;
        }
    }
    return REASON_NONE;
}

static enum reason read_seq(struct decoder *d, struct json_object *root, struct uplink *out)
{
    struct json_object *seq = NULL;
    if (!json_object_object_get_ex(root, "seq", &seq)) {
        return REASON_NONE;
    }
    if (!json_object_is_type(seq, json_type_int) || json_object_get_int64(seq) < 0) {
        return decoder_refuse(d, REASON_MALFORMED, "'seq' must be an integer of 0 or more");
    }
    out->seq = json_object_get_uint64(seq);
    out->has_seq = true;
    return REASON_NONE;
}

enum reason native_decode(struct decoder *d, const char *topic, size_t topic_len,
                          const char *payload, size_t payload_len, struct uplink *out)
{
    static const char *const device_channels[] = {"bat", "rssi"};
    struct json_object *root = decoder_json(d, payload, payload_len);
    if (root == NULL) {
        return REASON_MALFORMED;
    }
    if (!json_object_is_type(root, json_type_object)) {
        return decoder_refuse(d, REASON_MALFORMED, "the payload must be a JSON object");
    }
    struct stamp at = {0};
    struct json_object *batch = NULL;
    enum reason reason = read_seq(d, root, out);
    if (reason == REASON_NONE) {
        reason = read_stamp(d, root, &at);
    }
    if (reason == REASON_NONE) {
        reason = json_object_object_get_ex(root, "batch", &batch) ? read_batch(d, batch, at)
                                                                  : read_readings(d, root, at);
    }
    for (size_t i = 0; reason == REASON_NONE && i < 2; i++) {
        struct json_object *value = NULL;
        if (json_object_object_get_ex(root, device_channels[i], &value)) {
            reason = add_value(d, device_channels[i], value, at);
        }
    }
    decoder_last_level(topic, topic_len, &out->device, &out->device_len);
    return reason;
}

#include "gateway/decode/decode.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/base/limits.h"
#include "gateway/decode/decoder.h"

static const struct decode_format formats[] = {
    {"native", native_decode},
};
#define FORMAT_COUNT (sizeof formats / sizeof formats[0])

const struct decode_format *decode_format_find(const char *name)
{
    for (size_t i = 0; i < FORMAT_COUNT; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

const char *decode_format_names(void)
{
    return "native";
}

ll_err decoder_new(struct decoder **out)
{
    struct decoder *d = calloc(1, sizeof *d);
    if (d == NULL) {
        return LL_ENOMEM;
    }
    d->tokener = json_tokener_new_ex(LL_MAX_JSON_DEPTH);
    /* All at once, of which the kernel gives what is used: no message is refused for want of
     * memory.
     */
    d->values = calloc(LL_MAX_READINGS_PER_MESSAGE, sizeof *d->values);
    if (d->tokener == NULL || d->values == NULL) {
        decoder_free(d);
        return LL_ENOMEM;
    }
    json_tokener_set_flags(d->tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    *out = d;
    return LL_OK;
}

void decoder_free(struct decoder *d)
{
    if (d == NULL) {
        return;
    }
    json_object_put(d->root);
    if (d->tokener != NULL) {
        json_tokener_free(d->tokener);
    }
    free(d->values);
    free(d);
}

const char *decoder_detail(const struct decoder *d)
{
    return d->detail;
}

enum reason decoder_refuse(struct decoder *d, enum reason reason, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(d->detail, sizeof d->detail, fmt, ap);
    va_end(ap);
    return reason;
}

struct json_object *decoder_json(struct decoder *d, const char *payload, size_t len)
{
    json_tokener_reset(d->tokener);
    d->root = json_tokener_parse_ex(d->tokener, payload, (int)len);
    const enum json_tokener_error err = json_tokener_get_error(d->tokener);
    if (err != json_tokener_success) {
        decoder_refuse(d, REASON_MALFORMED, "not valid JSON at byte %zu: %s",
                       json_tokener_get_parse_end(d->tokener),
                       err == json_tokener_continue ? "it ends too early"
                                                    : json_tokener_error_desc(err));
        return NULL;
    }
    const char *rest = payload + json_tokener_get_parse_end(d->tokener);
    for (; rest < payload + len; rest++) {
        if (strchr(" \t\r\n", *rest) == NULL || *rest == '\0') {
            decoder_refuse(d, REASON_MALFORMED, "bytes after the end of the JSON value");
            return NULL;
        }
    }
    return d->root;
}

struct uplink_value *decoder_value(struct decoder *d)
{
    if (d->count == LL_MAX_READINGS_PER_MESSAGE) {
        return NULL;
    }
    struct uplink_value *v = &d->values[d->count++];
    *v = (struct uplink_value){0};
    return v;
}

void decoder_last_level(const char *topic, size_t topic_len, const char **level, size_t *len)
{
    size_t start = topic_len;
    while (start > 0 && topic[start - 1] != '/') {
        start--;
    }
    *level = topic + start;
    *len = topic_len - start;
}

enum reason decode(struct decoder *d, const struct decode_format *format, const char *topic,
                   size_t topic_len, const char *payload, size_t payload_len, struct uplink *out)
{
    json_object_put(d->root);
    d->root = NULL;
    d->count = 0;
    d->detail[0] = '\0';
    struct uplink u = {0};
    const enum reason reason = format->decode(d, topic, topic_len, payload, payload_len, &u);
    if (reason != REASON_NONE) {
        return reason;
    }
    u.values = d->values;
    u.count = d->count;
    *out = u;
    return REASON_NONE;
}

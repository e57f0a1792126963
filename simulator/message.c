#include "simulator/message.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define INTEGER_TEXT 24

/* Written by hand: a month of a city has a hundred million of them. */
static void add_integer(struct buf *b, int64_t value)
{
    char text[INTEGER_TEXT];
    char *at = text + sizeof text;
    uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;
    do {
        *--at = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (value < 0) {
        *--at = '-';
    }
    buf_add(b, at, (size_t)(text + sizeof text - at));
}

/* --- native: config/schema/native-payload.schema.json ----------------------------------------- */

static void native_open(struct message *m)
{
    buf_str_add(&m->payload, "{\"seq\":");
    add_integer(&m->payload, (int64_t)m->seq);
    if (m->batch) {
        buf_str_add(&m->payload, ",\"batch\":[");
    }
}

static void native_sample(struct message *m)
{
    if (m->batch) {
        buf_str_add(&m->payload, m->samples == 0 ? "{\"ts\":" : "}},{\"ts\":");
    } else {
        buf_str_add(&m->payload, ",\"ts\":");
    }
    add_integer(&m->payload, m->ts_ms);
    buf_str_add(&m->payload, ",\"r\":{");
}

static void native_value(struct message *m, const char *channel, const char *value, size_t len)
{
    if (m->values > 0) {
        buf_char(&m->payload, ',');
    }
    buf_json_str(&m->payload, channel, strlen(channel));
    buf_char(&m->payload, ':');
    buf_add(&m->payload, value, len);
}

static void native_close(struct message *m)
{
    buf_str_add(&m->payload, m->batch ? "}}]}" : "}}");
}

static const struct message_format formats[] = {
    {"native", "lifeline/v1/up/", native_open, native_sample, native_value, native_close},
};

/* --- messages --------------------------------------------------------------------------------- */

const struct message_format *message_format_find(const char *name)
{
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i].name, name) == 0) {
            return &formats[i];
        }
    }
    return NULL;
}

void message_init(struct message *m)
{
    *m = (struct message){0};
    buf_init(&m->payload, LL_MAX_MESSAGE);
    buf_init(&m->books, (size_t)2 * LL_MAX_MESSAGE);
}

void message_free(struct message *m)
{
    buf_free(&m->payload);
    buf_free(&m->books);
}

void message_open(struct message *m, const struct message_format *format, const char *device,
                  uint64_t seq, bool batch)
{
    buf_reset(&m->payload);
    buf_reset(&m->books);
    m->format = format;
    m->batch = batch;
    m->samples = 0;
    m->readings = 0;
    m->seq = seq;
    const size_t prefix = strlen(format->prefix);
    const size_t len = strnlen(device, LL_MAX_ID - 1);
    assert(prefix + len < sizeof m->topic);
    memcpy(m->topic, format->prefix, prefix);
    memcpy(m->topic + prefix, device, len);
    m->topic[prefix + len] = '\0';
    m->device = m->topic + prefix;
    format->open(m);
}

void message_sample(struct message *m, int64_t ts_ms)
{
    assert(m->batch || m->samples == 0);
    m->ts_ms = ts_ms;
    m->format->sample(m);
    m->samples++;
    m->values = 0;
}

void message_value(struct message *m, const char *channel, const char *value, size_t len)
{
    m->format->value(m, channel, value, len);
    buf_str_add(&m->books, m->device);
    buf_char(&m->books, ',');
    add_integer(&m->books, (int64_t)m->seq);
    buf_char(&m->books, ',');
    buf_str_add(&m->books, channel);
    buf_char(&m->books, ',');
    add_integer(&m->books, m->ts_ms);
    buf_char(&m->books, ',');
    buf_add(&m->books, value, len);
    buf_char(&m->books, '\n');
    m->values++;
    m->readings++;
}

bool message_end(struct message *m)
{
    m->format->close(m);
    return buf_ok(&m->payload) && buf_ok(&m->books) && m->readings > 0;
}

void message_begin(struct message *m, const char *device, uint64_t seq, int64_t ts_ms)
{
    message_open(m, &formats[0], device, seq, false);
    message_sample(m, ts_ms);
}

void message_copy(struct message *to, const struct message *from)
{
    const struct buf payload = to->payload;
    const struct buf books = to->books;
    *to = *from;
    to->device = to->topic + (from->device - from->topic);
    to->payload = payload;
    to->books = books;
    buf_reset(&to->payload);
    buf_reset(&to->books);
    buf_add(&to->payload, from->payload.data, from->payload.len);
    buf_add(&to->books, from->books.data, from->books.len);
    if (!buf_ok(&from->payload)) {
        to->payload.failure = buf_err(&from->payload);
    }
    if (!buf_ok(&from->books)) {
        to->books.failure = buf_err(&from->books);
    }
}

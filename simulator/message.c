#include "simulator/message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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

void message_begin(struct message *m, const char *device, uint64_t seq, int64_t ts_ms)
{
    buf_reset(&m->payload);
    buf_reset(&m->books);
    m->readings = 0;
    m->seq = seq;
    m->ts_ms = ts_ms;
    snprintf(m->topic, sizeof m->topic, "%s%s", MESSAGE_TOPIC_PREFIX, device);
    m->device = m->topic + strlen(MESSAGE_TOPIC_PREFIX);
    buf_printf(&m->payload, "{\"seq\":%" PRIu64 ",\"ts\":%" PRId64 ",\"r\":{", seq, ts_ms);
}

void message_value(struct message *m, const char *channel, const char *value, size_t len)
{
    if (m->readings > 0) {
        buf_char(&m->payload, ',');
    }
    buf_json_str(&m->payload, channel, strlen(channel));
    buf_char(&m->payload, ':');
    buf_add(&m->payload, value, len);
    buf_printf(&m->books, "%s,%" PRIu64 ",%s,%" PRId64 ",", m->device, m->seq, channel, m->ts_ms);
    buf_add(&m->books, value, len);
    buf_char(&m->books, '\n');
    m->readings++;
}

bool message_end(struct message *m)
{
    buf_str_add(&m->payload, "}}");
    return buf_ok(&m->payload) && buf_ok(&m->books) && m->readings > 0;
}

#include "gateway/model/intake.h"

#include "gateway/base/cursor.h"

void intake_write(const struct intake_message *m, struct buf *out)
{
    const unsigned char head[4] = {(unsigned char)m->topic_len, (unsigned char)(m->topic_len >> 8),
                                   m->flags, m->qos};
    buf_add(out, head, sizeof head);
    buf_add(out, m->topic, m->topic_len);
    buf_add(out, m->payload, m->payload_len);
}

ll_err intake_read(const void *data, size_t len, struct intake_message *out)
{
    struct cursor c = cursor_over(data, len);
    struct intake_message m = {0};
    m.topic_len = cursor_u16(&c);
    m.flags = cursor_u8(&c);
    m.qos = cursor_u8(&c);
    m.topic = (const char *)cursor_bytes(&c, m.topic_len);
    m.payload_len = cursor_left(&c);
    m.payload = (const char *)cursor_bytes(&c, m.payload_len);
    if (c.bad) {
        return LL_ECORRUPT;
    }
    *out = m;
    return LL_OK;
}

void intake_tick_write(const struct intake_tick *t, struct buf *out)
{
    buf_char(out, t->connected ? 1 : 0);
    buf_char(out, t->synchronised ? 1 : 0);
    buf_u64(out, (uint64_t)t->up_ms);
    buf_u64(out, t->boot);
}

ll_err intake_tick_read(const void *data, size_t len, struct intake_tick *out)
{
    struct cursor c = cursor_over(data, len);
    struct intake_tick t = {.connected = cursor_u8(&c) != 0};
    if (cursor_left(&c) > 0) {
        t.synchronised = cursor_u8(&c) != 0;
        t.up_ms = (int64_t)(cursor_u64(&c) & INT64_MAX);
        t.boot = cursor_u64(&c);
    }
    if (c.bad) {
        return LL_ECORRUPT;
    }
    *out = t;
    return LL_OK;
}

/*
 * Retained messages: what devices said last before the gateway listened, told again by the broker
 * at each subscription. They are no new readings: none is exported, watched, or held against a
 * device's numbers. What they say is shown until a reading is newer.
 */
#include "gateway/base/log.h"
#include "gateway/pipeline/pipeline_state.h"

/* Whether nothing newer is known, and not the same. Without a time of the device's own it may be of
 * any age: then each reading is newer. */
static bool is_news(struct pipeline *p, const struct reading *r)
{
    struct series *s = &p->table->series[reading_series(r)];
    const int64_t own_ms = (r->flags & READING_TIME_FROM_RECEIVE) != 0 ? 0 : r->ts_ms;
    if (own_ms <= s->last_ts_ms || own_ms < s->retained_ms ||
        (own_ms == s->retained_ms && r->value == s->retained_value)) {
        return false;
    }
    s->retained_ms = own_ms;
    s->retained_value = r->value;
    return true;
}

void pipeline_take_retained(struct pipeline *p, const struct intake_message *m, size_t source)
{
    struct uplink uplink;
    const struct device *device = NULL;
    p->books->messages_retained++;
    const enum reason unread =
        judge_message(p->judge, p->table->registry, m, source, &uplink, &device);
    if (unread != REASON_NONE) {
        log_debug("pipeline", "retained_unread", "reason=%s", reason_info(unread)->key);
        return;
    }
    size_t count = 0;
    for (size_t i = 0; i < uplink.count; i++) {
        struct reading *r = &p->readings[count];
        enum reason reason;
        if (judge_value(p->judge, device, &uplink.values[i], p->now.event_ms, r, &reason) !=
                VALUE_REFUSED &&
            is_news(p, r)) {
            r->flags = READING_RETAINED | (r->flags & READING_TIME_FROM_RECEIVE);
            count++;
        }
    }
    recent_add(p->recent, p->readings, count);
}

#include "gateway/alarm/alarm.h"

#include "gateway/base/clock.h"

/* ISA-18.2-2016, figure 2: the states A to D. */
const struct alarm_transition alarm_transitions[] = {
    {ALARM_NORMAL, ALARM_RAISE, ALARM_UNACK},    /* A to B */
    {ALARM_UNACK, ALARM_ACK, ALARM_ACKED},       /* B to C */
    {ALARM_UNACK, ALARM_CLEAR, ALARM_RTN_UNACK}, /* B to D */
    {ALARM_ACKED, ALARM_CLEAR, ALARM_NORMAL},    /* C to A */
    {ALARM_RTN_UNACK, ALARM_RAISE, ALARM_UNACK}, /* D to B */
    {ALARM_RTN_UNACK, ALARM_ACK, ALARM_NORMAL},  /* D to A */
};
const size_t alarm_transition_count = sizeof alarm_transitions / sizeof alarm_transitions[0];

static const struct alarm_transition *find(enum alarm_state from, enum alarm_event event)
{
    for (size_t i = 0; i < alarm_transition_count; i++) {
        if (alarm_transitions[i].from == from && alarm_transitions[i].event == event) {
            return &alarm_transitions[i];
        }
    }
    return NULL;
}

static int64_t delay_ms(const struct alarm_point *p, const struct detector_spec *spec)
{
    return (int64_t)(p->condition ? spec->on_delay_s : spec->off_delay_s) * LL_MS_PER_S;
}

/* The event that the condition leads to, once its delay is over. */
static enum alarm_event pending(const struct alarm_point *p)
{
    return p->condition ? ALARM_RAISE : ALARM_CLEAR;
}

bool alarm_condition(struct alarm_point *p, const struct detector_spec *spec, bool condition,
                     int64_t alive_ms, enum alarm_event *event)
{
    if (condition != p->condition) {
        p->condition = condition;
        p->since_ms = alive_ms;
    }
    if (find((enum alarm_state)p->state, pending(p)) == NULL ||
        alive_ms - p->since_ms < delay_ms(p, spec)) {
        return false;
    }
    *event = pending(p);
    return true;
}

int64_t alarm_due_ms(const struct alarm_point *p, const struct detector_spec *spec)
{
    if (find((enum alarm_state)p->state, pending(p)) == NULL) {
        return INT64_MAX;
    }
    return p->since_ms + delay_ms(p, spec);
}

ll_err alarm_apply(struct alarm_point *p, enum alarm_event event)
{
    const struct alarm_transition *t = find((enum alarm_state)p->state, event);
    if (t == NULL) {
        return LL_ESTATE;
    }
    p->state = (uint8_t)t->to;
    return LL_OK;
}

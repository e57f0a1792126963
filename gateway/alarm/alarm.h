/*
 * The alarm's life after ISA-18.2 / IEC 62682, as a table of transitions: raised, acknowledged,
 * cleared, with on-delay and off-delay. (model/alarm.h has the record that people see.)
 *
 * Pure: driven by event time only. An alarm point is the caller's, one for each detector on each
 * channel, zeroed: normal.
 */
#ifndef LL_ALARM_ALARM_H
#define LL_ALARM_ALARM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/model/alarm.h"

enum alarm_event {
    ALARM_RAISE, /* the condition held through the on-delay */
    ALARM_CLEAR, /* it was gone through the off-delay */
    ALARM_ACK,
    ALARM_EVENT_COUNT
};

struct alarm_point {
    int64_t since_ms; /* alive time since when the condition is as it is */
    uint8_t state;    /* enum alarm_state */
    bool condition;
};

struct alarm_transition {
    enum alarm_state from;
    enum alarm_event event;
    enum alarm_state to;
};

extern const struct alarm_transition alarm_transitions[];
extern const size_t alarm_transition_count;

/* Tells the condition at `alive_ms`. Returns whether an event is due by it (*event): at once where
 * the delay is 0, else when the caller asks again at or after alarm_due_ms(). */
bool alarm_condition(struct alarm_point *p, const struct detector_spec *spec, bool condition,
                     int64_t alive_ms, enum alarm_event *event);

/* When a delay that runs will be over, in alive time; INT64_MAX: none runs. */
int64_t alarm_due_ms(const struct alarm_point *p, const struct detector_spec *spec);

/* Applies an event. LL_ESTATE where the table has no such transition; the point then stays. */
ll_err alarm_apply(struct alarm_point *p, enum alarm_event event);

#endif

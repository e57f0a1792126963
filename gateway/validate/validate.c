#include "gateway/validate/validate.h"

#include <math.h>

/* 2^53: beyond it a double does not hold every integer. */
#define EXACT_INT 9007199254740992.0

static bool fits_type(double value, enum field_type type)
{
    switch (type) {
    case FIELD_BOOL:
        return value == 0 || value == 1;
    case FIELD_INT:
        return fabs(value) <= EXACT_INT && value == trunc(value);
    default:
        return true;
    }
}

enum reason validate_value(const struct uplink_value *v, const struct channel_spec *c, double *out)
{
    if (v->reason != REASON_NONE) {
        return v->reason;
    }
    double value = v->value;
    if (v->unit != NULL) {
        const struct unit *from = unit_find(v->unit, v->unit_len);
        if (from == NULL || !unit_convert(v->value, from, c->unit, &value)) {
            return REASON_WRONG_UNIT;
        }
    }
    if (!fits_type(value, c->type)) {
        return REASON_WRONG_TYPE;
    }
    if (!(value >= c->min && value <= c->max)) {
        return REASON_OUT_OF_RANGE;
    }
    *out = value;
    return REASON_NONE;
}

enum time_verdict validate_time(const struct uplink_value *v, int64_t receive_ms,
                                int64_t max_ahead_ms, int64_t late_limit_ms, int64_t *ts_ms,
                                uint32_t *flags, enum reason *reason)
{
    if (!v->has_ts) {
        *ts_ms = receive_ms;
        *flags |= READING_TIME_FROM_RECEIVE;
        return TIME_GOOD;
    }
    if (v->ts_ms < VALIDATE_EPOCH_MS) {
        *reason = REASON_TIME_IMPLAUSIBLE;
        return TIME_REFUSED;
    }
    if (v->ts_ms - receive_ms > max_ahead_ms) {
        *reason = REASON_TIME_AHEAD;
        return TIME_REFUSED;
    }
    *ts_ms = v->ts_ms;
    return receive_ms - v->ts_ms > late_limit_ms ? TIME_LATE : TIME_GOOD;
}

#define WINDOW 64

struct seq_window seq_window_from(uint64_t seq)
{
    return (struct seq_window){.highest = seq, .seen = 1};
}

/* `step` numbers further. */
static void move_on(struct seq_window *w, uint64_t step)
{
    if (step < WINDOW) {
        w->seen = w->seen << step | 1;
        w->missed = w->missed << step | ((UINT64_C(1) << step) - 2);
    } else {
        w->seen = 1;
        w->missed = ~UINT64_C(1);
    }
    w->highest += step;
}

enum seq_verdict seq_window_enter(struct seq_window *w, uint64_t seq, int64_t *missing)
{
    *missing = 0;
    if (w->seen == 0) {
        *w = seq_window_from(seq);
        return SEQ_NEW;
    }
    if (seq > w->highest) {
        const uint64_t passed = seq - w->highest - 1;
        *missing = passed < INT64_MAX ? (int64_t)passed : INT64_MAX;
        move_on(w, passed + 1);
        return SEQ_NEW;
    }
    const uint64_t back = w->highest - seq;
    if (back >= WINDOW) {
        return SEQ_BELOW;
    }
    const uint64_t bit = UINT64_C(1) << back;
    if ((w->seen & bit) != 0) {
        return SEQ_REPEATED;
    }
    *missing = (w->missed & bit) != 0 ? -1 : 0;
    w->seen |= bit;
    w->missed &= ~bit;
    return SEQ_NEW;
}

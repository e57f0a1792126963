#include "gateway/validate/device_clock.h"

#include "gateway/base/clock.h"
#include "gateway/validate/validate.h"

/* No clock says more, and sums of two such numbers do not overflow. */
#define MOST_MS 1000000000000000LL

/* A device sends its backlog faster than it gathered it, so that its lag shrinks; a clock that is
 * off keeps it, but for the link's own delays. */
#define STEADY_MS       60000
#define STEADY_MESSAGES 8
#define STEADY_SPAN_MS  600000

static bool is_time(int64_t ms)
{
    return ms >= -MOST_MS && ms <= MOST_MS;
}

int64_t uplink_newest_ms(const struct uplink *u)
{
    int64_t newest = INT64_MIN;
    for (size_t i = 0; i < u->count; i++) {
        if (u->values[i].has_ts && u->values[i].ts_ms > newest) {
            newest = u->values[i].ts_ms;
        }
    }
    return newest;
}

int64_t device_clock_shift(const struct profile *p, int64_t newest_ms, int64_t receive_ms,
                           int64_t max_ahead_ms)
{
    if (p->device_clock == CLOCK_KEEP || !is_time(newest_ms)) {
        return 0;
    }
    const int64_t lag_ms = receive_ms - newest_ms;
    const bool certain = newest_ms < VALIDATE_EPOCH_MS || lag_ms < -max_ahead_ms;
    const bool behind =
        p->device_clock == CLOCK_CORRECT && lag_ms > p->late_after_s * (int64_t)LL_MS_PER_S;
    return certain || behind ? lag_ms : 0;
}

void device_clock_learn(struct device_clock *c, const struct profile *p, int64_t newest_ms,
                        int64_t receive_ms)
{
    if (!is_time(newest_ms)) {
        return;
    }
    const int64_t lag_ms = receive_ms - newest_ms;
    if (lag_ms <= p->late_after_s * LL_MS_PER_S) {
        *c = (struct device_clock){0};
        return;
    }
    const int64_t least_ms = lag_ms < c->least_ms ? lag_ms : c->least_ms;
    const int64_t most_ms = lag_ms > c->most_ms ? lag_ms : c->most_ms;
    if (c->messages == 0 || most_ms - least_ms > STEADY_MS || receive_ms < c->since_ms) {
        *c = (struct device_clock){
            .least_ms = lag_ms, .most_ms = lag_ms, .since_ms = receive_ms, .messages = 1};
        return;
    }
    c->least_ms = least_ms;
    c->most_ms = most_ms;
    c->messages += c->messages < STEADY_MESSAGES;
    if (c->messages == STEADY_MESSAGES && receive_ms - c->since_ms >= STEADY_SPAN_MS) {
        c->behind_ms = least_ms;
    }
}

int64_t device_clock_apply(int64_t ts_ms, int64_t shift_ms)
{
    return is_time(ts_ms) ? ts_ms + shift_ms : ts_ms;
}

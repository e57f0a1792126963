#include "gateway/pipeline/receive_clock.h"

#include "gateway/base/clock.h"
#include "gateway/validate/validate.h"

/* By more than this between two ticks the clock was set, not slewed. */
#define STEP_MS 500
/* Behind the last known time by more than a machine's own clock is ever off. */
#define BEHIND_MS (24LL * 3600 * LL_MS_PER_S)

static bool same_start(const struct receive_clock *c, const struct intake_tick *t)
{
    return c->time_ms != 0 && c->boot == t->boot && t->up_ms >= c->up_ms;
}

static bool was_set(const struct receive_clock *c, const struct intake_tick *t, int64_t wall_ms)
{
    const int64_t by_ms = wall_ms - c->wall_ms - (t->up_ms - c->up_ms);
    return same_start(c, t) && (by_ms > STEP_MS || by_ms < -STEP_MS);
}

bool receive_clock_believes(const struct receive_clock *c, const struct intake_tick *t,
                            int64_t wall_ms, int64_t wait_ms)
{
    if (wall_ms < VALIDATE_EPOCH_MS) {
        return false;
    }
    if (t->synchronised || t->boot == 0 || was_set(c, t, wall_ms) ||
        (same_start(c, t) && !c->unknown)) {
        return true;
    }
    return t->up_ms >= wait_ms && (c->time_ms == 0 || wall_ms >= c->time_ms - BEHIND_MS);
}

int64_t receive_clock_tick(struct receive_clock *c, const struct intake_tick *t, int64_t wall_ms,
                           bool believed)
{
    int64_t passed_ms = same_start(c, t) ? t->up_ms - c->up_ms : 0;
    if (t->boot == 0) { /* it does not tell: the wall clock has to do */
        passed_ms = wall_ms > c->wall_ms ? wall_ms - c->wall_ms : 0;
    }
    const int64_t before_ms = c->time_ms > VALIDATE_EPOCH_MS ? c->time_ms : VALIDATE_EPOCH_MS;
    c->time_ms = believed ? wall_ms : before_ms + passed_ms;
    c->unknown = !believed;
    c->boot = t->boot;
    c->up_ms = t->up_ms;
    c->wall_ms = wall_ms;
    return passed_ms;
}

int64_t receive_clock_time(const struct receive_clock *c, int64_t wall_ms)
{
    if (!c->unknown) {
        return wall_ms;
    }
    return c->time_ms + (wall_ms > c->wall_ms ? wall_ms - c->wall_ms : 0);
}

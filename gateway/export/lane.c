#include "gateway/export/lane.h"

#define BACKOFF_BASE_MS 500
#define BACKOFF_CAP_MS  60000

int64_t lane_due_ms(const struct lane *l, bool full, struct mono_ns now)
{
    if (batch_empty(&l->batch)) {
        return -1;
    }
    int64_t ms = full ? 0 : l->wait_ms - mono_elapsed_ms(l->batch.since, now);
    const struct mono_ns waits[] = {l->failures > 0 ? l->not_before : now,
                                    l->rate > 0 ? l->paced : now};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        /* Rounded up, so as not to wake just before it. */
        const int64_t after = (waits[i].ns - now.ns + LL_NS_PER_MS - 1) / LL_NS_PER_MS;
        ms = after > ms ? after : ms;
    }
    return ms > 0 ? ms : 0;
}

size_t lane_most(const struct lane *l)
{
    return l->rate > 0 && l->rate < l->try_lines ? l->rate : l->try_lines;
}

void lane_pace(struct lane *l, size_t lines)
{
    if (l->rate > 0) {
        l->paced = mono_after(clock_mono(), (int64_t)(lines * LL_MS_PER_S / l->rate));
    }
}

int64_t lane_back_off(struct lane *l, struct rng *rng, int64_t asked_ms)
{
    const int64_t own_ms = rng_backoff_ms(rng, l->failures, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    const int64_t wait_ms = asked_ms > own_ms ? asked_ms : own_ms;
    l->failures++;
    l->not_before = mono_after(clock_mono(), wait_ms);
    return wait_ms;
}

/*
 * Stuck: the channel reports, but its value stays within a tolerance for longer than the thing it
 * measures can stand still.
 */
#include <math.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/num.h"
#include "gateway/detect/detector.h"

static bool observe(const struct detector_spec *spec, struct detect_state *state, double value,
                    struct detect_now now)
{
    if (state->count == 0 || fabs(value - state->reference) > spec->param[STUCK_TOLERANCE]) {
        state->reference = value;
        state->since_ms = now.alive_ms;
        state->count = 1;
        return false;
    }
    if (state->count < UINT32_MAX) {
        state->count++;
    }
    const double stood_s = (double)(now.alive_ms - state->since_ms) / LL_MS_PER_S;
    return stood_s >= spec->param[STUCK_AFTER_S] && state->count >= spec->param[STUCK_MIN_READINGS];
}

static void explain(const struct detector_spec *spec, const struct channel_spec *channel,
                    double value, enum detect_language language, char *out, size_t out_len)
{
    char seen[LL_NUM_TEXT];
    num_format(isnan(value) ? 0 : value, seen);
    char name[DETECTOR_NAME];
    detector_channel_name(channel, language, name);
    /* Not known where its delay ended before the time was known. */
    if (isnan(value) && language == DETECT_CHINESE) {
        snprintf(out, out_len, "%s 不变已超过 %.0f 秒", name, spec->param[STUCK_AFTER_S]);
    } else if (isnan(value)) {
        snprintf(out, out_len, "%s has not changed for more than %.0f s", name,
                 spec->param[STUCK_AFTER_S]);
    } else if (language == DETECT_CHINESE) {
        snprintf(out, out_len, "%s 停在 %s 不变已超过 %.0f 秒", name, seen,
                 spec->param[STUCK_AFTER_S]);
    } else {
        snprintf(out, out_len, "%s has stood at %s for more than %.0f s", name, seen,
                 spec->param[STUCK_AFTER_S]);
    }
}

const struct detector detector_stuck = {.observe = observe, .explain = explain};

/*
 * Silence: the channel did not report for longer than it should (three periods by default, after
 * T/CGAS 013-2021). Judged in alive time, and clear as soon as the channel speaks.
 */
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/detect/detector.h"

static bool observe(const struct detector_spec *spec, struct detect_state *state, double value,
                    struct detect_now now)
{
    (void)spec;
    (void)value;
    state->since_ms = now.alive_ms;
    state->count = 1;
    return false;
}

static int64_t due_ms(const struct detector_spec *spec, const struct detect_state *state)
{
    if (state->active != 0) {
        return INT64_MAX;
    }
    const double after_ms = spec->param[SILENCE_AFTER_S] * LL_MS_PER_S;
    return state->since_ms + (int64_t)after_ms;
}

static bool tick(const struct detector_spec *spec, struct detect_state *state,
                 struct detect_now now)
{
    if (state->count == 0) { /* never heard: its time begins when the watch begins */
        state->since_ms = now.alive_ms;
        state->count = 1;
    }
    return state->active != 0 || now.alive_ms >= due_ms(spec, state);
}

static void explain(const struct detector_spec *spec, const struct channel_spec *channel,
                    double value, enum detect_language language, char *out, size_t out_len)
{
    (void)value;
    char name[DETECTOR_NAME];
    detector_channel_name(channel, language, name);
    if (language == DETECT_CHINESE) {
        snprintf(out, out_len, "%s 超过 %.0f 秒没有上报（正常周期 %d 秒）", name,
                 spec->param[SILENCE_AFTER_S], channel->period_s);
    } else {
        snprintf(out, out_len, "%s did not report for %.0f s (expected every %d s)", name,
                 spec->param[SILENCE_AFTER_S], channel->period_s);
    }
}

const struct detector detector_silence = {
    .observe = observe, .tick = tick, .due_ms = due_ms, .explain = explain};

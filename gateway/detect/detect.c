#include "gateway/detect/detect.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "gateway/detect/detector.h"
#include "gateway/model/quantity.h"

static const struct detector *const detectors[DETECTOR_TYPE_COUNT] = {
    [DETECTOR_LIMIT] = &detector_limit,
    [DETECTOR_SILENCE] = &detector_silence,
    [DETECTOR_STUCK] = &detector_stuck,
};

static const struct detector *detector_of(const struct detector_spec *spec)
{
    assert((unsigned)spec->type < DETECTOR_TYPE_COUNT);
    return detectors[spec->type];
}

bool detect_observe(const struct detector_spec *spec, struct detect_state *state, double value,
                    struct detect_now now)
{
    const bool active = detector_of(spec)->observe(spec, state, value, now);
    state->active = active;
    return active;
}

bool detect_tick(const struct detector_spec *spec, struct detect_state *state,
                 struct detect_now now)
{
    const struct detector *d = detector_of(spec);
    if (d->tick != NULL) {
        state->active = d->tick(spec, state, now);
    }
    return state->active != 0;
}

int64_t detect_due_ms(const struct detector_spec *spec, const struct detect_state *state)
{
    const struct detector *d = detector_of(spec);
    return d->due_ms != NULL ? d->due_ms(spec, state) : INT64_MAX;
}

void detect_explain(const struct detector_spec *spec, const struct channel_spec *channel,
                    double value, enum detect_language language, char *out, size_t out_len)
{
    detector_of(spec)->explain(spec, channel, value, language, out, out_len);
}

const char *detector_channel_name(const struct channel_spec *channel, enum detect_language language,
                                  char out[DETECTOR_NAME])
{
    const struct quantity *q = quantity_find(channel->quantity);
    const char *name = q == NULL                    ? channel->quantity
                       : language == DETECT_CHINESE ? q->name_zh
                                                    : q->name_en;
    if (q == NULL || strcmp(channel->name, channel->quantity) == 0) {
        snprintf(out, DETECTOR_NAME, "%s", q == NULL ? channel->name : name);
    } else if (language == DETECT_CHINESE) {
        snprintf(out, DETECTOR_NAME, "%s（%s）", name, channel->name);
    } else {
        snprintf(out, DETECTOR_NAME, "%s (%s)", name, channel->name);
    }
    return out;
}

/*
 * Limit with a dead band: true once the value passes the limit, and until it is back by the dead
 * band, so that a value that trembles on the limit does not chatter (ISA-18.2, 10.5.2).
 */
#include <math.h>
#include <stdio.h>

#include "gateway/base/num.h"
#include "gateway/detect/detector.h"

static bool observe(const struct detector_spec *spec, struct detect_state *state, double value,
                    struct detect_now now)
{
    (void)now;
    const double back = state->active != 0 ? spec->param[LIMIT_DEAD_BAND] : 0;
    if (!isnan(spec->param[LIMIT_ABOVE])) {
        return value > spec->param[LIMIT_ABOVE] - back;
    }
    return value < spec->param[LIMIT_BELOW] + back;
}

static void explain(const struct detector_spec *spec, const struct channel_spec *channel,
                    double value, enum detect_language language, char *out, size_t out_len)
{
    const bool above = !isnan(spec->param[LIMIT_ABOVE]);
    char seen[LL_NUM_TEXT];
    char limit[LL_NUM_TEXT];
    num_format(value, seen);
    num_format(above ? spec->param[LIMIT_ABOVE] : spec->param[LIMIT_BELOW], limit);
    const char *unit = channel->unit->suffix[0] != '\0' ? channel->unit->symbol : "";
    const char *gap = unit[0] != '\0' ? " " : "";
    if (language == DETECT_CHINESE) {
        snprintf(out, out_len, "%s 测得 %s%s%s，%s限值 %s%s%s", channel->name, seen, gap, unit,
                 above ? "高于" : "低于", limit, gap, unit);
    } else {
        snprintf(out, out_len, "%s is %s%s%s, %s the limit of %s%s%s", channel->name, seen, gap,
                 unit, above ? "above" : "below", limit, gap, unit);
    }
}

const struct detector detector_limit = {.observe = observe, .explain = explain};

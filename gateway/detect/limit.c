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

/* A limit on a truth: 0.5 lies between no and yes. */
static void explain_truth(const char *name, bool seen, enum detect_language language, char *out,
                          size_t out_len)
{
    if (language == DETECT_CHINESE) {
        snprintf(out, out_len, "%s：%s（正常为%s）", name, seen ? "是" : "否", seen ? "否" : "是");
    } else {
        snprintf(out, out_len, "%s: %s (normally %s)", name, seen ? "yes" : "no",
                 seen ? "no" : "yes");
    }
}

static void explain(const struct detector_spec *spec, const struct channel_spec *channel,
                    double value, enum detect_language language, char *out, size_t out_len)
{
    const bool above = !isnan(spec->param[LIMIT_ABOVE]);
    char name[DETECTOR_NAME];
    char seen[LL_NUM_TEXT];
    char limit[LL_NUM_TEXT];
    detector_channel_name(channel, language, name);
    if (channel->type == FIELD_BOOL) {
        explain_truth(name, above, language, out, out_len);
        return;
    }
    const bool known = !isnan(value);
    num_format(known ? value : 0, seen);
    num_format(above ? spec->param[LIMIT_ABOVE] : spec->param[LIMIT_BELOW], limit);
    const char *unit = channel->unit->suffix[0] != '\0' ? channel->unit->symbol : "";
    const char *gap = unit[0] != '\0' ? " " : "";
    if (!known && language == DETECT_CHINESE) {
        snprintf(out, out_len, "%s %s限值 %s%s%s", name, above ? "高于" : "低于", limit, gap, unit);
    } else if (!known) {
        snprintf(out, out_len, "%s is %s the limit of %s%s%s", name, above ? "above" : "below",
                 limit, gap, unit);
    } else if (language == DETECT_CHINESE) {
        snprintf(out, out_len, "%s %s%s%s，%s限值 %s%s%s", name, seen, gap, unit,
                 above ? "高于" : "低于", limit, gap, unit);
    } else {
        snprintf(out, out_len, "%s is %s%s%s, %s the limit of %s%s%s", name, seen, gap, unit,
                 above ? "above" : "below", limit, gap, unit);
    }
}

const struct detector detector_limit = {.observe = observe, .explain = explain};

/*
 * One row of the detectors' table. Not for other folders.
 */
#ifndef LL_DETECT_DETECTOR_H
#define LL_DETECT_DETECTOR_H

#include "gateway/detect/detect.h"

struct detector {
    bool (*observe)(const struct detector_spec *spec, struct detect_state *state, double value,
                    struct detect_now now);
    bool (*tick)(const struct detector_spec *spec, struct detect_state *state,
                 struct detect_now now); /* NULL: does not heed time */
    int64_t (*due_ms)(const struct detector_spec *spec, const struct detect_state *state);
    void (*explain)(const struct detector_spec *spec, const struct channel_spec *channel,
                    double value, enum detect_language language, char *out, size_t out_len);
};

/* What the channel measures, as operators call it, with the channel's own name behind it where that
 * says more: "甲烷", "液位（L_T1）". Returns `out`. */
#define DETECTOR_NAME (2 * LL_MAX_CHANNEL + 8)
const char *detector_channel_name(const struct channel_spec *channel, enum detect_language language,
                                  char out[DETECTOR_NAME]);

extern const struct detector detector_limit;
extern const struct detector detector_silence;
extern const struct detector detector_stuck;

#endif

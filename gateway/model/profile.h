/*
 * A profile says for a device model or an asset kind which channels exist and what to expect of
 * them. Read from config/profiles/ by registry/, used by every stage behind it.
 *
 * Threads: any; a profile does not change once its registry snapshot is published.
 */
#ifndef LL_MODEL_PROFILE_H
#define LL_MODEL_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/limits.h"
#include "gateway/model/detector.h"
#include "gateway/model/kind.h"
#include "gateway/model/unit.h"

/* The type of a field in InfluxDB, where it can never change. */
enum field_type { FIELD_FLOAT, FIELD_INT, FIELD_BOOL, FIELD_TYPE_COUNT };

extern const char *const field_type_keys[FIELD_TYPE_COUNT];

/* What to do about a device whose clock is off: take the receive time for the newest reading of
 * each message where it is ahead, or was never set; also where it is behind (for devices that send
 * at once); or let its times stand, and refuse those ahead. */
enum clock_policy { CLOCK_CORRECT_AHEAD, CLOCK_CORRECT, CLOCK_KEEP, CLOCK_POLICY_COUNT };

/* "correct_ahead", "correct", "keep" */
extern const char *const clock_policy_keys[CLOCK_POLICY_COUNT];

/* A field that no channel may have: what the time of a line is worth (export/line.h). */
#define LINE_TIME_QUALITY "time_quality"

struct channel_spec {
    char name[LL_MAX_CHANNEL];     /* as the payload calls it: "pressure" */
    char quantity[LL_MAX_CHANNEL]; /* what is measured: "pressure", "methane" */
    char field[LL_MAX_FIELD];      /* name and unit: "pressure_mpa" */
    const struct unit *unit;
    double min; /* plausible range in `unit`, both ends included */
    double max;
    enum field_type type;
    int32_t period_s; /* expected time between readings; 0: on change only */
    size_t detector_count;
    struct detector_spec detectors[LL_MAX_DETECTORS];
};

struct profile {
    char name[LL_MAX_ID];
    char title_en[LL_MAX_NAME];
    char title_zh[LL_MAX_NAME];
    const struct asset_kind *kind;
    int64_t late_after_s; /* readings older than this at receipt are marked as late */
    int64_t late_limit_s; /* readings older than this are left out, and counted */
    enum clock_policy device_clock;
    size_t channel_count;
    struct channel_spec *channels; /* owned by the profile */
};

/* The channel's index, or -1. */
int profile_channel(const struct profile *p, const char *name, size_t len);

void profile_free(struct profile *p);

#endif

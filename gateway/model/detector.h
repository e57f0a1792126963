/*
 * What a profile may say about a detector: names, settings with units and defaults, delays.
 *
 * The table is the schema that registry/ parses profiles by; detect/ holds the code that runs.
 * A new detector is a row here and a file there. Threads: any; the tables are constant.
 */
#ifndef LL_MODEL_DETECTOR_H
#define LL_MODEL_DETECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/limits.h"

enum detector_type { DETECTOR_LIMIT, DETECTOR_SILENCE, DETECTOR_STUCK, DETECTOR_TYPE_COUNT };

/* Indices into detector_spec.param, as the rows of detector_kinds list them. */
enum { LIMIT_ABOVE, LIMIT_BELOW, LIMIT_DEAD_BAND };
enum { SILENCE_AFTER_S };
enum { STUCK_AFTER_S, STUCK_TOLERANCE, STUCK_MIN_READINGS };

/* One typed setting. NaN as the default: not set. */
struct detector_setting {
    const char *key;
    const char *unit; /* "channel": the unit of the channel it watches */
    double fallback;
    double min;
    double max;
    const char *help;
};

struct detector_kind {
    const char *key;
    const struct detector_setting *settings; /* at most LL_MAX_DETECTOR_PARAMS */
    size_t setting_count;
    const char *help;
};

extern const struct detector_kind detector_kinds[DETECTOR_TYPE_COUNT];

/* ISA-18.2 asks for three or four levels; the response times stand in alarm/. */
enum alarm_priority {
    PRIORITY_LOW,
    PRIORITY_MEDIUM,
    PRIORITY_HIGH,
    PRIORITY_CRITICAL,
    PRIORITY_COUNT
};

extern const char *const alarm_priority_keys[PRIORITY_COUNT];

/* A detector on a channel, as its profile has it. */
struct detector_spec {
    enum detector_type type;
    enum alarm_priority priority;
    char name[LL_MAX_CHANNEL]; /* of the condition, unique on its channel: "high_high" */
    double param[LL_MAX_DETECTOR_PARAMS];
    int32_t on_delay_s;  /* true this long before the alarm is raised */
    int32_t off_delay_s; /* false this long before it clears */
};

#endif

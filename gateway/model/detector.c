#include "gateway/model/detector.h"

#include <math.h>

#define WEEK_S 604800.0
#define YEAR_S 31536000.0

static const struct detector_setting limit_settings[] = {
    [LIMIT_ABOVE] = {"above", "channel", NAN, -1e12, 1e12, "true where the value is above this"},
    [LIMIT_BELOW] = {"below", "channel", NAN, -1e12, 1e12, "true where the value is below this"},
    [LIMIT_DEAD_BAND] = {"dead_band", "channel", 0, 0, 1e12,
                         "how far back inside the limit the value must come to be normal again"},
};

static const struct detector_setting silence_settings[] = {
    [SILENCE_AFTER_S] = {"after_s", "s", NAN, 1, YEAR_S,
                         "no reading for this long; by default three reporting periods "
                         "(T/CGAS 013-2021)"},
};

static const struct detector_setting stuck_settings[] = {
    [STUCK_AFTER_S] = {"after_s", "s", WEEK_S, 1, YEAR_S,
                       "the value stayed within the tolerance for this long"},
    [STUCK_TOLERANCE] = {"tolerance", "channel", 0, 0, 1e12, "how far the value may move"},
    [STUCK_MIN_READINGS] = {"min_readings", "1", 10, 2, 1e6,
                            "and at least so many readings came in that time"},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const struct detector_kind detector_kinds[DETECTOR_TYPE_COUNT] = {
    [DETECTOR_LIMIT] = {"limit", limit_settings, COUNT(limit_settings),
                        "the value passes a limit; back to normal past a dead band"},
    [DETECTOR_SILENCE] = {"silence", silence_settings, COUNT(silence_settings),
                          "the channel does not report"},
    [DETECTOR_STUCK] = {"stuck", stuck_settings, COUNT(stuck_settings),
                        "the channel reports, but its value does not move"},
};

const char *const alarm_priority_keys[PRIORITY_COUNT] = {"low", "medium", "high", "critical"};

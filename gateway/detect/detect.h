/*
 * Detectors: each watches one channel and says whether its condition holds. One file each behind
 * the table in detect.c; the settings are model/detector.h's.
 *
 * Pure and deterministic: time is an argument, state is the caller's and of one fixed size. A
 * finding is a condition with its figures; delays and acknowledgement are alarm/'s.
 */
#ifndef LL_DETECT_DETECT_H
#define LL_DETECT_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/model/detector.h"
#include "gateway/model/profile.h"

/* `alive_ms`: time during which the gateway watched, which stands still while it was down or cut
 * off from its broker, so that its own absence is no silence of the sensors. Ever growing. */
struct detect_now {
    int64_t event_ms; /* of the record, UTC */
    int64_t alive_ms;
};

/* What a detector remembers. Zeroed: it has seen nothing. Saved with the checkpoint as it is. */
struct detect_state {
    int64_t since_ms; /* alive time: silence: last reading; stuck: since the value stands */
    double reference; /* stuck: the value */
    uint32_t count;   /* silence: 1 once armed; stuck: readings since */
    uint32_t active;  /* the condition as last judged */
};

/* Judges a reading. Returns whether the condition holds. */
bool detect_observe(const struct detector_spec *spec, struct detect_state *state, double value,
                    struct detect_now now);

/* Judges the passing of time, for detectors that do: silence. */
bool detect_tick(const struct detector_spec *spec, struct detect_state *state,
                 struct detect_now now);

/* When detect_tick could next change its mind, in alive time; INT64_MAX: never. */
int64_t detect_due_ms(const struct detector_spec *spec, const struct detect_state *state);

enum detect_language { DETECT_ENGLISH, DETECT_CHINESE };

/* What was expected and what was seen, in words: "methane 23.4 %LEL, above the limit of 20 %LEL".
 */
void detect_explain(const struct detector_spec *spec, const struct channel_spec *channel,
                    double value, enum detect_language language, char *out, size_t out_len);

#endif

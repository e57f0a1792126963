/*
 * The score of a gateway's alarms against what a simulated city knows: which faults were found, how
 * soon, from which magnitude on, and which alarms had no cause.
 *
 * A raised alarm belongs to the faults of its asset that were on, or had ended within the last
 * hour; one that belongs to none is false. Only faults that showed in a reading (observable) can be
 * missed. The operator's figures are those of ISA-18.2-2016, 16.4, for one operator.
 * Pure. Threads: one at a time.
 */
#ifndef LL_SIM_SCORE_H
#define LL_SIM_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "gateway/base/buf.h"
#include "gateway/base/diag.h"
#include "gateway/base/err.h"
#include "gateway/base/limits.h"

#define SCORE_NEVER INT64_MIN

struct score_fault {
    char asset[LL_MAX_ID];
    char device[LL_MAX_ID];
    char channel[LL_MAX_CHANNEL];
    char kind[LL_MAX_CHANNEL];
    int64_t onset_ms;
    int64_t end_ms;        /* INT64_MAX: it stayed */
    int64_t observable_ms; /* SCORE_NEVER: it did not show */
    double magnitude;
    int64_t found_ms; /* set by score_run; SCORE_NEVER: it was not found */
};

/* A transition of an alarm. */
struct score_event {
    char asset[LL_MAX_ID];
    char device[LL_MAX_ID];
    char channel[LL_MAX_CHANNEL];
    char condition[LL_MAX_CHANNEL];
    int64_t at_ms;
    bool raised;   /* became active */
    bool returned; /* is active no more */
    bool is_false; /* set by score_run */
};

struct score_input {
    struct score_fault *faults;
    size_t fault_count;
    struct score_event *events;
    size_t event_count;
    uint64_t assets;
    int64_t start_ms;
    int64_t end_ms;
};

struct score_kind {
    const char *kind; /* borrowed from the input */
    size_t faults;
    size_t observable;
    size_t found;   /* of those */
    double recall;  /* NaN: none was observable */
    double delay_s; /* median; NaN: none was found */
    double delay_p95_s;
    double half_found_at; /* magnitude; NaN: all, or none, were found */
};

#define SCORE_MAX_KINDS 128

struct score {
    size_t kind_count;
    struct score_kind kinds[SCORE_MAX_KINDS]; /* by name */
    size_t alarms;                            /* raised */
    size_t false_alarms;
    double false_per_1000_asset_days;
    double alarms_per_hour;
    size_t floods;     /* begun: more than 10 in ten minutes, until fewer than 5 */
    double busy_share; /* of the ten-minute intervals, those with more than 10 alarms */
    size_t chattering; /* alarms that changed more than 5 times within 5 minutes, once each */
    size_t fleeting;   /* active for less than 10 s */
    size_t stale;      /* active for more than 24 h */
};

/* Sorts and marks the input's rows, fills `out`. LL_ELIMIT: more kinds than SCORE_MAX_KINDS. */
ll_err score_run(struct score_input *in, struct score *out);

/* The truth file and the transitions of lifelined --replay, as JSON Lines. Faults in them go to
 * `d`. Rows are appended; free with score_input_free. */
ll_err score_read_truth(const char *path, struct score_input *in, struct diag *d);
ll_err score_read_transitions(const char *path, struct score_input *in, struct diag *d);
void score_input_free(struct score_input *in);

void score_print(const struct score *s, FILE *out);
void score_json(const struct score *s, struct buf *out);

#endif

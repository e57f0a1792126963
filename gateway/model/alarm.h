/*
 * An alarm as it is told to people and kept in the archive.
 *
 * State names and letters are those of ISA-18.2 / IEC 62682.
 */
#ifndef LL_MODEL_ALARM_H
#define LL_MODEL_ALARM_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/limits.h"
#include "gateway/model/detector.h"

enum alarm_state {
    ALARM_NORMAL,    /* A */
    ALARM_UNACK,     /* B: active, unacknowledged */
    ALARM_ACKED,     /* C: active, acknowledged */
    ALARM_RTN_UNACK, /* D: returned to normal, unacknowledged */
    ALARM_STATE_COUNT
};

/* "normal", "unacknowledged", "acknowledged", "rtn_unacknowledged" */
extern const char *const alarm_state_keys[ALARM_STATE_COUNT];

/* One transition: the whole alarm as it stands after it. */
struct alarm_record {
    uint64_t id;         /* unique in this gateway, in the order of raising */
    uint64_t source_seq; /* the intake record that caused this transition */
    uint32_t source_nth; /* and which of its transitions this is, from 0 */
    enum alarm_state from;
    enum alarm_state state;
    enum alarm_priority priority;
    int64_t at_ms;     /* of this transition, event time */
    bool at_estimated; /* nobody knew the time then */
    int64_t raised_ms;
    int64_t acked_ms;   /* 0: not yet */
    int64_t cleared_ms; /* 0: not yet */
    double value;       /* that raised it, in the channel's unit; NaN: none (silence) */
    char asset[LL_MAX_ID];
    char kind[LL_MAX_CHANNEL];
    char district[LL_MAX_NAME];
    char device[LL_MAX_ID];
    char channel[LL_MAX_CHANNEL];
    char condition[LL_MAX_CHANNEL]; /* the detector's name in the profile */
    char acked_by[LL_MAX_ID];
    char note[LL_MAX_NAME];
    char text_en[2 * LL_MAX_NAME]; /* expected, seen, since when */
    char text_zh[2 * LL_MAX_NAME];
};

#endif

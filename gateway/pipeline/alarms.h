/*
 * The open alarms: turns conditions into transitions and transitions into records for people.
 *
 * Holds one record for each alarm that is not back to normal, at most one a watch. What happens to
 * a transition (archive, spool, log) is the caller's, through `emit`. Threads: the pipeline's
 * alone, but for alarms_open_count.
 */
#ifndef LL_ALARMS_H
#define LL_ALARMS_H

#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/cursor.h"
#include "gateway/model/alarm.h"
#include "gateway/pipeline/series.h"

struct alarms;

/* The intake record at work: what a transition is caused by, and when. */
struct alarm_cause {
    uint64_t seq;
    uint32_t nth; /* transitions that it has caused so far */
    struct detect_now now;
    bool estimated; /* nobody knew the time */
};

typedef void (*alarms_emit)(void *ctx, const struct alarm_record *record);
/* The id that the archive knows for an alarm raised by that cause, or 0. */
typedef uint64_t (*alarms_known)(void *ctx, const struct alarm_cause *cause);

ll_err alarms_new(alarms_emit emit, alarms_known known, void *ctx, struct alarms **out);
void alarms_free(struct alarms *a);

/* Tells whether the watch's condition holds; `value` is the reading's, or NaN. LL_ENOMEM. */
ll_err alarms_settle(struct alarms *a, struct series_table *t, uint32_t watch, bool condition,
                     double value, struct alarm_cause *cause);

/* Acknowledges. LL_ENOENT: no open alarm has the id; LL_ESTATE: it is acknowledged already. */
ll_err alarms_ack(struct alarms *a, struct series_table *t, uint64_t id, const char *by,
                  const char *note, struct alarm_cause *cause);

/* Finds the watches of the open alarms in a new table by name. An alarm whose watch is gone clears.
 */
void alarms_attach(struct alarms *a, struct series_table *t, struct alarm_cause *cause);

/* Adds `by_ms` to all times from `from_ms` on: estimates, of which the true ones are known now. */
void alarms_correct(struct alarms *a, int64_t from_ms, int64_t by_ms);

uint32_t alarms_open_count(const struct alarms *a);

/* Ids up to `id` were given out before: for a start without a checkpoint, when the journal tells
 * again what the archive has, and `known` is asked about each alarm raised. */
void alarms_begin_after(struct alarms *a, uint64_t id);

/* For the checkpoint. After a load: alarms_attach. */
void alarms_save(const struct alarms *a, struct buf *out);
ll_err alarms_load(struct alarms *a, struct cursor *in);

#endif

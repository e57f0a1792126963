/*
 * The pipeline's own state, shared by the files that make it up. Not for others: they use
 * pipeline.h.
 *
 * Everything above `recent` belongs to the pipeline's thread, which holds `state_lock` while it
 * takes a batch, so that pipeline_device may look.
 */
#ifndef LL_PIPELINE_STATE_H
#define LL_PIPELINE_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/base/log.h"
#include "gateway/base/wheel.h"
#include "gateway/pipeline/alarms.h"
#include "gateway/pipeline/judge.h"
#include "gateway/pipeline/pipeline.h"
#include "gateway/pipeline/receive_clock.h"
#include "gateway/pipeline/series.h"
#include "gateway/pipeline/sources.h"
#include "gateway/pipeline/waiters.h"
#include "gateway/store/recent.h"

/* Messages that came while nobody knew the time. They wait in the intake journal. */
struct hold {
    uint64_t began_seq;         /* the tick from which on; 0: none wait */
    uint64_t ended_seq;         /* the tick with which the time became known; 0: not yet */
    bool due;                   /* it is known, and the archive does not take it */
    uint64_t next_seq;          /* the first record that still waits */
    struct receive_clock clock; /* as of next_seq */
    uint64_t boot;              /* the machine's start, of which ended_seq tells the time */
    int64_t boot_at_ms;         /* that time */
    int64_t boot_from_ms;       /* what was estimated for it, or for began_seq if that came later */
};

struct pipeline {
    struct pipeline_parts parts;
    struct judge *judge;
    struct series_table *table;
    struct wheel *wheel; /* in seconds of alive time; timer ids are watches */
    struct alarms *alarms;
    struct sources *sources;
    struct ledger *books; /* of the source of the message at work */
    struct journal_reader *reader;
    uint64_t done_seq;     /* the last record taken */
    struct detect_now now; /* of the record at work */
    struct receive_clock clock;
    struct hold hold;
    struct journal_reader *held;     /* over the messages that waited; NULL: not read yet */
    uint32_t time_flags;             /* of the record at work, for readings that bring no time */
    int64_t last_checkpoint_ms;      /* event time */
    uint64_t checkpoint_bytes;       /* what it takes on the disk */
    uint64_t taken_bytes;            /* of the intake, on the disk, since then */
    struct alarm_record *unarchived; /* transitions that the archive has yet to take, in order */
    uint32_t unarchived_count;
    uint32_t unarchived_cap;
    uint64_t relearn_seq; /* up to here the archive may know the alarms already */
    bool checkpoint_due;
    bool archive_behind; /* a transition is waiting nowhere: no checkpoint may say it is archived */
    bool opening;        /* pipeline_new: nothing may wait */
    bool gave_up;        /* the end came while it waited: the checkpoint stays where it is */
    ll_err waits_for;    /* what it waited for last */
    struct alarm_cause cause;
    struct reading readings[LL_MAX_READINGS_PER_MESSAGE]; /* of the message at work */
    struct buf lines;
    struct buf alarm_lines;
    uint32_t alarm_line_count;
    struct buf answer;
    struct log_limit reject_limits[REASON_COUNT];
    struct log_limit late_limit;
    struct log_limit stall_limit;
    struct log_limit archive_limit;
    struct log_limit checkpoint_limit;

    struct recent *recent; /* with locks of their own */
    struct waiters *waiters;
    pthread_t thread;
    bool started;
    atomic_bool stopping;
    _Atomic uint64_t checkpointed;
    uint64_t received_at_start;
    atomic_bool time_known;
    atomic_uint viewers;        /* that want state_lock */
    pthread_mutex_t state_lock; /* before `lock` */
    pthread_mutex_t lock;       /* below: what other threads see */
    struct registry *registry;
};

/* Messages (pipeline_message.c): one record's whole way up to its line protocol and detectors. */
void pipeline_take_message(struct pipeline *p, const struct journal_record *rec);
void pipeline_take_self(struct pipeline *p, const struct journal_record *rec);
/* A retained one instead (pipeline_retained.c). */
void pipeline_take_retained(struct pipeline *p, const struct intake_message *m, size_t source);

/* Only what cannot wait for the time to be known: shows and watches the message's readings. */
void pipeline_watch_message(struct pipeline *p, const struct journal_record *rec);

/* Messages without a known time (pipeline_hold.c). */
static inline bool pipeline_holds(const struct pipeline *p)
{
    return p->hold.began_seq != 0 && p->hold.ended_seq == 0;
}
static inline bool pipeline_releases(const struct pipeline *p)
{
    return p->hold.ended_seq != 0;
}
/* The tick's time, and what it changes. Returns the milliseconds since the one before. */
int64_t pipeline_take_time(struct pipeline *p, const struct intake_tick *t,
                           const struct journal_record *rec);
/* Up to `most` of the records that waited. LL_EAGAIN when none is left. */
ll_err pipeline_release(struct pipeline *p, int most, int *count);
/* The first record that is still needed. */
uint64_t pipeline_first_needed(const struct pipeline *p);
void pipeline_hold_save(const struct pipeline *p, struct buf *out);
ll_err pipeline_hold_load(struct pipeline *p, struct cursor *in);

/* Commands (pipeline_command.c). */
void pipeline_take_command(struct pipeline *p, const struct journal_record *rec);

/* Opening (pipeline_open.c): uses the registry's present content: a new snapshot, a table that
 * adopts the old one's state. */
ll_err pipeline_reload(struct pipeline *p);

/* Adds a record's lines to a lane; waits where the spool takes no more, since to go on would lose
 * them. Only the end of the program ends the wait. */
void pipeline_spool(struct pipeline *p, enum spool_lane lane, uint32_t count,
                    const struct buf *lines);

/* The loop (pipeline.c): up to a batch of records, none behind `up_to_seq`. LL_EAGAIN at the end of
 * the journal. */
ll_err pipeline_take_batch(struct pipeline *p, uint64_t up_to_seq);
/* Whether to try again what the disk refused: says why once in a while and waits. */
bool pipeline_stalled(struct pipeline *p, ll_err err);

/* Alarms that one record may bring before its timers wait for the next second: their lines must fit
 * one record of the spool, and a city that falls silent at once must not stand still. */
#define MAX_RECORD_ALARMS 20000

/* Alarms (pipeline_alarm.c): for alarms_new, and the record's transitions into the spool. */
void pipeline_emit_alarm(void *ctx, const struct alarm_record *r);
uint64_t pipeline_known_alarm(void *ctx, const struct alarm_cause *cause);
void pipeline_spool_alarms(struct pipeline *p);
/* Tries again what the archive has refused; LL_OK: it has all. */
ll_err pipeline_catch_up_archive(struct pipeline *p);
/* The time is known, from intake record `known_seq` on: alarms whose times are estimates, behind by
 * `by_ms`, get the true ones and go to the spool. To be tried again where it fails. */
ll_err pipeline_correct_alarms(struct pipeline *p, uint64_t known_seq, int64_t by_ms);
/* What the alarms lane has lost of that which the checkpoint calls done goes into it again. */
void pipeline_mend_alarms(struct pipeline *p);
/* Tells a watch's condition to its alarm and arms its timer. */
void pipeline_settle(struct pipeline *p, uint32_t watch, bool condition, double value);

/* Checkpoint (pipeline_checkpoint.c). Saving changes nothing that others look at: without
 * state_lock, so that they need not wait for the disk. */
ll_err pipeline_save(struct pipeline *p);
/* All of it or nothing. LL_ENOENT: there is none; LL_ECORRUPT. Needs the table. */
ll_err pipeline_restore(struct pipeline *p);

#endif

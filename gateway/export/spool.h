/*
 * The spool: what waits on disk to be sent, in two lanes, alarms and readings, each a journal.
 *
 * A record is: u64 intake sequence it came from, u64 readings in the lane up to and including it,
 * u32 readings in it, line protocol. The running total is what the ledger's "in flight" is counted
 * from. Spooling the same intake record twice (after a restart from an older checkpoint) is a
 * no-op.
 *
 * A lane that is full takes no more, unless the spool evicts: then the oldest readings are given up
 * for the new ones, a segment at a time. Age decides, and nothing else: a segment holds what came
 * in at one time, of every device. Alarms are never given up.
 *
 * Threads: spool_add and spool_flush by the pipeline; readers by the uploaders; spool_evict,
 * spool_total and spool_gone by any.
 */
#ifndef LL_EXPORT_SPOOL_H
#define LL_EXPORT_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/clock.h"
#include "gateway/base/err.h"
#include "gateway/journal/journal.h"

enum spool_lane { SPOOL_ALARMS, SPOOL_READINGS, SPOOL_LANES };

extern const char *const spool_lane_keys[SPOOL_LANES];

struct spool;

struct spool_record {
    uint64_t source_seq;
    uint64_t total; /* readings in the lane up to and including this record */
    uint32_t count;
    const char *text; /* borrowed; not zero-terminated */
    size_t len;
};

/* Opens both lanes in `dir`/alarms and `dir`/readings with the options given, each of which holds
 * for one lane. */
ll_err spool_open(const char *dir, const struct journal_options *options, struct spool **out);
void spool_close(struct spool *s);

/* Whether to give up the oldest readings when a lane is full; false at first. Before any spool_add.
 */
void spool_set_evicting(struct spool *s, bool evicting);
/* Gives up the oldest segment of the readings lane, whether it was sent or not; a destination that
 * still needed it finds the gap and counts it. LL_EAGAIN where there is none but the newest. */
ll_err spool_evict(struct spool *s, const char *why);

/* Whether what came from intake record `source_seq` is in the lane already. */
bool spool_has(const struct spool *s, enum spool_lane lane, uint64_t source_seq);
/* The last intake sequence that the lane has whole; 0: none. */
uint64_t spool_source(const struct spool *s, enum spool_lane lane);
/* Adds one record, or does nothing where spool_has. `time` is event time. */
ll_err spool_add(struct spool *s, enum spool_lane lane, uint64_t source_seq, struct wall_ms time,
                 uint32_t count, const char *text, size_t len);
ll_err spool_flush(struct spool *s);
ll_err spool_sync(struct spool *s);

/* Readings ever added to the lane. */
uint64_t spool_total(const struct spool *s, enum spool_lane lane);
/* Whether the last intake record of the lane is there in part; the rest is still to be added. */
bool spool_is_cut(const struct spool *s, enum spool_lane lane);
/* The lane once had `total` readings: where it has lost some of them it goes on from there, so that
 * its readers find a gap and count it. Before any spool_add and any reader. */
void spool_pass_total(struct spool *s, enum spool_lane lane, uint64_t total);
/* Of these, what was given up: the running total before the oldest record still held. */
uint64_t spool_gone(const struct spool *s);
struct journal *spool_journal(struct spool *s, enum spool_lane lane);

/* A reader of the lane that begins before its first record of intake record `source_seq`, or of a
 * later one; not far before it. */
ll_err spool_read_from(struct spool *s, enum spool_lane lane, uint64_t source_seq,
                       struct journal_reader **out);

/* Takes a journal record apart; LL_ECORRUPT. */
ll_err spool_parse(const struct journal_record *r, struct spool_record *out);

#endif

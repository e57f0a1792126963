/*
 * A reading's path, one call per stage: decode, resolve, validate, detect, alarm, export.
 *
 * The pipeline thread owns all mutable domain state. It reads the intake journal from its cursor,
 * never asks the clock (time is that of the records), and saves its state in a checkpoint, from
 * which it resumes. Other threads see it through the functions below, each of which says so.
 */
#ifndef LL_PIPELINE_H
#define LL_PIPELINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/conf/conf.h"
#include "gateway/export/spool.h"
#include "gateway/journal/intake_log.h"
#include "gateway/journal/journal.h"
#include "gateway/model/ledger.h"
#include "gateway/pipeline/sources.h"
#include "gateway/registry/registry.h"
#include "gateway/store/alarm_store.h"
#include "gateway/store/quarantine.h"

struct pipeline;

struct pipeline_parts {
    const struct conf *conf;
    struct journal *intake;
    struct intake_log *intake_log; /* commands are written through it */
    struct spool *spool; /* NULL: no destination is configured; readings are kept, not spooled */
    struct quarantine *quarantine;
    struct alarm_store *alarms;      /* used by the pipeline's thread alone */
    struct registry_db *registry_db; /* likewise */
    const char *checkpoint_path;     /* NULL: none is read or written */
    /* Told of each transition once it is in `alarms`. It must not wait for anything. NULL: nobody
     * wants to know. */
    void (*alarm_changed)(void *ctx, uint64_t alarm);
    void *alarm_ctx;
};

/* Loads the checkpoint and the registry; does not start the thread. Parts are borrowed. */
ll_err pipeline_new(const struct pipeline_parts *parts, struct pipeline **out);
void pipeline_free(struct pipeline *p);

/* The thread. Stop takes what is in the journal by then, writes a checkpoint and joins. */
ll_err pipeline_start(struct pipeline *p);
void pipeline_stop(struct pipeline *p);
/* Instead of the thread: takes the journal's next records, LL_EAGAIN where there is none; and all
 * that is in the journal. For replays and tests. */
ll_err pipeline_take(struct pipeline *p);
ll_err pipeline_drain(struct pipeline *p);

/* --- from any thread ------------------------------------------------------------------------- */

/* The pipeline's part of the books and, unless `list` is NULL, which source has how much of it; and
 * the messages that were in the journal, unread, at start. */
void pipeline_ledger(struct pipeline *p, struct ledger *out, struct source_list *list);
uint64_t pipeline_backlog_at_start(const struct pipeline *p);
/* The record after the last one that a checkpoint covers: older ones may be trimmed. */
uint64_t pipeline_checkpointed(struct pipeline *p);

/* One device's books, and the last value of each of its channels, as JSON. LL_ENOENT. */
ll_err pipeline_device(struct pipeline *p, const char *id, struct buf *out);

/* A command: journalled, taken in its turn, answered. {"do":"alarm_ack","alarm":12,"by":"li",
 * "note":"…"} or {"do":"registry_reload"}. The answer is JSON. LL_ENOENT, LL_ESTATE, LL_EINVAL with
 * {"error":"…"} in `answer`; LL_ETIMEOUT; LL_EBUSY where too many wait. */
ll_err pipeline_command(struct pipeline *p, const char *json, size_t len, struct buf *answer);

/* The recent-readings store: {"next":N,"items":[…]} with readings numbered above `after`, oldest
 * first, at most `limit`, of one device or, with "", of all. `after` UINT64_MAX: the newest. */
ll_err pipeline_recent(struct pipeline *p, uint64_t after, const char *device, size_t limit,
                       struct buf *out);

/* What would become of a message, without doing it: {"accepted":…,"lines":"…","readings":[…],
 * "reason":"…","detail":"…"}. Duplicates and delays are not judged. */
ll_err pipeline_explain(struct pipeline *p, const char *topic, const char *payload, size_t len,
                        struct buf *out);

/* The snapshot in use, with a reference for the caller. */
struct registry *pipeline_registry(struct pipeline *p);
/* Whether the time is known; until it is, messages wait in the intake journal. */
bool pipeline_time_known(struct pipeline *p);
/* Alarms that are not back to normal. */
uint32_t pipeline_open_alarms(struct pipeline *p);

#endif
